"""Runs and weights on the hub: pushed to a stand-in of its HTTP on 127.0.0.1, and read again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import yaml
from huggingface_hub import constants
from PIL import Image
from safetensors.torch import save

import transnet
from tests.docs.pages import ROOT, blocks, commands
from tests.helpers import TINY_BACKBONE
from tests.hub_server import Hub, running_hub
from transnet import TransNetError
from transnet.checkpoints.backbone_weights import find_weights
from transnet.checkpoints.hub_files import local_folder
from transnet.checkpoints.run import load_run_info, save_run_info
from transnet.cli import main

# The client's own, in its upload of large files.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The stand-in is the hub of the client, whose cache is empty."""
    local_folder.__globals__["_downloaded"].cache_clear()
    with running_hub() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        template = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", hub.token)
        yield hub


@pytest.fixture
def run(trained_run, tmp_path) -> Path:
    """A copy of the run that was not evaluated, whatever other tests do with the run."""
    folder = tmp_path / "run"
    shutil.copytree(trained_run, folder, ignore=shutil.ignore_patterns("metrics.json"))
    return folder


def restart(monkeypatch, tmp_path) -> None:
    """What another process would know: only the client's cache."""
    local_folder.__globals__["_downloaded"].cache_clear()
    monkeypatch.setenv("TRANSNET_CACHE", str(tmp_path / "another-cache"))


def card(hub: Hub, name: str) -> tuple[dict, str]:
    repository = hub.repositories[name]
    text = repository.commits[repository.head]["README.md"].decode()
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body


def test_a_pushed_run_predicts_the_same(hub, run, clips_folder, monkeypatch, tmp_path, capsys):
    assert main(["push", str(run), "anna/moves"]) == 0
    shown = capsys.readouterr().err
    assert f"{hub.address}/anna/moves" in shown and "was not evaluated" in shown
    files = hub.repositories["anna/moves"].commits[hub.repositories["anna/moves"].head]
    assert set(files) == {"config.json", "model.safetensors", "README.md"}
    assert str(tmp_path).encode() not in files["config.json"] + files["README.md"]
    assert str(clips_folder).encode() not in files["config.json"] + files["model.safetensors"]

    clip = next(clips_folder.rglob("*.avi"))
    expected = transnet.load(run, device="cpu").predict(clip)
    assert transnet.load("hf-hub:anna/moves").predict(clip).scores == expected.scores
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith("hf-hub:anna/moves: a recognizer of 3 classes on test_")
    assert "license: unknown" in told

    asked = {path.rpartition("/")[2] for method, path in hub.requests if method == "GET"}
    assert asked == {"config.json", "model.safetensors"}

    # Another process without a network has the same, from the cache of the hub's client.
    restart(monkeypatch, tmp_path)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert transnet.load("hf-hub:anna/moves").predict(clip).scores == expected.scores


def test_a_downloaded_run_knows_what_it_was_trained_on(hub, run, clips_folder, tmp_path, capsys):
    transnet.load(run).push_to_hub("anna/moves", license="mit")
    words = ["evaluate", "hf-hub:anna/moves", "--cache", str(tmp_path / "features")]
    assert main([*words, "--data", str(clips_folder)]) == 1
    assert "of the 30 test clips were trained on" in capsys.readouterr().err
    assert main([*words, "--data", str(clips_folder), "--split", "group"]) == 0
    assert main(words) == 1
    assert "--data" in capsys.readouterr().err


