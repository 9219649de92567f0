import shutil

import transnet
from tests.helpers import TINY_BACKBONE
from transnet import ClipConfig, ModelConfig, TrainingConfig
from transnet.checkpoints.run import load_run_info


def test_a_training_is_balanced_and_augmented(clips_folder, tmp_path):
    data = shutil.copytree(clips_folder, tmp_path / "data")
    for path in sorted((data / "walking").rglob("take2.avi")):
        path.unlink()
    settings = {"epochs": 1, "views": 1, "refit": False, "patience": 0}
    losses = {}
    for name, extra in {
        "plain": {},
        "balanced": {"balance": True},
        "mixed": {"mixup": 0.4, "drop_frames": 0.3},
    }.items():
        run = transnet.train(
            str(data),
            out=str(tmp_path / name),
            backbone=TINY_BACKBONE,
            weights="none",
            clip=ClipConfig(frames=4, size=64),
            model=ModelConfig(cues="appearance"),
            training=TrainingConfig(**settings, **extra),
            cache=str(tmp_path / "cache"),
        )
        info = load_run_info(run)
        assert (info.training.balance, info.training.mixup) == (
            extra.get("balance", False),
            extra.get("mixup", 0.0),
        )
        losses[name] = next(run.glob("logs/csv/version_0/metrics.csv")).read_text()
    assert len(set(losses.values())) == 3
