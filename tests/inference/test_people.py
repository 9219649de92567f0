import numpy as np
import pytest
import torch

import transnet
from transnet import StreamConfig
from transnet.data.people.boxes import boxes_of_mask, person_crop
from transnet.data.people.tracking import FORGET_S
from transnet.data.preprocessing import Preprocessor
from transnet.data.synthetic.clips import random_background, random_person, render_clip
from transnet.data.video.frames import rgb_frame
from transnet.data.views import CENTER
from transnet.inference.people import PeopleSession
from transnet.model.streaming import StreamingTransNet

ACTIONS = ("boxing", "handwaving", "handclapping")
FRAMES, WIDTH, HEIGHT = 100, 480, 200


@pytest.fixture(scope="module")
def film():
    """Three people; the first two pass each other. Frames, the mask of each, its center."""
    scene = random_background(np.random.default_rng(3), 200, HEIGHT)
    wide = np.asarray(scene.resize((WIDTH, HEIGHT)))
    places = [(80, 280), (280, 80), (400, 400)]
    frames = np.repeat(wide[None], FRAMES, axis=0)
    masks = np.zeros((3, FRAMES, HEIGHT, WIDTH), bool)
    centers = np.zeros((3, FRAMES))
    for who, (action, (start, end)) in enumerate(zip(ACTIONS, places, strict=True)):
        rng = np.random.default_rng(20 + who)
        clip, seen = render_clip(
            action, random_person(rng), rng, num_frames=FRAMES, background=scene
        )
        centers[who] = np.linspace(start, end, FRAMES)
        for frame, (pixels, mask) in enumerate(zip(clip, seen, strict=True)):
            rows, columns = np.nonzero(mask)
            target = columns + round(centers[who, frame] - 100)
            inside = (target >= 0) & (target < WIDTH)
            rows, columns, target = rows[inside], columns[inside], target[inside]
            frames[frame, rows, target] = pixels[rows, columns]
            masks[who, frame, rows, target] = True
    return frames, masks, centers


@pytest.fixture
def recognizer(trained_run):
    return transnet.load(trained_run)


def session_of(recognizer, masks):
    union = iter(masks.any(axis=0))
    return PeopleSession(
        recognizer, lambda _: boxes_of_mask(next(union)), StreamConfig(step_s=0.1, every_s=None)
    )


def test_three_people_keep_their_numbers_through_a_crossing(recognizer, film):
    frames, masks, centers = film
    session = session_of(recognizer, masks)
    owners = {}
    for index, frame in enumerate(frames):
        for person in session.push(frame, index / 20):
            middle = (person.box.left + person.box.right) / 2
            if index < 20 or index >= 85:
                owner = int(np.abs(centers[:, index] - middle).argmin())
                owners.setdefault(person.track, set()).add(owner)
    assert sorted(owners) == [1, 2, 3]
    assert sorted(owner for found in owners.values() for owner in found) == [0, 1, 2]


def test_all_crops_of_a_frame_pass_the_backbone_in_one_batch(recognizer, film):
    frames, masks, _ = film
    session = session_of(recognizer, masks)
    sizes = []
    hook = recognizer.model.backbone.register_forward_hook(
        lambda _, inputs, __: sizes.append(len(inputs[0]))
    )
    for index, frame in enumerate(frames[:12]):
        session.push(frame, index / 20)
    hook.remove()
    assert sizes == [3] * 10  # from the third frame on, which confirms the three


def test_each_person_gets_what_a_stream_of_the_crops_gives(recognizer, film):
    frames, masks, _ = film
    session = session_of(recognizer, masks)
    info, model = recognizer.info, recognizer.model
    alone: dict[int, StreamingTransNet] = {}
    compared = 0
    for index, frame in enumerate(frames[:30]):
        for person in session.push(frame, index / 20):
            stream = alone.setdefault(person.track, StreamingTransNet(model, 0.1))
            crop = rgb_frame(person_crop(frame, person.box))
            pixels = Preprocessor(info.clip.size)([crop], CENTER)
            window = stream.push(recognizer.normalized(pixels)[0], index / 20)
            assert (window is None) == (person.prediction is None)
            if window is not None:
                expected = dict(zip(info.outputs, torch.softmax(window.logits, 0), strict=True))
                for label, score in person.prediction.scores.items():
                    assert score == pytest.approx(float(expected[label]), abs=1e-4)
                compared += 1
    assert compared > 30


def test_streams_end_with_their_tracks(recognizer, film):
    frames, masks, _ = film
    gone = masks.copy()
    gone[:, 20:] = False
    session = session_of(recognizer, gone)
    kept = []
    for index, frame in enumerate(frames[:60]):
        session.push(frame, index / 20)
        kept.append(len(session))
    assert max(kept) == 3
    assert kept[19 + round(20 * FORGET_S) + 2] == 0


def test_the_person_as_json(recognizer, film):
    frames, masks, _ = film
    session = session_of(recognizer, masks)
    for index, frame in enumerate(frames[:20]):
        people = session.push(frame, index / 20)
    values = [person.to_dict() for person in people]
    assert [value["track"] for value in values] == [1, 2, 3]
    assert all(len(value["box"]) == 4 and value["label"] in recognizer.classes for value in values)
