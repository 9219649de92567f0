"""``transnet predict``: classify videos, or find the segments of long ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from transnet.commands.finding import finder_of
from transnet.commands.output import FileResults
from transnet.config import Device, StreamConfig, TimelineFormat, Unknown
from transnet.errors import TransNetError, VideoError
from transnet.utils.paths import expanded
from transnet.utils.progress import say, warn

TRAINED = "trained on: its score says nothing"

if TYPE_CHECKING:
    from transnet.evaluation.trained_clips import TrainedVideos
    from transnet.inference.finders import PeopleFinder
    from transnet.inference.people import PeopleOfVideo
    from transnet.inference.recognizer import Recognizer


def predict(
    run: str,
    videos: list[str],
    *,
    json: bool = False,
    allow_partial: bool = False,
    isolate: bool = False,
    timeline: bool = False,
    stream: StreamConfig = StreamConfig(),
    format: TimelineFormat | None = None,
    out: str | None = None,
    people: bool = False,
    segmenter: str | None = None,
    detector: str | None = None,
    region: str = "",
    unknown: Unknown = "auto",
    device: Device = "auto",
) -> int:
    """Classify videos, or find the segments of long ones with --timeline.

    Args:
        run: run folder of transnet train, or output folder of transnet export
        videos: video files, and folders to search for videos
        json: print one JSON object per line: path, label, score, scores, known, and trained_on if
            the run was trained on the video; or path and error; with --timeline, path and
            segments; with --people, path and people
        allow_partial: use the good frames of a damaged file instead of rejecting it
        isolate: decode in a child process with limits of memory and time, for files of strangers;
            not with --timeline or --people
        timeline: find the segments of a long video, with the label, start, end and score of each;
            with --people those of each person, of runs that answer one label at a time
        stream: how a long video is classified
        format: format of a timeline; by default from the suffix of --out, else text; with --people
            text, json, csv or html
        out: file for the timeline, or folder for the timelines of several videos
        people: find and follow people, and classify each by itself
        segmenter: with --people: run folder of transnet pretrain, whose masks show where people are
        detector: with --people: weights of a detector of torchvision, a file, or its name; by
            default one in torchvision's cache
        region: watch one place only, x,y,w,h of the displayed picture, in pixels or as shares from
            0 to 1; by default as in training
        unknown: call a video unknown that is unlike the training clips; auto: if transnet
            evaluate has shown that it pays
        device: auto (a GPU if there is one), cpu, cuda or mps

    Returns:
        0, or 1 if a video could not be read or was damaged; the others are classified.

    Raises:
        TransNetError: RUN is not a trained run, or a folder holds no videos.
    """
    from transnet.data.datasets.folder import videos_below
    from transnet.deploy.loading import load
    from transnet.deploy.runtime import ExportedRecognizer

    if (format or out) and not timeline:
        raise TransNetError("--format and --out are for timelines; add --timeline.")
    if isolate and (timeline or people):
        raise TransNetError(
            "--isolate is for whole clips; leave out --timeline and --people, or --isolate."
        )
    recognizer: Any = load(run, device=device, unknown=unknown).watching(region)
    exported = isinstance(recognizer, ExportedRecognizer)
    find = finder_of(recognizer, people=people, segmenter=segmenter, detector=detector)
    paths = expanded(videos, videos_below, "video")
    if timeline:
        if exported:
            raise TransNetError(
                f"RUN is {run!r}, an export; --timeline needs the run folder of transnet train."
            )
        answers = _timelines(recognizer, paths, stream, "json" if json else format, out, find)
    elif find is not None:
        answers = _people(recognizer, paths, allow_partial, find)
    else:
        num_frames = len(paths) * recognizer.info.clip.frames
        accelerated = nullcontext() if exported else recognizer.accelerated(num_frames)
        answers = _predictions(recognizer, accelerated, paths, allow_partial, isolate)
    results = FileResults(json=json)
    _tell(results, recognizer, zip(paths, answers, strict=True), allow_partial=allow_partial)
    return results.exit_status


def _tell(
    results: FileResults,
    recognizer: Any,
    answers: Iterable[tuple[str, Any]],
    *,
    allow_partial: bool,
) -> None:
    """Print each answer that is not written elsewhere, and what is wrong with its video."""
    from transnet.inference.people import PeopleOfVideo
    from transnet.inference.prediction import Prediction

    trained = _trained_videos(recognizer)
    for path, answer in answers:
        if isinstance(answer, VideoError):
            results.error(path, answer)
            continue
        if isinstance(answer, Prediction | PeopleOfVideo):
            if path not in trained:
                results.result(answer, answer.to_dict())
            else:
                first, *more = str(answer).splitlines()
                text = "\n".join([f"{first} ({TRAINED})", *more])
                results.result(text, {**answer.to_dict(), "trained_on": True})
        elif path in trained and not results.json:
            warn(f"{path} was trained on, so its timeline says nothing about other videos")
        if answer.damage:
            results.failed += not allow_partial
            if not results.json:
                say(f"warning: {path}: {answer.damage}")


def _trained_videos(recognizer: Any) -> TrainedVideos | frozenset[str]:
    from transnet.evaluation.trained_clips import TrainedVideos

    folder = getattr(recognizer, "folder", None)  # an export has none
    try:
        return TrainedVideos(folder) if folder else frozenset()
    except TransNetError as error:  # nothing of clips.csv is needed to predict
        warn(f"{error} So videos that were trained on are not marked.")
        return frozenset()


def _predictions(
    recognizer: Any, accelerated: Any, paths: list[str], allow_partial: bool, isolate: bool
) -> Iterator[Any]:
    from transnet.data.clips import read_clip
    from transnet.data.isolated import IsolatedReader
    from transnet.data.video.isolation import Isolation

    with accelerated, Isolation() as isolation:
        read = IsolatedReader(isolation) if isolate else read_clip
        yield from recognizer.predict_all(paths, allow_partial=allow_partial, read=read)


def _people(
    recognizer: Any, paths: list[str], allow_partial: bool, find: PeopleFinder
) -> Iterator[PeopleOfVideo | VideoError]:
    from transnet.inference.people import predict_people

    for path in paths:
        try:
            yield predict_people(recognizer, path, find, allow_partial=allow_partial)
        except VideoError as error:
            yield error


def _timelines(
    recognizer: Recognizer,
    paths: list[str],
    stream: StreamConfig,
    format: TimelineFormat | None,
    out: str | None,
    find: PeopleFinder | None,
) -> Iterator[Any]:
    """The timeline of each video, once it is written, or what is wrong with the video."""
    from transnet.inference.people_formats import require_people_format
    from transnet.inference.people_timeline import find_people_segments
    from transnet.inference.timeline import find_segments
    from transnet.inference.timeline_files import TimelineTarget

    target = TimelineTarget.choose(paths, format, out)
    if find is not None:
        require_people_format(target.form)
    with recognizer.accelerated():
        for path in paths:
            try:
                if find is None:
                    found: Any = find_segments(recognizer, path, stream)
                else:
                    found = find_people_segments(recognizer, path, find, stream)
            except VideoError as error:
                yield error
                continue
            target.put(found)
            yield found
