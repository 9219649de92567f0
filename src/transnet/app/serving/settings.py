"""What a server accepts: sizes, lengths, numbers."""

from __future__ import annotations

from dataclasses import dataclass

from transnet.errors import TransNetError

MEGABYTE = 2**20


@dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """Limits of a server. A request beyond one is answered with a 4xx status and a sentence."""

    max_upload_mb: int = 100
    """largest upload, in megabytes"""

    max_pixels: int = 8_500_000
    """largest picture of a video, width times height"""

    max_clip_s: float = 60.0
    """longest video of /predict, in seconds"""

    max_video_s: float = 7200.0
    """longest video of /timeline, in seconds"""

    max_waiting: int = 32
    """requests in progress; further ones are answered with 429"""

    max_streams: int = 8
    """WebSocket streams at a time"""

    decoders: int = 2
    """processes that decode uploads"""

    decoder_memory_mb: int = 2048
    """address space of each of them, in megabytes"""

    decode_timeout_s: float = 30.0
    """seconds after which decoding an upload is stopped"""

    notify: str | None = None
    """address that gets a POST of JSON when an event of a stream begins or ends"""

    key_file: str | None = None
    """file with the API key; by default the variable TRANSNET_API_KEY, else no key"""

    def __post_init__(self) -> None:
        for name in (
            "max_upload_mb",
            "max_pixels",
            "max_clip_s",
            "max_video_s",
            "max_waiting",
            "max_streams",
            "decoders",
            "decode_timeout_s",
        ):
            if not getattr(self, name) > 0:
                raise TransNetError(f"{name} is {getattr(self, name)}; accepted: above 0.")
        if self.decoder_memory_mb < 512:
            raise TransNetError(
                f"decoder_memory_mb is {self.decoder_memory_mb}; accepted: 512 or more."
            )

    @property
    def max_upload(self) -> int:
        """Largest upload in bytes."""
        return self.max_upload_mb * MEGABYTE


FRAME_BYTES = MEGABYTE
"""Largest JPEG frame of a stream, in bytes."""

FRAME_PIXELS = 2_100_000
"""Largest JPEG frame of a stream, width times height (1920 x 1080)."""
