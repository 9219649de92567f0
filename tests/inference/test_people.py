from fractions import Fraction

import numpy as np
import pytest
import torch

import transnet
from transnet import StreamConfig
from transnet.data.people.following import follow
from transnet.data.people.masks import boxes_of_mask
from transnet.data.people.tracking import FORGET_S
from transnet.data.preprocessing import Preprocessor
from transnet.data.synthetic.film import Role, render_film
from transnet.data.video.writer import write_video
from transnet.data.views import CENTER
from transnet.inference.people import PeopleSession
from transnet.model.streaming import StreamingTransNet

ROLES = (
    Role("boxing", 0.17, 0.58),
    Role("handwaving", 0.58, 0.17),
    Role("handclapping", 0.85, 0.85),
)
FPS = 20


@pytest.fixture(scope="module")
def film():
    """Three people; the first two pass each other."""
    return render_film(ROLES, seed=3, num_frames=100, width=480, height=200)


@pytest.fixture(scope="module")
def recognizer(trained_run):
    return transnet.load(trained_run)


def finder(masks):
    """Finds people by their true masks, in every second frame, as a session looks for them."""
    union = iter(masks.any(axis=0)[::2])
    return lambda _: boxes_of_mask(next(union))


def session_of(recognizer, masks):
    return PeopleSession(recognizer, finder(masks), StreamConfig(step_s=0.1))


def test_three_people_keep_their_numbers_through_a_crossing(recognizer, film):
    session = session_of(recognizer, film.masks)
    owners = {}
    for index, frame in enumerate(film.frames):
        for person in session.push(frame, index / FPS):
            middle = (person.box.left + person.box.right) / 2
            if index < 20 or index >= 85:
                owner = int(np.abs(film.centers[:, index] - middle).argmin())
                owners.setdefault(person.track, set()).add(owner)
    assert sorted(owners) == [1, 2, 3]
    assert sorted(owner for found in owners.values() for owner in found) == [0, 1, 2]


def test_people_are_looked_for_ten_times_a_second(recognizer, film):
    looked = []

    def find(pixels):
        looked.append(pixels.shape)
        return []

    session = PeopleSession(recognizer, find, StreamConfig(every_s=0.5, step_s=0.5))
    answers = [session.push(frame, index / FPS) for index, frame in enumerate(film.frames[:40])]
    assert looked == [film.frames[0].shape] * 20
    assert [answer is None for answer in answers[:12]] == [i % 10 > 0 for i in range(12)]


def test_all_crops_of_a_frame_pass_the_backbone_in_one_batch(recognizer, film):
    session = session_of(recognizer, film.masks)
    sizes = []
    hook = recognizer.model.backbone.register_forward_hook(
        lambda _, inputs, __: sizes.append(len(inputs[0]))
    )
    for index, frame in enumerate(film.frames[:12]):
        session.push(frame, index / FPS)
    hook.remove()
    assert sizes == [3] * 8  # from the third look on, which confirms the three


def test_each_person_gets_what_a_stream_of_the_crops_gives(recognizer, film):
    session = session_of(recognizer, film.masks)
    info, model = recognizer.info, recognizer.model
    alone: dict[int, StreamingTransNet] = {}
    compared = 0
    for index, frame in enumerate(film.frames[:30]):
        for person in session.push(frame, index / FPS):
            stream = alone.setdefault(person.track, StreamingTransNet(model, 0.1))
            window = stream.push(recognizer.normalized(person.pixels), index / FPS)
            assert (window is None) == (person.prediction is None)
            if window is not None:
                expected = dict(zip(info.outputs, torch.softmax(window.logits, 0), strict=True))
                for label, score in person.prediction.scores.items():
                    assert score == pytest.approx(float(expected[label]), abs=1e-4)
                compared += 1
    assert compared > 30


def test_a_stream_and_a_file_show_the_network_the_same_crops(recognizer, film, tmp_path):
    """The pixels of a training with ``--crop people``, too: these are those of a file."""
    video = tmp_path / "film.mkv"
    write_video(video, film.frames[:40], Fraction(FPS))
    session = session_of(recognizer, film.masks)
    size = recognizer.info.clip.size
    paths = follow(video, finder(film.masks), end=40)
    preprocess = Preprocessor(size)
    compared = 0
    for index, frame in enumerate(film.frames[:40]):
        for person in session.push(frame, index / FPS):
            if person.pixels is None:  # the two meet
                continue
            crop = preprocess.person(frame, paths[person.track].at(index / FPS), CENTER)
            assert np.abs(crop.astype(int) - person.pixels).mean() < 2
            compared += 1
    assert compared > 90


def test_nobody_is_classified_in_a_box_with_others(recognizer, film):
    session = session_of(recognizer, film.masks)
    silent = {}
    for index, frame in enumerate(film.frames):
        for person in session.push(frame, index / FPS):
            if index > 15 and person.prediction is None:
                silent.setdefault(person.track, []).append(index)
    assert len(silent) == 2  # those who meet, not the one who stands apart
    for found in silent.values():
        assert min(found) > 25
        assert max(found) < len(film.frames) - 1  # they are known again after it


def test_streams_end_with_their_tracks(recognizer, film):
    gone = film.masks.copy()
    gone[:, 20:] = False
    session = session_of(recognizer, gone)
    kept = []
    for index, frame in enumerate(film.frames[:60]):
        session.push(frame, index / FPS)
        kept.append(len(session))
    assert max(kept) == 3
    assert kept[19 + round(FPS * FORGET_S) + 2] == 0


def test_the_person_as_json(recognizer, film):
    session = session_of(recognizer, film.masks)
    for index, frame in enumerate(film.frames[:20]):
        people = session.push(frame, index / FPS)
    values = [person.to_dict() for person in people]
    assert [value["track"] for value in values] == [1, 2, 3]
    assert all(len(value["box"]) == 4 and value["label"] in recognizer.classes for value in values)


def test_people_are_looked_for_in_the_region_only(recognizer, film):
    seen = []

    def find(pixels):
        seen.append(pixels.shape)
        return boxes_of_mask((pixels.astype(int).std(axis=2) > -1) * 1.0)

    session = PeopleSession(recognizer.watching("0.5,0.25,0.5,0.5"), find)
    for index, frame in enumerate(film.frames[:10]):
        people = session.push(frame, index / FPS)
    assert set(seen) == {(100, 240, 3)}
    (person,) = people
    assert tuple(person.box) == pytest.approx((240, 50, 480, 150))  # of the displayed picture
