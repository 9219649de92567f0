"""An articulated human figure: how its joints move in each action, and how to draw it.

Lengths are fractions of the body height. Angles are in degrees: 0 points down, positive angles
point forward (side view) or outward (front view).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, radians, sin

from PIL import Image, ImageDraw

Point = tuple[float, float]
Color = tuple[int, int, int]

TORSO, NECK, HEAD = 0.30, 0.06, 0.13
UPPER_ARM, FOREARM = 0.17, 0.16
THIGH, SHIN, FOOT = 0.25, 0.24, 0.07

FAR, NEAR = 0, 1
_OUTWARD = (-1, 1)  # horizontal direction of either side, seen from the front
_SHOES = (40, 36, 34)


@dataclass(frozen=True)
class Person:
    """Appearance and manner of a person, the same in all clips.

    Attributes:
        height: body height, as a fraction of the frame height.
        build: thickness of the limbs; 1 is slim.
        tempo: speed of every movement; 1 is average.
        reach: size of every movement; 1 is average.
        skin: color of head and arms.
        shirt: color of the torso and the sleeves.
        trousers: color of the legs.
        hair: color of the hair.
    """

    height: float
    build: float
    tempo: float
    reach: float
    skin: Color
    shirt: Color
    trousers: Color
    hair: Color


@dataclass(frozen=True)
class Limb:
    """Angle of the upper part, and bend of the joint in the middle, in degrees."""

    angle: float
    bend: float


@dataclass(frozen=True)
class Pose:
    """The body at one moment.

    Attributes:
        arms: left (far) and right (near) arm.
        legs: left (far) and right (near) leg.
        lean: forward lean of the torso, in degrees.
        lift: height of the body above the ground, in body heights.
        travel: distance walked so far, in body heights.
        frontal: front view; otherwise side view, facing right.
    """

    arms: tuple[Limb, Limb]
    legs: tuple[Limb, Limb]
    lean: float = 0.0
    lift: float = 0.0
    travel: float = 0.0
    frontal: bool = False


@dataclass(frozen=True)
class _Gait:
    cycles_per_s: float
    speed: float
    thigh: float
    knee: float
    arm: float
    elbow: float
    lean: float
    bounce: float

    def __call__(self, time_s: float, reach: float) -> Pose:
        phase = 2 * pi * self.cycles_per_s * time_s

        def leg(side: float) -> Limb:
            swing = sin(phase + side)
            lifted = max(0.0, cos(phase + side))  # the knee bends while the leg comes forward
            return Limb(reach * self.thigh * swing + 4, 8 + reach * self.knee * lifted)

        def arm(side: float) -> Limb:
            return Limb(-reach * self.arm * sin(phase + side), self.elbow)

        return Pose(
            arms=(arm(pi), arm(0)),
            legs=(leg(pi), leg(0)),
            lean=self.lean,
            lift=reach * self.bounce * abs(sin(phase)),
            travel=self.speed * time_s,
        )


def _boxing(time_s: float, reach: float) -> Pose:
    phase = 2 * pi * 1.3 * time_s

    def arm(side: float) -> Limb:
        punch = max(0.0, sin(phase + side)) * min(1.0, reach)
        return Limb(35 + 53 * punch, 120 * (1 - punch))

    return Pose(
        arms=(arm(pi), arm(0)),
        legs=(Limb(-18, 6), Limb(20, 14)),
        lean=6 + 4 * sin(phase),
        lift=0.005 * sin(2 * phase),
    )


def _waving(time_s: float, reach: float) -> Pose:
    raised = 0.5 - 0.5 * cos(2 * pi * 0.9 * time_s)
    arm = Limb(25 + reach * 130 * raised, 10)
    return Pose(arms=(arm, arm), legs=(Limb(7, 0), Limb(7, 0)), frontal=True)


def _clapping(time_s: float, reach: float) -> Pose:
    apart = 0.5 - 0.5 * cos(2 * pi * 1.6 * time_s)
    arm = Limb(18 + reach * 40 * apart, -128 + reach * 78 * apart)
    return Pose(arms=(arm, arm), legs=(Limb(6, 0), Limb(6, 0)), frontal=True)


ACTIONS: dict[str, Callable[[float, float], Pose]] = {
    "boxing": _boxing,
    "handclapping": _clapping,
    "handwaving": _waving,
    "jogging": _Gait(1.35, 0.42, 34, 62, 30, 75, 6, 0.025),
    "running": _Gait(1.75, 0.6, 52, 100, 48, 95, 14, 0.045),
    "walking": _Gait(0.85, 0.25, 23, 26, 20, 12, 0, 0.008),
}
"""The six actions of KTH, each a function from time in seconds and reach to a pose."""


def draw_figure(
    image: Image.Image, mask: Image.Image, person: Person, pose: Pose, hip: Point, facing: int
) -> None:
    """Draw a person into an image and, in white, into a mask of the same size.

    Args:
        image: RGB image.
        mask: image of one channel.
        person: appearance.
        pose: joint angles.
        hip: position of the hip, in pixels.
        facing: 1 to the right, -1 to the left.
    """
    canvas = _Canvas(image, mask, person.height * image.height, 1 if pose.frontal else facing)
    width = 0.05 * person.build
    lean = 0.0 if pose.frontal else pose.lean
    hip = (hip[0], hip[1] - pose.lift * canvas.unit)
    shoulder = canvas.step(hip, 180 - lean, TORSO)
    _draw_leg(canvas, pose, FAR, hip, width, _darker(person.trousers))
    _draw_leg(canvas, pose, NEAR, hip, width, person.trousers)
    if not pose.frontal:
        _draw_arm(canvas, person, pose, FAR, shoulder, _darker(person.shirt))
    canvas.line([hip, shoulder], (3.4 if pose.frontal else 2.6) * width, person.shirt)
    neck = canvas.step(shoulder, 180 - lean, NECK)
    canvas.line([shoulder, neck], width, person.skin)
    head = canvas.step(neck, 180 - lean, HEAD / 2)
    forward, down = canvas.facing * 0.012 * canvas.unit, 0.008 * canvas.unit
    canvas.disc((head[0], head[1] - 0.012 * canvas.unit), HEAD / 2, person.hair)
    canvas.disc((head[0] + forward, head[1] + down), HEAD / 2 - 0.012, person.skin)
    if pose.frontal:
        _draw_arm(canvas, person, pose, FAR, shoulder, person.shirt)
    _draw_arm(canvas, person, pose, NEAR, shoulder, person.shirt)


def _draw_leg(
    canvas: _Canvas, pose: Pose, side: int, hip: Point, width: float, trousers: Color
) -> None:
    outward = _OUTWARD[side] if pose.frontal else 0
    leg, mirror = pose.legs[side], outward or 1
    start = (hip[0] + outward * 0.045 * canvas.unit, hip[1])
    knee = canvas.step(start, mirror * leg.angle, THIGH)
    ankle = canvas.step(knee, mirror * (leg.angle - leg.bend), SHIN)
    toe = canvas.step(ankle, mirror * 20 if pose.frontal else 80 - leg.bend / 2, FOOT)
    canvas.line([start, knee, ankle], 1.45 * width, trousers)
    canvas.line([ankle, toe], width, _SHOES)


def _draw_arm(
    canvas: _Canvas, person: Person, pose: Pose, side: int, shoulder: Point, sleeve: Color
) -> None:
    outward = _OUTWARD[side] if pose.frontal else 0
    arm, mirror = pose.arms[side], outward or 1
    lean, width = 0.0 if pose.frontal else pose.lean, 0.05 * person.build
    offset = outward * 0.085 * person.build**0.5 * canvas.unit
    start = (shoulder[0] + offset, shoulder[1] + 0.02 * canvas.unit)
    elbow = canvas.step(start, mirror * (arm.angle + lean), UPPER_ARM)
    wrist = canvas.step(elbow, mirror * (arm.angle + lean + arm.bend), FOREARM)
    canvas.line([start, elbow], 1.1 * width, sleeve)
    canvas.line([elbow, wrist], 0.9 * width, person.skin)


class _Canvas:
    """Draws strokes with round ends into an image and its mask."""

    def __init__(self, image: Image.Image, mask: Image.Image, unit: float, facing: int) -> None:
        self.unit, self.facing = unit, facing
        self._image, self._mask = ImageDraw.Draw(image), ImageDraw.Draw(mask)

    def step(self, start: Point, angle: float, length: float) -> Point:
        distance = length * self.unit
        return (
            start[0] + self.facing * distance * sin(radians(angle)),
            start[1] + distance * cos(radians(angle)),
        )

    def line(self, points: list[Point], width: float, color: Color) -> None:
        thickness = max(2, round(width * self.unit))
        for draw, fill in ((self._image, color), (self._mask, 255)):
            draw.line(points, fill=fill, width=thickness, joint="curve")
        for point in points:
            self.disc(point, width / 2, color)

    def disc(self, center: Point, radius: float, color: Color) -> None:
        r = radius * self.unit
        box = (center[0] - r, center[1] - r, center[0] + r, center[1] + r)
        self._image.ellipse(box, fill=color)
        self._mask.ellipse(box, fill=255)


def _darker(color: Color) -> Color:
    red, green, blue = (round(0.72 * value) for value in color)
    return red, green, blue
