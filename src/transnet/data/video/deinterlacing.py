"""Interlaced video: two half pictures of different moments become one whole picture."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

import av
from av.filter import Graph

# One frame out for each frame in; frames that are not marked as interlaced pass unchanged.
_FILTER, _OPTIONS = "bwdif", "mode=send_frame:parity=auto:deint=interlaced"


def deinterlaced(frames: Iterable[av.VideoFrame]) -> Generator[av.VideoFrame, None, None]:
    """Deinterlace the frames that say that they are interlaced; the others stay as they are.

    As many frames as come in go out, with their times. The filter starts at the first interlaced
    frame, so progressive video passes untouched and at no cost.
    """
    graph: _Deinterlacer | None = None
    for frame in frames:
        if graph is not None and not graph.fits(frame):
            yield from graph.finish()
            graph = None
        if graph is None and frame.interlaced_frame:
            graph = _Deinterlacer(frame)
        if graph is None:
            yield frame
        else:
            yield from graph.push(frame)
    if graph is not None:
        yield from graph.finish()


class _Deinterlacer:
    def __init__(self, first: av.VideoFrame) -> None:
        self._kind = _kind(first)
        self._graph = Graph()
        source = self._graph.add_buffer(
            width=first.width,
            height=first.height,
            format=first.format,
            time_base=first.time_base,
        )
        chain = [source, self._graph.add(_FILTER, _OPTIONS), self._graph.add("buffersink")]
        self._graph.link_nodes(*chain).configure()

    def fits(self, frame: av.VideoFrame) -> bool:
        return _kind(frame) == self._kind

    def push(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        self._graph.vpush(frame)
        while True:
            try:
                yield self._graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return

    def finish(self) -> Iterator[av.VideoFrame]:
        yield from self.push(None)


def _kind(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
