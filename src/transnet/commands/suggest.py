"""``transnet suggest``: which unlabeled clips to label next."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from transnet.config import Device
from transnet.errors import TransNetError, VideoError
from transnet.utils.files import written_whole
from transnet.utils.paths import cache_folder, output_folder
from transnet.utils.progress import say

if TYPE_CHECKING:
    from transnet.evaluation.suggestion import Suggestion
    from transnet.inference.recognizer import Recognizer

FRAMES_SHOWN = 4


def suggest(
    run: str,
    folder: str,
    *,
    count: int = 50,
    out: str = "suggestions",
    cache: str | None = None,
    workers: int = 2,
    device: Device = "auto",
) -> Path:
    """Choose the unlabeled clips whose labels would help a recognizer most.

    Args:
        run: folder of a trained run
        folder: folder of unlabeled videos
        count: number of clips to choose
        out: folder for suggestions.csv, with an empty column label, and suggestions.html
        cache: folder for frame features; by default in the user's cache
        workers: threads that decode video
        device: auto (a GPU if there is one), cpu, cuda or mps

    Returns:
        Path of suggestions.csv.

    Raises:
        TransNetError: RUN is not a trained run, or the folder holds no videos.
    """
    from transnet.data.datasets.folder import videos_below
    from transnet.inference.recognizer import load

    if count < 1:
        raise TransNetError(f"count is {count}; accepted: 1 or more.")
    root = Path(folder).expanduser()
    videos = videos_below(root) if root.is_dir() else []
    if not videos:
        raise TransNetError(f"folder is {folder!r}; accepted: a folder of videos.")
    recognizer = load(run, device=device, unknown="off")
    chosen = _choose(recognizer, run, videos, count, cache, workers)
    target = output_folder(out)
    _write_table(target / "suggestions.csv", chosen)
    _write_page(target / "suggestions.html", chosen, recognizer, Path(run).resolve().name)
    say(
        f"chose {len(chosen)} of {len(videos)} videos\n"
        f"saved to {target / 'suggestions.csv'} and {target / 'suggestions.html'}\n"
        "next: fill in the column label; transnet train suggestions.csv, or sort them into folders"
    )
    return target / "suggestions.csv"


def _choose(
    recognizer: Recognizer,
    run: str,
    videos: Sequence[Path],
    count: int,
    cache: str | None,
    workers: int,
) -> list[Suggestion]:
    import torch

    from transnet.checkpoints.novelty import load_novelty
    from transnet.data.broken import check_broken
    from transnet.data.cache.features import FeatureCache
    from transnet.data.manifest import ClipRecord
    from transnet.evaluation.predictions import predict_clips
    from transnet.evaluation.suggestion import Suggestion, choose_clips, margins
    from transnet.inference.features import FeatureExtractor
    from transnet.model.novelty import describe_clips

    info = recognizer.info
    recognizer.model.backbone.freeze()
    records = [ClipRecord(path, info.classes[0], "") for path in videos]
    with FeatureCache(cache or cache_folder() / "features") as store:
        extractor = FeatureExtractor(
            recognizer.model,
            info.clip,
            info.backbone.mean,
            info.backbone.std,
            store,
            workers=workers,
        )
        found = extractor.extract(records, title="features")
        check_broken(found.broken, len(records), 1.0, "They are left out.")
        readable = [record for record in records if record not in found.broken]
        if not readable:
            raise TransNetError("none of the videos can be read; see transnet check.")
        scores = predict_clips(recognizer, extractor, readable, found).probabilities
        vectors = [describe_clips(extractor.encoded(found.keys[r][:1])) for r in readable]
    novelty, margin = load_novelty(run), margins(scores, recognizer.thresholds)
    known = None if novelty is None else novelty.references
    best = scores[:, : len(info.classes)].max(dim=1)
    return [
        Suggestion(
            readable[i].path,
            info.classes[int(best.indices[i])],
            float(best.values[i]),
            float(margin[i]),
        )
        for i in choose_clips(margin, torch.cat(vectors), known, count)
    ]


def _write_table(path: Path, chosen: Sequence[Suggestion]) -> None:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["path", "label", "guess", "score", "margin"])
    for one in chosen:
        where = one.path.resolve()
        rows.writerow([where, "", one.guess, f"{one.score:.4f}", f"{one.margin:.4f}"])
    with written_whole(path) as beside:
        beside.write_bytes(text.getvalue().encode("utf-8", "surrogateescape"))


def _write_page(
    path: Path, chosen: Sequence[Suggestion], recognizer: Recognizer, name: str
) -> None:
    from transnet.data.clips import read_clip
    from transnet.reports.page import render
    from transnet.utils.spacing import evenly_spaced

    shown = []
    for one in chosen:
        try:
            frames = read_clip(one.path, recognizer.info.clip).frames
        except VideoError:  # changed since its features were computed
            continue
        shown.append((one, frames[evenly_spaced(range(len(frames)), FRAMES_SHOWN)]))
    page = render("suggestions.html.j2", name=name, suggestions=shown)
    with written_whole(path) as beside:
        beside.write_text(page, encoding="utf-8")
