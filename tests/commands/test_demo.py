import pytest

from transnet import TransNetError
from transnet.cli import main
from transnet.commands.demo import demo


@pytest.mark.slow
def test_the_whole_demo_in_miniature_twice(tmp_path, capsys):
    for _ in range(2):  # the second replaces the first
        assert main(["demo", "--small", "--out", str(tmp_path / "demo")]) == 0
        run = tmp_path / "demo/run"
        assert (run / "metrics.json").exists()
        assert (run / "report.html").exists()
        assert (tmp_path / "demo/unseen_recognized.mp4").stat().st_size > 1000
        assert "people who are not in the training set" in capsys.readouterr().err


def test_nobody_elses_folder_is_touched(tmp_path):
    precious = tmp_path / "clips/precious.mp4"
    precious.parent.mkdir()
    precious.touch()
    with pytest.raises(TransNetError, match="holds files that are not of a demo"):
        demo(out=str(tmp_path), small=True)
    assert precious.exists()
    (tmp_path / "file").touch()
    with pytest.raises(TransNetError, match="cannot be made"):
        demo(out=str(tmp_path / "file/demo"), small=True)