@pytest.mark.parametrize(("leak", "said"), [(0.99, "too high"), (0.0, "states the score")])
def test_the_card_states_the_score_and_the_leak(hub, run, capsys, leak, said):
    info = load_run_info(run)
    source = "timm hub: timm/test_resnet.r160_in1k"
    weights = replace(info.backbone, weights=source, license="apache-2.0", pretraining="imagenet")
    metrics = transnet.evaluate(run).to_dict()
    metrics["protocol"]["siblings_in_train"] = leak
    metrics["top1_interval"] = [0.25, 0.75]
    (run / "metrics.json").write_text(json.dumps(metrics))
    recognizer = transnet.load(run)
    recognizer.info = replace(info, backbone=weights)
    recognizer.push_to_hub("anna/scored")
    head, body = card(hub, "anna/scored")
    assert head["library_name"] == "transnet-har"
    assert head["pipeline_tag"] == "video-classification"
    assert head["license"] == "apache-2.0"
    assert head["base_model"] == "timm/test_resnet.r160_in1k"
    (found,) = head["model-index"]
    accuracy = found["results"][0]["metrics"][0]
    assert accuracy["type"] == "accuracy"
    assert accuracy["value"] == pytest.approx(metrics["top1"], abs=1e-4)
    assert accuracy["args"] == {"interval_95": [0.25, 0.75], "siblings_in_train": leak}
    macro_f1 = found["results"][0]["metrics"][1]
    assert macro_f1["type"] == "f1" and macro_f1["args"].get("interval_95") is None
    assert "interval" in accuracy["name"] and "interval" not in macro_f1["name"]
    assert found["results"][0]["dataset"]["split"] == info.split
    assert ("This score is too high" in body) == (leak > 0.01)
    few = "95 % interval 25.0% to 75.0%, from only 1 groups: with fewer than ten it says little"
    assert few.replace("1 groups", f"{metrics['num_groups']} groups") in " ".join(body.split())
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("leak", [0.99, 0.0])
def test_with_several_labels_the_score_is_map(hub, run, capsys, leak):
    metrics = transnet.evaluate(run).to_dict()
    metrics["protocol"]["siblings_in_train"] = leak
    metrics["several"] = {"mean_average_precision": 0.813, "interval": [0.7, 0.9]}
    (run / "metrics.json").write_text(json.dumps(metrics))
    transnet.load(run).push_to_hub("anna/several")
    _, body = card(hub, "anna/several")
    assert "mAP 81.3% (95 % interval 70.0% to 90.0%" in " ".join(body.split())
    said = capsys.readouterr().err
    assert "mAP 81.3%" in said and f"{metrics['top1']:.1%}" not in said.partition("pushed to")[2]


def test_a_pretraining_is_pushed_and_is_a_segmenter_and_a_backbone_again(
    hub, pretrained, monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(["push", str(pretrained), "anna/shape", "--license", "mit"]) == 0
    files = hub.repositories["anna/shape"].commits[hub.repositories["anna/shape"].head]
    assert set(files) == {"config.json", "model.safetensors", "README.md"}
    assert str(pretrained.parent).encode() not in b"".join(files.values())
    head, body = card(hub, "anna/shape")
    assert (head["pipeline_tag"], head["license"]) == ("image-segmentation", "mit")
    assert "IoU of the person" in body
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 80, 3), np.uint8)).save("p.png")
    capsys.readouterr()
    said = []
    for run in (str(pretrained), "hf-hub:anna/shape"):
        assert main(["segment", run, "p.png", "--out", run[-5:], "--json"]) == 0
        said.append(json.loads(capsys.readouterr().out)["person_share"])
    assert said[0] == said[1]
    restart(monkeypatch, tmp_path)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # offline, from the cache
    there, here = find_weights("hf-hub:anna/shape"), find_weights(pretrained)
    assert there.backbone.digest == here.backbone.digest
    assert there.backbone.pretraining == here.backbone.pretraining == "hss"


def test_a_run_without_scores_says_so_in_its_card(hub, run):
    transnet.load(run).push_to_hub("anna/unmeasured", private=True)
    head, body = card(hub, "anna/unmeasured")
    assert "model-index" not in head
    assert "It was not evaluated" in body


def test_a_revision_is_kept_apart(hub, run):
    first = transnet.load(run).push_to_hub("anna/moves").rpartition("/")[2]
    info = load_run_info(run)
    changed = transnet.load(run)
    changed.info = replace(info, classes=("a", "b", "c"))
    changed.push_to_hub("anna/moves")
    assert transnet.load("hf-hub:anna/moves").classes == ("a", "b", "c")
    assert transnet.load(f"hf-hub:anna/moves@{first}").classes == info.classes


