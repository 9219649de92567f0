from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import transnet
from tests.helpers import TINY_BACKBONE
from transnet import TransNetError, train
from transnet.cli import COMMANDS, main
from transnet.config import ClipConfig, ModelConfig, TrainingConfig


def test_help_imports_nothing_heavy():
    script = (
        "import sys; from transnet.cli import main; main(['--help']); "
        "assert not {'torch', 'timm', 'pytorch_lightning', 'av', 'numpy'} & set(sys.modules)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert all(command in shown.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_imports_nothing_heavy(command):
    script = (
        "import sys; from transnet.cli import main\n"
        f"try: main(['{command}', '--help'])\n"
        "except SystemExit: print(*{'torch', 'timm', 'lightning', 'av'} & set(sys.modules))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert shown.stdout.splitlines()[-1] == ""


def test_import_is_lazy_and_complete():
    script = "import sys, transnet; assert not {'torch', 'av'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
    for name in transnet.__all__:
        assert getattr(transnet, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = transnet.nothing


def test_every_module_imports():
    for module in pkgutil.walk_packages(transnet.__path__, "transnet."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_has_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert f"usage: transnet {command}" in shown
    if command == "train":
        for config in (ClipConfig, ModelConfig, TrainingConfig):
            for name in config.__dataclass_fields__:
                assert f"--{name.replace('_', '-')}" in shown


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["trian"], 2, "there is no command trian. Did you mean train?"),
        (["train", "x", "--out", "y", "--batch-sise", "3"], 2, "Did you mean --batch-size?"),
        (["train", "x", "--out", "y", "--epochs", "many"], 2, "Got value: many"),
        (["train", "x"], 2, "out"),
        (["train", "x", "--out", "y", "--readout", "max"], 2, "'pool', 'flatten'"),
        (["train", "x", "--out", "y", "--frames", "1"], 1, "--frames is 1; accepted: 2 to 1024"),
        (["train", "x", "--out", "y", "--views", "-1"], 1, "--views is -1; accepted: 0 or more"),
        (["train", "x", "--out", "y", "--seed", "99999999999"], 1, "accepted: 0 to 4294967295"),
        (["train", "x", "--out", "y", "--epoch", "3"], 2, "Did you mean --epochs?"),
        (["predict", "x", "y", "--device", "tpu"], 2, "'auto', 'cpu', 'cuda', 'mps'"),
        (["train", "x" * 300, "--out", "y"], 1, "this name is too long for a file"),
        (["train", "nowhere", "--out", "y"], 1, "DATA is 'nowhere', which does not exist"),
        (["predict", "nowhere", "x.mp4"], 1, "RUN is 'nowhere', which is not a run folder"),
        (["segment", "nowhere", "x.jpg"], 1, "RUN is 'nowhere', which holds no segmenter"),
        (["evaluate", "nowhere"], 1, "RUN is 'nowhere', which is not a run folder"),
    ],
)
def test_mistakes_are_explained(words, status, message, capsys):
    code = main(words)
    shown = capsys.readouterr().err
    assert code == status
    assert message in shown
    assert "Traceback" not in shown


def test_no_words_show_the_overview(capsys):
    assert main([]) == 2
    assert "usage: transnet COMMAND" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == transnet.__version__


def test_a_config_file_sets_options_and_the_command_line_wins(clips_folder, tmp_path, capsys):
    config = tmp_path / "recipe.yaml"
    config.write_text(
        f"backbone: {TINY_BACKBONE}\nweights: none\nframes: 4\nsize: 64\nepochs: 2\nseed: 7\n"
    )
    words = ["train", str(clips_folder), "--out", str(tmp_path / "run"), "--config", str(config)]
    assert main([*words, "--epochs", "1"]) == 0
    info = transnet.load(tmp_path / "run").info
    assert (info.clip.frames, info.training.epochs, info.training.seed) == (4, 1, 7)
    assert "saved to" in capsys.readouterr().err
    config.write_text("epocs: 2\n")
    assert main(words) == 2
    assert "there is no setting epocs. Did you mean epochs?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "message"),
    [("train", "Interrupted. Continue with --resume."), ("check", "Interrupted.")],
)
def test_an_interrupted_command_says_whether_it_can_continue(command, message, monkeypatch, capsys):
    def interrupted(data: str, *, out: str = "") -> None:
        """Do something.

        Args:
            data: what with
            out: where to
        """
        raise KeyboardInterrupt

    home = importlib.import_module(COMMANDS[command][0].partition(":")[0])
    monkeypatch.setattr(home, command, interrupted)
    assert main([command, "x"]) == 130
    assert capsys.readouterr().err.strip() == message


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_a_full_disk_of_standard_output_is_one_sentence(tmp_path):
    script = (
        "import sys\n"
        "from transnet import cli\n"
        "cli.COMMANDS['full'] = ('full_disk:full', '')\n"
        "sys.exit(cli.main(['full']))\n"
    )
    (tmp_path / "full_disk.py").write_text(
        'def full() -> None:\n    """Print."""\n    print("x", flush=True)\n'
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    with open("/dev/full", "w") as output:
        done = subprocess.run(
            [sys.executable, "-c", script],
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
    assert done.returncode == 1
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("settings", "words", "argument", "option"),
    [
        ({"weights": "no.pth"}, ["--weights", "no.pth"], "weights is 'no.pth'", "--weights is"),
        ({"split": "third"}, ["--split", "third"], "split is 'third'", "--split is"),
        ({"devices": 2}, ["--devices", "2"], "devices is 2", "--devices is 2"),
        ({"seeds": 0}, ["--seeds", "0"], "seeds is 0", "--seeds is 0"),
    ],
)
def test_errors_speak_of_arguments_in_python_and_of_options_here(
    clips_folder, tmp_path, capsys, settings, words, argument, option
):
    with pytest.raises(TransNetError) as caught:
        train(str(clips_folder), out=str(tmp_path / "run"), **settings)
    assert str(caught.value).startswith(argument)
    assert main(["train", str(clips_folder), "--out", str(tmp_path / "run"), *words]) == 1
    assert f"error: {option}" in capsys.readouterr().err
