"""What ``predict`` and ``live`` find people with, and whether the run fits it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transnet.errors import TransNetError

if TYPE_CHECKING:
    from transnet.inference.base import BaseRecognizer
    from transnet.inference.finders import PeopleFinder


def finder_of(
    recognizer: BaseRecognizer, *, people: bool, segmenter: str | None, detector: str | None
) -> PeopleFinder | None:
    """What finds people; ``None`` without ``--people``.

    Raises:
        TransNetError: the run is trained on crops of people, and ``people`` is not set; or what
            finds them is missing.
    """
    if not people:
        if segmenter is not None or detector is not None:
            raise TransNetError("--segmenter and --detector find people; add --people.")
        from transnet.data.clips import require_whole_pictures  # imports PyAV

        require_whole_pictures(recognizer.info.clip)
        return None
    from transnet.inference.finders import find_people, warn_of_another
    from transnet.inference.recognizer import Recognizer
    from transnet.model.networks import device_of

    device = "cpu"
    if isinstance(recognizer, Recognizer):
        device = device_of(recognizer.model).type
    find = find_people(segmenter=segmenter, detector=detector, device=device)
    warn_of_another(getattr(recognizer.info, "people", ""), find)
    return find