def test_a_damaged_download_is_named(hub, run, monkeypatch, tmp_path):
    transnet.load(run).push_to_hub("anna/moves")
    folder = local_folder("hf-hub:anna/moves")
    blob = (folder / "model.safetensors").resolve()
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)
    restart(monkeypatch, tmp_path)
    with pytest.raises(TransNetError, match=r"downloaded model\.safetensors is damaged"):
        transnet.load("hf-hub:anna/moves")


def test_a_record_that_was_changed_on_the_hub_is_refused(hub, run):
    transnet.load(run).push_to_hub("anna/moves")
    repository = hub.repositories["anna/moves"]
    config = json.loads(repository.commits[repository.head]["config.json"])
    config["transnet"]["mean"] = [0.1, 0.1, 0.1]
    hub.add("anna/moves", {"config.json": json.dumps(config).encode()})
    with pytest.raises(TransNetError, match="does not belong to"):
        transnet.load("hf-hub:anna/moves")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("hf-hub:moves", "accepted: hf-hub:USER/NAME"),
        ("hf-hub:../../etc", "accepted: hf-hub:USER/NAME"),
        ("hf-hub:anna/none", "no repository anna/none, or it is private"),
        ("hf-hub:anna/empty", r"anna/empty has no config\.json"),
        ("hf-hub:anna/empty@gone", "no repository anna/empty at gone"),
    ],
)
def test_what_is_not_there_is_named(hub, address, said):
    hub.add("anna/empty", {"README.md": b"nothing"})
    with pytest.raises(TransNetError, match=said):
        transnet.load(address)


def test_without_a_network_the_missing_download_is_named(hub, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(TransNetError, match="the hub cannot be reached"):
        transnet.load("hf-hub:anna/moves")


def test_a_push_that_is_not_allowed_says_how_to_log_in(hub, run, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(TransNetError, match="Log in with: hf auth login"):
        transnet.load(run).push_to_hub("anna/moves")
    with pytest.raises(TransNetError, match="name is 'moves'; accepted: USER/NAME"):
        transnet.load(run).push_to_hub("moves")


def test_weights_are_read_from_a_repository_of_timm(hub, capsys):
    network = timm.create_model(TINY_BACKBONE.partition(".")[0])
    config = {
        "architecture": TINY_BACKBONE.partition(".")[0],
        "num_classes": 1000,
        "pretrained_cfg": {
            "tag": "r160_in1k",
            "mean": [0.4, 0.5, 0.6],
            "std": [0.2, 0.2, 0.2],
            "license": "apache-2.0",
        },
    }
    weights = save(network.state_dict())
    files = {"config.json": json.dumps(config).encode(), "model.safetensors": weights}
    commit = hub.add("timm/tiny", files)
    found = find_weights("hf-hub:timm/tiny")
    assert found.backbone.mean == (0.4, 0.5, 0.6)
    assert found.backbone.license == "apache-2.0"
    assert found.backbone.pretraining == "imagenet"
    assert found.backbone.weights == f"hub: timm/tiny@{commit[:12]}"
    assert found.state.keys() == network.state_dict().keys()
    assert "weights of test_" in capsys.readouterr().err


def test_a_run_is_no_weights_file(hub, run):
    save_run_info(run, load_run_info(run))
    transnet.load(run).push_to_hub("anna/moves")
    with pytest.raises(TransNetError, match="its metadata lacks"):
        find_weights("hf-hub:anna/moves")


def test_the_page_about_the_hub_is_followed(
    hub, run, pretrained, tmp_path, monkeypatch, make_video
):
    (tmp_path / "runs").mkdir()
    shutil.copytree(pretrained, tmp_path / "runs/shape")
    Image.new("RGB", (80, 64)).save(tmp_path / "photo.jpg")
    run.rename(tmp_path / "runs/mine")
    make_video("squat.mp4", folder=tmp_path / "clips")
    monkeypatch.chdir(tmp_path)
    ran = []
    for language, text in blocks(ROOT / "docs/hub.md"):
        if language == "python":
            exec(text, {})
            ran.append("python")
        for words in commands(text):
            if words[0] in ("evaluate", "push", "predict", "segment") and "--data" not in words:
                assert main(words) == 0
                ran.append(words[0])
    assert ran == ["evaluate", "push", "python", "push", "segment", "predict"]
    assert len(hub.repositories["anna/exercises"].commits) == 2
