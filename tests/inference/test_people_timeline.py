"""Timelines of people who are not classified for a while."""

from fractions import Fraction

import numpy as np
import pytest

import transnet
from tests.helpers import train_tiny
from transnet import ModelConfig, StreamConfig
from transnet.data.people.boxes import Box, around
from transnet.data.video.writer import write_video

FPS = 10
LEFT, RIGHT = Box(20, 20, 60, 100), Box(120, 20, 160, 100)


@pytest.fixture(scope="module")
def recognizer(clips_folder, tmp_path_factory):
    """It sees looks and no motion: the people of these tests do not move."""
    folder = tmp_path_factory.mktemp("appearance")
    return transnet.load(train_tiny(clips_folder, folder, model=ModelConfig(cues="appearance")))


@pytest.fixture(scope="module")
def looks(recognizer):
    """Two looks of a person and the settings: the run has a label for the second only."""
    found = []
    for red, green, blue in np.ndindex(3, 3, 3):
        look = np.full((80, 40, 3), (120 * red, 120 * green, 120 * blue), np.uint8)
        crop = np.full((96, 96, 3), 128, np.uint8)
        crop[8:88, 28:68] = look
        found.append((recognizer.predict(np.stack([crop] * 12), fps=FPS).score, look))
    found.sort(key=lambda pair: pair[0])
    between = (found[0][0] + found[-1][0]) / 2
    config = StreamConfig(step_s=0.1, enter=between, leave=between, smooth_s=0, min_s=0.5)
    return found[0][1], found[-1][1], config


def film(path, seconds, look):
    """Two people who stand apart; the look of the left one is that of a moment in seconds."""
    frames = []
    for index in range(round(seconds * FPS)):
        frame = np.full((120, 180, 3), 128, np.uint8)
        frame[20:100, 20:60] = look(index / FPS)
        frame[20:100, 120:160] = (10, 30, 200)
        frames.append(frame)
    write_video(path, frames, Fraction(FPS))
    return path


def together(start_s, end_s):
    """Finds two people, or one box around both between two moments."""
    times_s = iter(np.arange(1000) / FPS)  # people are looked for in each frame

    def find(_):
        meet = start_s - 0.05 < next(times_s) < end_s - 0.05
        return [around([LEFT, RIGHT])] if meet else [LEFT, RIGHT]

    return find


def test_a_change_of_the_label_before_a_meeting_ends_in_it(recognizer, looks, tmp_path):
    before, after, config = looks
    video = film(tmp_path / "film.mkv", 7, lambda time_s: before if time_s < 1.5 else after)
    timeline = transnet.find_people_segments(recognizer, video, together(1.8, 4.8), config)
    left = timeline.people[0]
    first, second = left.segments
    assert not first.is_known
    assert second.is_known
    assert 1.2 < first.end_s < 1.8
    assert second.end_s > 6.5
    assert left.boxes[0].right < 90  # of the time before the meeting


def test_a_track_that_ends_in_a_meeting_has_its_last_segment(recognizer, looks, tmp_path):
    _, look, config = looks
    video = film(tmp_path / "film.mkv", 9, lambda _: look)
    timeline = transnet.find_people_segments(recognizer, video, together(2.0, 20.0), config)
    left, right = timeline.people[:2]
    for person in (left, right):
        assert person.end_s - person.segments[-1].end_s > 2
        assert person.boxes[-1].right - person.boxes[-1].left < 60
