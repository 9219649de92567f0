"""The networks that can be taught: TransNet, and the 3D networks to compare it with.

Both have ``backbone``, ``feature_kind``, ``memory_format``, ``encode`` and ``classify``.
"""

from __future__ import annotations

from transnet.model.transnet import TransNet
from transnet.model.video_network import VideoNetwork

Network = TransNet | VideoNetwork
