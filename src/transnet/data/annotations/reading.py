"""What the readers of annotation formats have in common."""

from __future__ import annotations

from transnet.data.annotations.annotation import Annotation

Reading = tuple[list[Annotation], list[str]]
"""Annotations, whose videos are as the file names them, and notes."""

ACTION_NAMES = ("action", "actions", "activity", "behavior", "behaviour", "label", "class", "event")
"""Names of the attribute, tier or field that holds the action, the best first."""
