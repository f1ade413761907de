"""What can go wrong, by who has to act on it; each becomes an `error_type` of the callback."""


class MediaError(Exception):
    """A reason in words that may be shown to whoever ran the node."""

    error_type = "lambda_error"

    def __init__(self, reason: str, *, details: str = "") -> None:
        super().__init__(reason)
        self.details = details


class InvalidInput(MediaError):
    """The event or a file it names cannot be worked on, however often it is tried."""

    error_type = "invalid_input"


class FfmpegFailed(MediaError):
    """FFmpeg could not do it; `details` holds its last lines."""

    error_type = "ffmpeg_error"


class StoreFailed(MediaError):
    """The object store refused or did not answer."""


class Unreadable(Exception):
    """FFmpeg's libraries refuse a file, in their words; whoever asked says which file it is."""


class CallbackFailed(MediaError):
    """The report could not be delivered; the manifest in the store still tells it."""


class SettingsError(MediaError):
    """A `MEDIA_*` variable is missing or wrong; names all faults at once."""
