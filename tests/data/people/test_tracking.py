import numpy as np

from transnet.data.people.boxes import Box
from transnet.data.people.tracking import FORGET_S, MOST_TRACKS, Tracker

EMPTY = np.zeros((120, 200, 3), np.uint8)


def person(left):
    return Box(left, 20, left + 20, 80)


def test_a_track_ends_a_second_after_its_person_has_left_and_its_number_is_not_used_again():
    tracker = Tracker()
    for frame in range(5):
        tracks = tracker.update(EMPTY, [person(50)], frame / 10)
    assert [(track.number, track.is_confirmed) for track in tracks] == [(1, True)]
    assert tracker.update(EMPTY, [], 0.4 + FORGET_S)
    assert not tracker.update(EMPTY, [], 0.5 + FORGET_S)
    (again,) = tracker.update(EMPTY, [person(50)], 2.0)
    assert again.number == 2


def test_a_flicker_of_the_detector_is_no_person():
    tracker = Tracker()
    (track,) = tracker.update(EMPTY, [person(50)], 0.0)
    assert not track.is_confirmed
    assert tracker.update(EMPTY, [], 0.1) == []


def test_a_crowd_has_a_limit():
    boxes = [Box(4 * n, 0, 4 * n + 3, 9) for n in range(MOST_TRACKS + 10)]
    assert len(Tracker().update(EMPTY, boxes, 0.0)) == MOST_TRACKS


def test_people_who_hide_behind_each_other_keep_their_numbers():
    tracker = Tracker()
    owner = {}
    for frame in range(61):
        one, other = person(10 + 2.5 * frame), person(160 - 2.5 * frame)
        boxes = [one, other]
        if one.common(other):  # a mask of both is one part
            boxes = [Box(min(one.left, other.left), 20, max(one.right, other.right), 80)]
        tracks = tracker.update(EMPTY, boxes, frame / 20)
        if frame in (10, 60):
            owner[frame] = {
                track.number: track.box.overlap(one) > track.box.overlap(other) for track in tracks
            }
    assert owner[10] == owner[60]
    assert sorted(owner[60]) == [1, 2]
