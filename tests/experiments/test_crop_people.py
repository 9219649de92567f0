"""Trainings with ``--crop people`` and with ``--region``, and what may be done with their runs."""

import json
import re

import numpy as np
import pytest

import transnet
from tests.helpers import TINY_BACKBONE, count_entries
from transnet import ClipConfig, StreamConfig, TrainingConfig
from transnet.archive.labeler import Labeler
from transnet.cli import main
from transnet.data.clips import read_clip, read_people
from transnet.data.people.following import follow
from transnet.errors import TransNetError, VideoError

REFUSED = r"(?s)crop is 'people'.*whole pictures; use transnet predict --people.*PeopleSession"


def train(clips, folder, segmenter=None, **clip):
    return transnet.train(
        str(clips),
        out=folder / "run",
        backbone=TINY_BACKBONE,
        weights="none",
        clip=ClipConfig(frames=4, size=64, **clip),
        training=TrainingConfig(epochs=2, views=1, max_broken=0.5),
        segmenter=segmenter,
    )


@pytest.fixture(scope="module")
def people_run(clips_folder, pretrained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRANSNET_CACHE", str(folder / "cache"))
        return train(clips_folder, folder, str(pretrained), crop="people")


@pytest.fixture
def its_cache(people_run, monkeypatch):
    monkeypatch.setenv("TRANSNET_CACHE", str(people_run.parent / "cache"))
    return people_run.parent / "cache" / "features"


@pytest.fixture
def film(clips_folder):
    return next((clips_folder / "boxing").rglob("*.avi"))


def test_the_run_keeps_the_crop_and_what_found_people(people_run):
    record = json.loads((people_run / "transnet.json").read_text())
    assert record["clip"]["crop"] == "people"
    assert record["people"].startswith("segmenter test_efficientnet.r160_in1k ")


def test_cropped_features_have_keys_of_their_own(people_run, its_cache, clips_folder, tmp_path):
    cropped = count_entries(its_cache, "features")
    train(clips_folder, tmp_path)
    assert count_entries(its_cache, "features") > cropped


def test_predict_gives_the_network_the_pixels_of_the_training(people_run, pretrained, film):
    recognizer = transnet.load(people_run)
    finder = transnet.find_people(segmenter=str(pretrained))
    config = recognizer.info.clip
    paths = follow(film, finder)
    assert paths
    main_person = max(paths.values(), key=lambda path: path.presence)
    trained_on = read_clip(film, config, person=main_person)
    (shown,) = read_people(film, config, [main_person])
    assert np.array_equal(trained_on.frames, shown.frames)
    whole = read_clip(film, ClipConfig(frames=4, size=64))
    assert np.abs(whole.frames.astype(int) - shown.frames).mean() > 5
    people = transnet.predict_people(recognizer, film, finder).people
    assert recognizer.predict(shown).scores in [dict(p.prediction.scores) for p in people]


def test_evaluate_asks_for_what_finds_people_and_crops_the_test_clips(
    people_run, its_cache, pretrained, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert main(["evaluate", str(people_run)]) == 1
    assert "give --segmenter (a run folder" in capsys.readouterr().err
    words = ["evaluate", str(people_run), "--segmenter", str(pretrained)]
    assert main(words) == 0
    metrics = json.loads((people_run / "metrics.json").read_text())
    assert metrics["num_clips"] > 0
    assert not metrics["heat_on_person"]


def test_export_takes_the_crops_that_an_evaluation_has_found(
    people_run, its_cache, pretrained, film, tmp_path
):
    transnet.evaluate(people_run, segmenter=str(pretrained))
    assert main(["export", str(people_run), "--format", "onnx", "--out", str(tmp_path / "x")]) == 0
    exported = transnet.load(tmp_path / "x")
    assert exported.info.clip.crop == "people"
    finder = transnet.find_people(segmenter=str(pretrained))
    there = transnet.predict_people(exported, film, finder).people
    here = transnet.predict_people(transnet.load(people_run), film, finder).people
    assert [person.track for person in there] == [person.track for person in here]
    for one, other in zip(there, here, strict=True):
        assert one.prediction.scores == pytest.approx(other.prediction.scores, abs=1e-3)
    with pytest.raises(TransNetError, match="crop is 'people'"):
        exported.predict(film)


def test_export_finds_people_who_are_not_in_the_cache(
    people_run, pretrained, tmp_path, monkeypatch, capsys
):
    training, empty = people_run.parent / "cache" / "features", tmp_path / "empty"
    monkeypatch.setenv("TRANSNET_CACHE", str(empty))
    words = ["export", str(people_run), "--out", str(tmp_path / "x")]
    assert main(words) == 1
    told = capsys.readouterr().err
    assert "the people of its clips are not in the cache" in told
    assert "--segmenter or --detector (in training: segmenter test_efficientnet" in told
    assert main([*words, "--cache", str(training)]) == 0
    found = ["--segmenter", str(pretrained)]
    assert main([*words, "--overwrite", *found, "--int8", "--max-loss", "1"]) == 0
    assert "int8 against float32" in capsys.readouterr().err


def test_int8_names_what_found_the_people_of_the_training(
    people_run, pretrained, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("TRANSNET_CACHE", str(tmp_path / "cache"))
    transnet.evaluate(people_run, segmenter=str(pretrained))  # finds those of the test clips only
    assert main(["export", str(people_run), "--out", str(tmp_path / "x"), "--int8"]) == 1
    told = capsys.readouterr().err
    assert "the people of its training clips are not in the cache" in told
    assert "(in training: segmenter test_efficientnet" in told


def test_what_does_not_crop_refuses_the_run(people_run, film, capsys):
    recognizer = transnet.load(people_run)
    pictures = np.zeros((8, 48, 64, 3), np.uint8)
    for use in (
        lambda: recognizer.predict(film),
        lambda: recognizer.predict(film.read_bytes()),
        lambda: recognizer.predict(pictures),
        lambda: recognizer.predict(list(pictures)),
        lambda: recognizer.embed(pictures),
        lambda: next(recognizer.stream(film)),
        lambda: transnet.find_segments(recognizer, film),
        lambda: Labeler(str(people_run)),
    ):
        with pytest.raises(TransNetError, match=REFUSED):
            use()
    for command in ("predict", "live"):
        assert main([command, str(people_run), str(film)]) == 1
        assert re.search(REFUSED, capsys.readouterr().err)


def test_a_server_refuses_the_run_before_it_listens(people_run, capsys):
    pytest.importorskip("fastapi")
    assert main(["serve", str(people_run), "--port", "0"]) == 1
    assert re.search(REFUSED, capsys.readouterr().err)


def test_what_cannot_look_for_people_says_so_at_once(
    people_run, pretrained, clips_folder, tmp_path, capsys
):
    words = ["evaluate", str(people_run), "--segmenter", str(pretrained), "--timeline"]
    assert main(words) == 1
    told = capsys.readouterr().err
    assert "--timeline is for whole pictures" in told
    assert "leave it out" in told
    assert "features" not in told  # nothing was computed
    assert main(["features", "nowhere", "--crop", "people", "--out", str(tmp_path / "f")]) == 1
    assert "crop is 'people', but transnet features does not look for people" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "f").exists()
    words = ["train", str(clips_folder), "--out", str(tmp_path / "run"), "--crop", "people"]
    assert main([*words, "--features-from", "elsewhere"]) == 1
    assert "'elsewhere', and such features are not of crops of people" in capsys.readouterr().err


def test_people_cannot_be_found_without_being_asked_for(clips_folder, pretrained, tmp_path):
    with pytest.raises(TransNetError, match="crop is 'none', but a segmenter or a detector"):
        train(clips_folder, tmp_path, str(pretrained))


def test_a_clip_without_anybody_is_broken(tmp_path, make_video, pretrained):
    config = ClipConfig(frames=4, size=64, crop="people")
    paths = follow(make_video("numbers.mp4"), lambda _: [])
    assert not paths
    from transnet.data.people.paths import PersonPath

    with pytest.raises(VideoError, match="shows nobody who could be followed"):
        read_clip(make_video("numbers.mp4"), config, person=PersonPath(()))


def test_a_region_is_kept_and_used_everywhere(clips_folder, film, tmp_path):
    run = train(clips_folder, tmp_path, region="0.25,0,0.5,1")
    recognizer = transnet.load(run)
    assert recognizer.info.clip.region == "0.25,0,0.5,1"
    in_pixels = recognizer.watching("80,0,160,240")  # the same, of 320 x 240 pixels
    clip = read_clip(film, recognizer.info.clip)
    assert np.array_equal(clip.frames, read_clip(film, in_pixels.info.clip).frames)
    session = recognizer.stream_session(StreamConfig(step_s=0.1))
    frames = [frame for frame, _ in transnet.data.video.reader.decode_frames(film)]
    for index, frame in enumerate(frames):
        session.push(frame, index / 20)
        if index in clip.indices:
            position = clip.indices.tolist().index(index)
            difference = np.abs(session.seen.astype(int) - clip.frames[position])
            assert difference.mean() < 3  # one was decoded to RGB before


@pytest.mark.parametrize(
    "region", ["1,2,3", "a,b,c,d", "0.5,0,0.6,1", "-1,0,10,10", "0,0,0,1", "0,0,nan,1"]
)
def test_a_region_that_cannot_be_is_refused_by_name(region, trained_run, film, capsys):
    assert main(["predict", str(trained_run), str(film), f"--region={region}"]) == 1
    assert f"region is '{region}'; accepted: x,y,w,h" in capsys.readouterr().err


def test_a_region_beyond_the_picture_is_refused_by_name(trained_run, film, capsys):
    assert main(["predict", str(trained_run), str(film), "--region", "300,0,40,100"]) == 1
    assert "region is '300,0,40,100', but the displayed picture has 320 x 240 pixels" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("people", [False, True])
def test_timelines_go_on_after_a_video_that_is_too_small_for_the_region(
    people, trained_run, pretrained, film, make_video, capsys
):
    small = make_video("small.mp4", 12)
    words = ["predict", str(trained_run), str(small), str(film), "--timeline", "--step-s", "0.1"]
    words += ["--people", "--segmenter", str(pretrained)] if people else []
    assert main([*words, "--region", "100,0,200,200", "--json"]) == 1
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["path"] == str(small)
    assert "region is '100,0,200,200', but the displayed picture has" in first["error"]
    assert second["path"] == str(film)
    assert "error" not in second
