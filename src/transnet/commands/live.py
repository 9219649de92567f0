"""``transnet live``: classify a camera, a stream or a file while it runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from transnet.commands.finding import finder_of
from transnet.config import Device, StreamConfig, Unknown
from transnet.utils.progress import progress_bar, say
from transnet.utils.signals import sigterm_as_interrupt

if TYPE_CHECKING:
    from transnet.commands.live_loop import LiveLoop
    from transnet.commands.people_loop import PeopleLoop
    from transnet.data.video.sources import FrameSource
    from transnet.inference.finders import PeopleFinder
    from transnet.inference.recognizer import Recognizer


def live(
    run: str,
    source: str,
    *,
    stream: StreamConfig = StreamConfig(),
    json: bool = False,
    out: str | None = None,
    no_window: bool = False,
    realtime: bool = False,
    input_size: str | None = None,
    fps: float = 25.0,
    people: bool = False,
    segmenter: str | None = None,
    detector: str | None = None,
    region: str = "",
    unknown: Unknown = "auto",
    device: Device = "auto",
) -> int:
    """Classify a webcam, a network stream, a video file or a pipe while it runs.

    Args:
        run: run folder of transnet train
        source: webcam number, RTSP or HTTP address, video file, or - for raw frames (rgb24) on
            standard input
        stream: how the stream is classified
        json: print JSON lines of kind window and segment, with --people of kind person, and, at
            the end, summary; opens no window
        out: write the stream with the scores on it to this video (.mp4)
        no_window: do not open a window; print a line per event
        realtime: play a file at its own speed and drop frames if the machine is too slow
        input_size: size of raw frames, WIDTHxHEIGHT
        fps: frame rate of raw frames
        people: find and follow people, and classify each by itself; prints a line whenever a
            person's label changes, or JSON lines of kind person
        segmenter: with --people: run folder of transnet pretrain, whose masks show where people are
        detector: with --people: weights of a detector of torchvision, a file, or its name; by
            default one in torchvision's cache
        region: watch one place only, x,y,w,h of the displayed picture, in pixels or as shares from
            0 to 1; by default as in training
        unknown: call what is unlike the training clips unknown, so that it is no event; auto: if
            transnet evaluate has shown that it pays
        device: auto (a GPU if there is one), cpu, cuda or mps

    Returns:
        0, also after Ctrl-C or SIGTERM; 1 if a file was damaged.

    Raises:
        TransNetError: RUN is not a trained run, SOURCE cannot be opened, or nothing is there that
            finds people.
    """
    from transnet.commands.live_lines import EventLines, JsonLines
    from transnet.commands.live_loop import LiveLoop, event_drawing
    from transnet.commands.live_pictures import LivePictures
    from transnet.data.video.sources import open_source
    from transnet.inference.label_events import LabelEvents
    from transnet.inference.recognizer import load
    from transnet.inference.stream import interval_s

    recognizer = load(run, device=device, unknown=unknown).watching(region)
    find = finder_of(recognizer, people=people, segmenter=segmenter, detector=detector)
    opening = partial(open_source, source, realtime=realtime, input_size=input_size, fps=fps)
    window = not (json or no_window)
    if find is not None:
        return _people(recognizer, find, opening, stream, json=json, out=out, window=window)
    every_s = interval_s(recognizer.info, stream)
    session = recognizer.stream_session(replace(stream, every_s=0.0), name=source)
    with ExitStack() as stack:
        stack.enter_context(recognizer.accelerated())
        frames = stack.enter_context(opening(every_s=every_s))
        say(f"watching {frames.name}; the first prediction comes after {session.span_s:.1f} s")
        lines = JsonLines(frames) if json else EventLines()
        pictures = LivePictures(frames, event_drawing(), stack, out=out, window=window)
        loop = LiveLoop(session, frames, LabelEvents(stream), lines, pictures)
        _run_until_stopped(loop, stack)
        loop.finish()
    loop.summarize()
    if not loop.num_windows:
        say(
            "no prediction: the video ended before the first window was full "
            f"({session.span_s:.1f} s); a smaller --step-s makes windows shorter"
        )
    return _end(frames, out)


def _run_until_stopped(loop: LiveLoop | PeopleLoop, stack: ExitStack) -> None:
    """Watch until the source ends, or Ctrl-C or SIGTERM ends it."""
    bar = stack.enter_context(progress_bar("watching", None, "frames"))
    try:
        with sigterm_as_interrupt():
            loop.run(bar)
    except KeyboardInterrupt:
        bar.leave = False


def _end(frames: FrameSource, out: str | None) -> int:
    """Say where the video is and what was damaged; the exit status."""
    if out:
        say(f"saved to {out}")
    if frames.damage:
        say(f"warning: {frames.name}: {frames.damage}")
    return 1 if frames.damage else 0


def _people(
    recognizer: Recognizer,
    find: PeopleFinder,
    opening: Callable[[], AbstractContextManager[FrameSource]],
    stream: StreamConfig,
    *,
    json: bool,
    out: str | None,
    window: bool,
) -> int:
    from transnet.commands.live_pictures import LivePictures
    from transnet.commands.people_loop import PeopleJsonLines, PeopleLines, PeopleLoop, drawn
    from transnet.inference.people import PeopleSession

    with ExitStack() as stack:
        stack.enter_context(recognizer.accelerated())
        frames = stack.enter_context(opening())
        session = PeopleSession(recognizer, find, stream, name=frames.name)
        say(
            f"watching the people of {frames.name}; the first prediction of a person comes after "
            f"{session.span_s:.1f} s"
        )
        lines = PeopleJsonLines() if json else PeopleLines()
        pictures = LivePictures(frames, drawn, stack, out=out, window=window)
        loop = PeopleLoop(session, frames, stream, lines, pictures)
        _run_until_stopped(loop, stack)
    loop.summarize()
    return _end(frames, out)
