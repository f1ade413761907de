"""The room on disk that one job has: AWS Lambda gives a function 10 GB at most."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Room:
    """A job's folder, and how much may lie in it."""

    folder: Path
    total_bytes: int

    def left_bytes(self) -> int:
        """What may still be written; never negative."""
        used = sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())
        return max(0, self.total_bytes - used)
