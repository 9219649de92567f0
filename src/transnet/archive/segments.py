"""The segments of one video of an archive, without pictures and progress bar."""

from __future__ import annotations

from typing import Any

from transnet.config import StreamConfig
from transnet.data.video.reader import VideoFile
from transnet.inference.label_events import LabelEvents
from transnet.inference.recognizer import Recognizer


def segments_of(recognizer: Recognizer, path: str) -> list[dict[str, Any]]:
    """What happens in a video from when to when; see :func:`transnet.find_segments`.

    Returns:
        ``label``, ``start_s``, ``end_s`` and ``score`` of each segment, in order of their start;
        nothing of a video that is shorter than a window.

    Raises:
        VideoError: the file cannot be opened, or is no video.
    """
    config = StreamConfig(every_s="step")
    session, events = recognizer.stream_session(config, name=path), LabelEvents(config)
    found = []
    with VideoFile(path) as video:
        for picture, time_s in video.timed_frames():
            prediction = session.push(picture, time_s)
            if prediction is not None:
                found += events.update(prediction)
    found += events.finish()
    # Those of several labels at once overlap, and come in the order in which they end.
    return [segment.to_dict() for segment in sorted(found, key=lambda segment: segment.start_s)]
