"""``transnet live``: classify a camera, a stream or a file while it runs."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from transnet.config import Device, StreamConfig
from transnet.utils.progress import progress_bar, say
from transnet.utils.signals import sigterm_as_interrupt

if TYPE_CHECKING:
    from transnet.commands.live_outputs import LiveOutput
    from transnet.data.video.sources import FrameSource


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
    device: Device = "auto",
) -> int:
    """Classify a webcam, a network stream, a video file or a pipe while it runs.

    Args:
        run: run folder of transnet train
        source: webcam number, RTSP or HTTP address, video file, or - for raw frames (rgb24) on
            standard input
        stream: how the stream is classified
        json: print JSON lines of kind window, segment and, at the end, summary; opens no window
        out: write the stream with the scores on it to this video (.mp4)
        no_window: do not open a window; print a line per event
        realtime: play a file at its own speed and drop frames if the machine is too slow
        input_size: size of raw frames, WIDTHxHEIGHT
        fps: frame rate of raw frames
        device: auto (a GPU if there is one), cpu, cuda or mps

    Returns:
        0, also after Ctrl-C or SIGTERM; 1 if a file was damaged.

    Raises:
        TransNetError: RUN is not a trained run, or SOURCE cannot be opened.
    """
    from transnet.commands.live_loop import LiveLoop
    from transnet.data.video.sources import open_source
    from transnet.inference.events import EventDetector
    from transnet.inference.recognizer import load
    from transnet.inference.stream import interval_s

    recognizer = load(run, device=device)
    session = recognizer.stream_session(replace(stream, every_s=0.0), name=source)
    every_s = interval_s(recognizer.info, stream)
    with ExitStack() as stack:
        stack.enter_context(recognizer.accelerated())
        opened = open_source(
            source, every_s=every_s, realtime=realtime, input_size=input_size, fps=fps
        )
        frames = stack.enter_context(opened)
        say(f"watching {frames.name}; the first prediction comes after {session.span_s:.1f} s")
        outputs = _outputs(frames, stack, json=json, out=out, window=not (json or no_window))
        loop = LiveLoop(session, frames, EventDetector(stream), outputs)
        bar = stack.enter_context(progress_bar("watching", None, "frames"))
        try:
            with sigterm_as_interrupt():
                loop.run(bar)
        except KeyboardInterrupt:
            bar.leave = False
        loop.finish()
    loop.summarize()
    if not loop.num_windows:
        say(
            "no prediction: the video ended before the first window was full "
            f"({session.span_s:.1f} s); a smaller --step-s makes windows shorter"
        )
    if out:
        say(f"saved to {out}")
    if frames.damage:
        say(f"warning: {frames.name}: {frames.damage}")
    return 1 if frames.damage else 0


def _outputs(
    frames: FrameSource, stack: ExitStack, *, json: bool, out: str | None, window: bool
) -> list[LiveOutput]:
    from transnet.commands.live_outputs import AnnotatedVideo, EventLines, JsonLines, OnScreen
    from transnet.commands.preview_window import has_screen

    outputs: list[LiveOutput] = [JsonLines(frames) if json else EventLines()]
    if out:
        outputs.append(AnnotatedVideo(out, stack))
    if window and has_screen():
        outputs.append(OnScreen(frames, stack))
    return outputs
