"""What `bin/bench media` prints: a table for people, one object for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_MIB = 1024 * 1024
RATIO_TARGET = 1.15
COPY_TARGET = 20
SSIM_TARGET = 0.98


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One film, made by us and by FFmpeg alone."""

    name: str
    function_s: float
    fixed_s: float | None
    """None where nothing starts for it alone."""
    floor_s: float
    function_cpu_s: float
    floor_cpu_s: float
    function_bytes: int | None
    """None where it was not looked at."""
    function_short_bytes: int | None
    """Of the same film of a quarter of the length."""
    floor_bytes: int
    encoded_s: float | None
    """What FFmpeg alone takes to encode what is copied; None where nothing is copied."""
    encoded_cpu_s: float | None
    function_length_s: float
    floor_length_s: float
    ssim: float
    command: str

    @property
    def ratio(self) -> float:
        return self.function_s / self.floor_s

    @property
    def speed_up(self) -> float | None:
        """Copying instead of encoding."""
        return self.encoded_s / self.function_s if self.encoded_s else None

    @property
    def cpu_ratio(self) -> float:
        return self.function_cpu_s / self.floor_cpu_s

    @property
    def cpu_speed_up(self) -> float | None:
        """The same by processor seconds."""
        return self.encoded_cpu_s / self.function_cpu_s if self.encoded_cpu_s else None

    def words(self) -> str:
        memory = [_mib(size) for size in (self.function_bytes, self.function_short_bytes, self.floor_bytes)]
        fixed = "-" if self.fixed_s is None else f"{self.fixed_s:.1f}"
        off_s = abs(self.function_length_s - self.floor_length_s)
        return (
            f"  {self.name:14} {self.function_s:8.2f} {self.floor_s:8.2f} {self.ratio:6.2f} {fixed:>6}"
            f" {self.function_cpu_s:7.2f} {self.floor_cpu_s:7.2f} {self.cpu_ratio:6.2f}"
            f" {memory[0]:>6} {memory[1]:>6} {memory[2]:>6} {off_s:7.3f} {self.ssim:7.4f}"
        )

    def as_dict(self) -> dict[str, object]:
        return {
            "seconds": round(self.function_s, 3),
            "floor_s": round(self.floor_s, 3),
            "ratio": round(self.ratio, 3),
            "cpu_s": round(self.function_cpu_s, 3),
            "floor_cpu_s": round(self.floor_cpu_s, 3),
            "cpu_ratio": round(self.cpu_ratio, 3),
            "fixed_s": None if self.fixed_s is None else round(self.fixed_s, 3),
            "peak_mib": _rounded_mib(self.function_bytes),
            "short_peak_mib": _rounded_mib(self.function_short_bytes),
            "floor_peak_mib": _rounded_mib(self.floor_bytes),
            "encoded_s": None if self.encoded_s is None else round(self.encoded_s, 3),
            "copy_speed_up": None if self.speed_up is None else round(self.speed_up, 1),
            "copy_cpu_speed_up": None if self.cpu_speed_up is None else round(self.cpu_speed_up, 1),
            "length_difference_s": round(abs(self.function_length_s - self.floor_length_s), 3),
            "ssim": round(self.ssim, 4),
        }


@dataclass(frozen=True, kw_only=True)
class MediaReport:
    seconds: int
    compared: Sequence[Compared]
    load_average: float
    """Of the minute before the first measurement."""
    cores: int

    def lines(self) -> Iterator[str]:
        """For people."""
        yield (
            f"media, clips of {self.seconds} s in all, on {self.cores} cores, "
            f"load average {self.load_average:.2f} before"
        )
        yield (
            f"  {'':14} {'ours s':>8} {'floor s':>8} {'ratio':>6} {'fixed':>6}   CPU s: ours, floor, ratio"
            "   peak MiB: ours, a quarter, floor"
        )
        yield from (one.words() for one in self.compared)
        yield f"  targets: ratio {RATIO_TARGET}, lengths within 0.05 s, SSIM {SSIM_TARGET} (the last two columns)"
        for one in self.compared:
            if one.speed_up is not None:
                yield (
                    f"  {one.name}: {one.speed_up:.1f} times as fast as encoding (target {COPY_TARGET}), "
                    f"{one.cpu_speed_up:.1f} times by processor seconds"
                )
        for one in self.compared:
            yield f"  floor of {one.name}: {one.command}"

    def as_json(self) -> str:
        """One line."""
        return json.dumps(
            {
                "workload": "media",
                "floor": {one.name: round(one.floor_s, 3) for one in self.compared},
                "ratio": {one.name: round(one.ratio, 3) for one in self.compared},
                "load_average": round(self.load_average, 2),
                "cores": self.cores,
                "clip_s": self.seconds,
                **{one.name: one.as_dict() for one in self.compared},
            }
        )


def _mib(size: int | None) -> str:
    return "-" if size is None else f"{size / _MIB:.0f}"


def _rounded_mib(size: int | None) -> float | None:
    return None if size is None else round(size / _MIB, 1)
