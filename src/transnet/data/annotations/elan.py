"""ELAN's .eaf: annotations of tiers that are aligned to time, in milliseconds.

https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from transnet.data.annotations.annotation import Annotation
from transnet.data.annotations.reading import ACTION_NAMES, Reading
from transnet.data.annotations.videos import VideoFinder


def read_elan(root: Element, finder: VideoFinder) -> Reading:
    """Read the tiers named ``action`` (or ``activity``, ...), or all tiers if there is none.

    A document with several cameras gives each video the same segments, as one group.
    """
    times = _slots(root)
    tiers = {
        tier.get("TIER_ID", ""): [*tier.iter("ALIGNABLE_ANNOTATION")] for tier in root.iter("TIER")
    }
    tiers = {name: aligned for name, aligned in tiers.items() if aligned}
    named = [name for name in tiers if re.split(r"[@_\s-]", name.casefold())[0] in ACTION_NAMES]
    used = named or list(tiers)
    media = _media(root, finder)
    group = media[0][0]
    found = []
    for video, origin_s in media:
        for name in used:
            for node in tiers[name]:
                label = (node.findtext("ANNOTATION_VALUE") or "").strip()
                limits = [node.get(f"TIME_SLOT_REF{number}", "") for number in (1, 2)]
                start_s, end_s = (times[slot] + origin_s for slot in limits)
                if label:
                    found.append(
                        Annotation(Path(video), label, group, start_s=start_s, end_s=end_s)
                    )
    notes = []
    if len(tiers) > 1:
        notes.append(f"labels are the annotations of the tiers {', '.join(used)} of {group}.")
    return found, notes


def _media(root: Element, finder: VideoFinder) -> list[tuple[str, float]]:
    """Each video of the document, and the offset of its time in seconds."""
    media = []
    for node in root.iter("MEDIA_DESCRIPTOR"):
        addresses = [node.get(name, "") for name in ("RELATIVE_MEDIA_URL", "MEDIA_URL")]
        known = [address for address in addresses if address]
        if known and not node.get("MIME_TYPE", "").startswith("audio"):
            address = next((one for one in known if finder.find(one)), known[0])
            media.append((address, int(node.get("TIME_ORIGIN") or 0) / 1000))
    header = root.find("HEADER")
    if not media and header is not None and header.get("MEDIA_FILE"):
        media = [(header.get("MEDIA_FILE", ""), 0.0)]
    if not media:
        raise ValueError("it names no video; link one in ELAN (Edit > Linked Files)")
    return media


def _slots(root: Element) -> dict[str, float]:
    """Seconds of each time slot; slots without a value lie evenly between their neighbors."""
    slots = list(root.iter("TIME_SLOT"))
    known = {i: int(slot.attrib["TIME_VALUE"]) for i, slot in enumerate(slots)
             if slot.get("TIME_VALUE")}  # fmt: skip
    if not known:
        return {}
    values = np.interp(range(len(slots)), list(known), list(known.values()))
    return {
        slot.get("TIME_SLOT_ID", ""): float(value) / 1000
        for slot, value in zip(slots, values, strict=True)
    }
