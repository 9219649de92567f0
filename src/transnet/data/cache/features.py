"""The feature cache: frame features of a frozen backbone, computed once and kept on disk.

The key of an entry depends on the video's bytes, the frame range, the preprocessing, the view and
the weights of the backbone.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transnet.data.cache.store import Store, entry_key


class FeatureCache(Store):
    """A :class:`~transnet.data.cache.store.Store` of arrays."""

    title = "feature cache"

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def get(self, key: str) -> NDArray[Any] | None:
        """The array of a key; ``None`` if there is none, or a damaged one."""
        value = self.read([key])[0]
        if value is None:
            return None
        try:
            array: NDArray[Any] = np.load(io.BytesIO(value), allow_pickle=False)
        except (EOFError, MemoryError, OSError, SyntaxError, ValueError):
            return None  # an entry of an older version, without a digest
        return array

    def put(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Store arrays by their keys: all of them or, if it fails, none.

        Raises:
            TransNetError: the disk is full or cannot be written.
        """
        self.write({key: _to_bytes(array) for key, array in arrays.items()})


def feature_key(**depends_on: Any) -> str:
    """The key of a feature cache entry; see :func:`~transnet.data.cache.store.entry_key`."""
    return entry_key("features", **depends_on)


def motion_key(**depends_on: Any) -> str:
    """The key of the motion features that belong to the frame features of another key."""
    return entry_key("motion", **depends_on)


def _to_bytes(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
