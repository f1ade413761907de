"""The sound of a merged film, put together segment by segment from what FFmpeg prepared in the job's folder."""

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from media_lambda.arguments import RAW_AUDIO_BYTES_PER_SAMPLE
from media_lambda.coded_sound import append_packets, is_silent_at, plan_packets
from media_lambda.log import log
from media_lambda.merge_plan import MergePlan
from media_lambda.source import Source

RAW_NAME = "sound.f32le"
CODED_NAME = "sound.aac"


class MergedSound:
    """Raw, to be measured and encoded; and coded as it came, for as long as that may be heard as it is."""

    def __init__(self, folder: Path, *, segments: Sequence[Source], plan: MergePlan) -> None:
        self._folder = folder
        self._cuts = plan.cuts
        self._shares = plan_packets(segments, [cut.duration for cut in plan.cuts])
        self._files = ExitStack()
        self._raw = self._files.enter_context((folder / RAW_NAME).open("xb"))
        self._coded = self._files.enter_context((folder / CODED_NAME).open("xb"))
        self.is_copyable = plan.sound_obstacle is None

    def __enter__(self) -> "MergedSound":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def append(self, index: int) -> None:
        """Take the next segment's sound, which must be prepared; its files are gone afterwards."""
        raw, coded = self._folder / raw_name(index), self._folder / coded_name(index)
        if self.is_copyable and raw.exists():
            self._look_at_seams(index, raw)
        if self.is_copyable:
            append_packets(coded, self._coded, self._shares[index])
        self._append_raw(raw, samples=self._cuts[index].samples)
        for part in (raw, coded):
            part.unlink(missing_ok=True)

    def _look_at_seams(self, index: int, raw: Path) -> None:
        has_next = index + 1 < len(self._cuts)
        if not is_silent_at(raw, samples=self._cuts[index].samples, begin=index > 0, end=has_next):
            log("sound_is_encoded", because=f"segment {index} is heard where it meets another")
            self.is_copyable = False

    def _append_raw(self, raw: Path, *, samples: int) -> None:
        """What is missing becomes silence."""
        begin = self._raw.tell()
        if raw.exists():
            with raw.open("rb") as file:
                shutil.copyfileobj(file, self._raw)
        end = begin + samples * RAW_AUDIO_BYTES_PER_SAMPLE
        self._raw.truncate(end)
        self._raw.seek(end)


def raw_name(index: int) -> str:
    """Of a segment's sound as samples."""
    return f"sound-{index:03}.f32le"


def coded_name(index: int) -> str:
    """Of a segment's sound as packets."""
    return f"sound-{index:03}.aac"
