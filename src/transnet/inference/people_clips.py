"""The people of training and test clips: whom each clip is cropped to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from transnet.config import ClipConfig
from transnet.data.cache.features import FeatureCache
from transnet.data.cache.store import entry_key
from transnet.data.manifest import ClipRecord
from transnet.data.people.boxes import Box
from transnet.data.people.following import VERSION, follow
from transnet.data.people.paths import PersonPath
from transnet.data.video.frames import Pixels
from transnet.errors import VideoError
from transnet.utils.progress import progress_bar, say

KIND = "people"


class NamedFinder(Protocol):
    """Finds people, and says by what; a :class:`~transnet.inference.finders.PeopleFinder`."""

    name: str

    def __call__(self, pixels: Pixels) -> list[Box]:
        """A box around each person in a picture."""


def follow_clips(
    records: Sequence[ClipRecord], find: NamedFinder, cache: FeatureCache, config: ClipConfig
) -> tuple[ClipRecord, ...]:
    """Find out whom each clip is cropped to: the person who fills most of it over time.

    What was found is cached, by the bytes of the video and the network that finds people.

    Args:
        records: the clips.
        find: where people are.
        cache: where the paths of the people are kept.
        config: the place that is watched.

    Returns:
        The clips, each with a ``person``. Reading a clip without people raises ``VideoError``.

    Raises:
        TransNetError: the cache cannot be written.
    """
    followed, nobody = [], 0
    with progress_bar("following people", len(records), "clips", delay_s=2) as bar:
        for record in records:
            bar.update(1)
            try:
                path = _person_of(record, find, cache, config.region)
            except VideoError as error:
                path = PersonPath((), error.reason)
            nobody += not path.steps
            followed.append(replace(record, person=path))
    if nobody:
        say(f"in {nobody} of {len(records)} clips there is nobody who can be followed")
    return tuple(followed)


def with_people(records: Sequence[ClipRecord]) -> tuple[ClipRecord, ...]:
    """The clips of :func:`follow_clips` in which somebody is found."""
    return tuple(record for record in records if record.person and record.person.steps)


def known_clips(
    records: Sequence[ClipRecord], finder: str, cache: FeatureCache, config: ClipConfig
) -> tuple[ClipRecord, ...]:
    """The clips whose people are known from a training or an evaluation, each with its ``person``.

    Args:
        records: the clips.
        finder: the name of what found people then.
        cache: where the paths of the people are kept.
        config: the place that is watched.
    """
    found = []
    for record in records:
        try:
            path = cache.get(_key(record, finder, cache, config.region))
        except VideoError:
            continue
        if path is not None and len(path):
            found.append(replace(record, person=PersonPath.from_array(path)))
    return tuple(found)


def _key(record: ClipRecord, finder: str, cache: FeatureCache, region: str) -> str:
    identity = f"{cache.video_digest(record.path)}:{record.start}:{record.end}"
    return entry_key(KIND, clip=identity, finder=finder, region=region, version=VERSION)


def _person_of(
    record: ClipRecord, find: NamedFinder, cache: FeatureCache, region: str
) -> PersonPath:
    key = _key(record, find.name, cache, region)
    known = cache.get(key)
    if known is None:
        paths = follow(record.path, find, region, start=record.start, end=record.end).values()
        longest = max(paths, key=lambda path: path.presence, default=PersonPath(()))
        known = longest.to_array()
        cache.put({key: known})
    return PersonPath.from_array(known)
