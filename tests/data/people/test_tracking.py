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


def two_people(one, other):
    """A picture of two people in clothes of two colors."""
    picture = np.full((120, 200, 3), 128, np.uint8)
    for box, color in ((one, (200, 30, 30)), (other, (30, 30, 200))):
        left, right = max(0, round(box.left)), round(box.right)
        picture[20:80, left:right] = color
    return picture


def test_people_who_meet_and_turn_back_are_told_by_their_colors():
    tracker = Tracker()
    owner = {}
    for frame in range(60):
        away = 3.0 * abs(frame - 30)
        one, other = person(85 - away), person(95 + away)
        boxes = [one, other]
        if one.common(other) or away < 18:  # a mask of both is one part
            boxes = [Box(one.left, 20, other.right, 80)]
        tracks = tracker.update(two_people(one, other), boxes, frame / 10)
        if frame in (10, 50):
            owner[frame] = {
                track.number: track.box.overlap(one) > track.box.overlap(other) for track in tracks
            }
    assert owner[10] == owner[50]
    assert sorted(owner[50]) == [1, 2]


def test_a_mask_with_a_gap_is_one_person():
    tracker = Tracker()
    for frame in range(20):
        boxes = [person(50)]
        if frame > 5 and frame % 2:
            boxes = [Box(50, 20, 70, 45), Box(50, 50, 70, 80)]
        tracks = tracker.update(EMPTY, boxes, frame / 10)
    (track,) = tracks
    assert track.number == 1
    assert track.box.overlap(person(50)) > 0.95


def test_the_room_of_a_person_follows_raised_arms_at_once_and_lowered_ones_slowly():
    tracker = Tracker()
    rooms = []
    for frame in range(30):
        wide = 30 if frame in range(10, 15) else 0
        box = Box(90 - wide, 20, 110 + wide, 80)
        (track,) = tracker.update(EMPTY, [box], frame / 10)
        rooms.append(track.room.right - track.room.left)
    assert rooms[9] == 20
    assert rooms[12] > 70  # of 80
    assert rooms[16] > 60  # after a fifth of a second
    assert rooms[29] < 45
