import numpy as np

from benchmarks.arrow_of_time import turn
from transnet.data.manifest import ClipRecord
from transnet.data.video.reader import decode_frames


def test_both_directions_show_the_same_pictures(make_video, tmp_path):
    video = make_video("a.mp4", num_frames=9)
    turn([ClipRecord(video, "wave", group="anna")], tmp_path)
    forward, backward = (
        [pixels for pixels, _ in decode_frames(tmp_path / "turned" / f"wave_a_{way}.mkv")]
        for way in ("forward", "backward")
    )
    assert len(forward) == 9
    assert np.array_equal(forward, backward[::-1])
    assert not np.array_equal(forward, backward)
