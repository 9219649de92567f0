"""ActivityNet's JSON, in which THUMOS14, HACS and others are published as well.

http://activity-net.org/download.html
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transnet.data.annotations.annotation import SUBSETS, Annotation
from transnet.data.annotations.reading import Reading


def read_activitynet(content: Mapping[str, Any]) -> Reading:
    """Read the labeled segments, in seconds, with the subsets of their videos."""
    found = []
    unlabeled = 0
    for video, entry in content["database"].items():
        annotations = entry.get("annotations") or []
        unlabeled += not annotations
        subset = SUBSETS.get(str(entry.get("subset", "")).casefold(), "unused")
        for annotation in annotations:
            start_s, end_s = (float(limit) for limit in annotation["segment"])
            found.append(
                Annotation(
                    Path(video),
                    str(annotation["label"]),
                    video,
                    start_s=start_s,
                    end_s=end_s,
                    subset=subset,
                )
            )
    notes = [f"{unlabeled} videos have no annotations and are not used."] if unlabeled else []
    return found, notes
