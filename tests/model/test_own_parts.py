"""Heads and backbones of a user's own: trained, saved, loaded, streamed; never imported."""

import subprocess
import sys

import pytest
import torch

import transnet
from tests.helpers import TINY_BACKBONE
from transnet import ClipConfig, ModelConfig, TrainingConfig, TransNet, TransNetError
from transnet.model.own_parts import _BACKBONES, _TEMPORAL
from transnet.model.streaming import StreamingTransNet


class Middle(torch.nn.Module):
    """Classifies the middle step."""

    def __init__(self, sizes):
        super().__init__()
        self.score = torch.nn.Linear(sizes.features, sizes.num_classes)

    def forward(self, features):
        return self.score(features[:, features.shape[1] // 2])


class Patches(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.cut = torch.nn.Conv2d(3, 8, 16, 16)
        self.norm = torch.nn.BatchNorm2d(8)

    def forward(self, frames):
        return self.norm(self.cut(frames))


@pytest.fixture
def own(monkeypatch):
    """Nothing is registered before the test, nor after it."""
    for registry in (_TEMPORAL, _BACKBONES):
        for name in list(registry):
            monkeypatch.delitem(registry, name)
    yield
    _TEMPORAL.clear()
    _BACKBONES.clear()


def train(folder, clips, *, backbone=TINY_BACKBONE, **model):
    return transnet.train(
        str(clips),
        out=str(folder / "run"),
        backbone=backbone,
        weights="none",
        clip=ClipConfig(frames=4, size=64),
        model=ModelConfig(**model),
        training=TrainingConfig(epochs=2, views=1),
    )


@pytest.mark.usefixtures("own")
def test_a_head_is_trained_loaded_and_streamed(clips_folder, tmp_path):
    name = transnet.register_temporal(Middle)
    assert name.endswith(":Middle")
    run = train(tmp_path, clips_folder, temporal=name)
    recognizer = transnet.load(run)
    assert recognizer.info.model.temporal == name
    video = next(clips_folder.rglob("*.*"))
    frames = recognizer.normalized(transnet.read_clip(video, recognizer.info.clip).frames)
    stream = StreamingTransNet(recognizer.model, step_s=1.0)
    *_, window = [stream.push(frame, float(index)) for index, frame in enumerate(frames)]
    with torch.no_grad():
        torch.testing.assert_close(window.logits, recognizer.model(frames[None])[0])

    _TEMPORAL.clear()
    with pytest.raises(TransNetError, match=r"never imported from a file\. Register it first"):
        transnet.load(run)


@pytest.mark.usefixtures("own")
def test_a_backbone_is_trained_and_loaded(clips_folder, tmp_path):
    name = transnet.register_backbone(Patches, "my:patches", mean=(0.1, 0.2, 0.3))
    run = train(tmp_path, clips_folder, backbone=name, cues="appearance")
    recognizer = transnet.load(run)
    assert recognizer.info.backbone.mean == (0.1, 0.2, 0.3)
    assert recognizer.predict(next(clips_folder.rglob("*.*"))).label in recognizer.classes
    _BACKBONES.clear()
    with pytest.raises(TransNetError, match="backbone is 'my:patches', a part that this process"):
        transnet.load(run)


@pytest.mark.usefixtures("own")
def test_a_run_does_not_import_what_it_names(clips_folder, tmp_path):
    run = train(tmp_path, clips_folder, temporal=transnet.register_temporal(Middle, "evil:Head"))
    (tmp_path / "evil.py").write_text("open('touched', 'w')\nHead = None\n")
    script = (
        f"import transnet\ntry: transnet.load({str(run)!r})\n"
        "except transnet.TransNetError as error: print(error)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert "temporal is 'evil:Head', a part that this process does not know" in ended.stdout
    assert not (tmp_path / "touched").exists()


@pytest.mark.usefixtures("own")
def test_parts_that_do_not_fit_are_refused():
    class Wrong(torch.nn.Module):
        def __init__(self, sizes):
            super().__init__()

        def forward(self, features):
            return features

    with pytest.raises(TransNetError, match=r"temporal is Wrong, which gives \(2, 4, 64\)"):
        TransNet(TINY_BACKBONE, 3, size=64, num_frames=4, temporal=Wrong)
    with pytest.raises(TransNetError, match="give it a name"):
        transnet.register_temporal(Wrong)
    with pytest.raises(TransNetError, match="accepted: a text with a colon"):
        transnet.register_temporal(Middle, "middle")
    transnet.register_backbone(Patches, "my:patches")
    with pytest.raises(TransNetError, match="does not give its inner maps"):
        TransNet("my:patches", 3, size=64, cues="both")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temporal": "LSTM"}, "temporal is 'LSTM'; accepted: conv1d, separable, lstm"),
        ({"readout": "pol"}, "readout is 'pol'; accepted: pool, flatten"),
        ({"cues": "sound"}, "cues is 'sound'; accepted: appearance, motion, both"),
        ({"backbone": "mobilenetv1"}, "backbone is 'mobilenetv1'; accepted: any model name of"),
    ],
)
def test_unknown_words_are_refused(settings, message):
    with pytest.raises(TransNetError, match=message):
        TransNet(**{"backbone": TINY_BACKBONE, "num_classes": 3, "size": 64, **settings})
    settings.pop("backbone", None)
    if settings:
        with pytest.raises(TransNetError, match=message):
            ModelConfig(**settings)
