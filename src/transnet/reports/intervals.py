"""Confidence intervals in words, and how far to trust them."""

from __future__ import annotations

ENOUGH_GROUPS = 10
Interval = tuple[float, float]


def few_groups(num_groups: int) -> str:
    """What to know about an interval from so few groups; empty for ten or more.

    Example:
        >>> few_groups(5)
        'from only 5 groups: with fewer than ten it says little, and is usually too narrow'
    """
    if num_groups >= ENOUGH_GROUPS:
        return ""
    return (
        f"from only {num_groups} groups: with fewer than ten it says little, and is usually too "
        "narrow"
    )


def interval_text(interval: Interval | None, num_groups: int) -> str:
    """A 95 % interval of an accuracy in words, and how far to trust it.

    Example:
        >>> interval_text((0.5, 1.0), 12)
        '95 % interval 50.0% to 100.0%'
        >>> interval_text(None, 1)
        'no interval: all clips are of one group'
    """
    if interval is None:
        return "no interval: all clips are of one group"
    words = f"95 % interval {interval[0]:.1%} to {interval[1]:.1%}"
    return ", ".join(filter(None, (words, few_groups(num_groups))))


def difference_text(interval: Interval | None, num_groups: int) -> str:
    """A 95 % interval of a difference, to follow it in a sentence; empty without one.

    Example:
        >>> difference_text((-0.02, 0.1), 12)
        ' (95 % interval -2.0 to +10.0)'
    """
    if interval is None:
        return ""
    words = f"95 % interval {100 * interval[0]:+.1f} to {100 * interval[1]:+.1f}"
    return f" ({', '.join(filter(None, (words, few_groups(num_groups))))})"
