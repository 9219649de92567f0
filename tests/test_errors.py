"""Messages speak of arguments in Python, and of options on the command line."""

import pickle

import pytest

from tests.helpers import TINY_BACKBONE
from transnet.cli import main
from transnet.errors import TransNetError, VideoError


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("--out is 'x', which holds a run.", "out is 'x', which holds a run."),
        ("use --workers 1 or a smaller --batch-size.", "use workers=1 or a smaller batch_size."),
        ("use --freeze false; or --unknown off.", "use freeze=False; or unknown='off'."),
        ("(--max-broken, --broken wrong)", "(max_broken, broken='wrong')"),
        ("RUN is 'x', an export", "run is 'x', an export"),
        # Commands stay commands, and what is no option stays, too.
        ("pip install --upgrade 'transnet-har[app]'", "pip install --upgrade 'transnet-har[app]'"),
        ("Continue: transnet train ... --resume.", "Continue: transnet train ... --resume."),
        ("a - b -- c, well--known", "a - b -- c, well--known"),
    ],
)  # fmt: skip
def test_an_option_is_an_argument_in_python(written, read):
    error = TransNetError(written)
    assert str(error) == read
    with TransNetError.speaking_of_options():
        assert str(error) == written
        assert f"{VideoError('a.mp4', written)}" == f"a.mp4: {written}"
    assert str(pickle.loads(pickle.dumps(error))) == read


def test_a_command_speaks_of_options_and_python_after_it_of_arguments(
    clips_folder, tmp_path, capsys
):
    import transnet

    (tmp_path / "thesis.txt").write_text("mine")
    plain = {"backbone": TINY_BACKBONE, "weights": "none", "out": str(tmp_path)}
    options = [word for name, value in plain.items() for word in (f"--{name}", value)]
    assert main(["train", str(clips_folder), *options]) == 1
    assert f"--out is '{tmp_path}'" in capsys.readouterr().err
    with pytest.raises(TransNetError, match="^out is "):
        transnet.train(str(clips_folder), **plain)
