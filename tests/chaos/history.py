"""What the client asked and was answered, on disk before it goes on: half of the ground truth."""

import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class History:
    """A file of JSON lines, each synced."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._path = path
        self._lock = threading.Lock()

    def close(self) -> None:
        self._file.close()

    def write(self, what: str, **fields: object) -> None:
        """One line; on disk when this returns. Safe from any thread."""
        with self._lock:
            self._file.write(json.dumps({"what": what, **fields}) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def lines(self) -> Sequence[Mapping[str, Any]]:
        return [json.loads(line) for line in self._path.read_text(encoding="utf-8").splitlines()]
