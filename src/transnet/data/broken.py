"""Clips and photos that cannot be read: list them, and refuse a dataset with too many."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from transnet.errors import FileError, TransNetError
from transnet.utils.progress import say

MAX_SHOWN = 5


def check_broken(
    broken: Mapping[Any, FileError], total: int, max_broken: float, fate: str, what: str = "clips"
) -> None:
    """Report broken items, or refuse them if there are too many.

    Args:
        broken: the error of each broken item.
        total: number of items, broken or not.
        max_broken: largest share of broken items that is accepted, 0..1.
        fate: what happens to them, as a sentence.
        what: what the items are called.

    Raises:
        TransNetError: the share of broken items is above ``max_broken``.
    """
    if not broken:
        return
    shown = [f"  {error}" for error in list(broken.values())[:MAX_SHOWN]]
    if len(broken) > MAX_SHOWN:
        shown.append(f"  and {len(broken) - MAX_SHOWN} more")
    listing = os.linesep.join([f"{len(broken)} of {total} {what} cannot be used:", *shown])
    if len(broken) > max_broken * total:
        raise TransNetError(
            f"{listing}\nThis is more than is allowed ({max_broken:.1%}). Repair or remove them, "
            "or allow more (train and pretrain --max-broken, evaluate --broken wrong)."
        )
    say(listing + os.linesep + fate)
