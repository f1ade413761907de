"""How alike two sounds are, and how loud one is."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tests.e2e.film_media import SAMPLE_RATE, Sound

Mono: TypeAlias = NDArray[np.float64]

_BLOCK = SAMPLE_RATE * 4 // 10
_BLOCK_STEP = _BLOCK // 4
_LUFS_OFFSET = -0.691
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0


@dataclass(frozen=True, kw_only=True)
class Part:
    """One sound as a part of another: `whole` = `gain` times the part, plus the rest."""

    correlation: float
    """Of the waveforms."""
    gain: float
    level_dbfs: float
    """Of the part as it is in the whole."""
    rest: Mono
    rest_dbfs: float


def mono(sound: Sound) -> Mono:
    """The mean of both sides."""
    middle: Mono = sound.astype(np.float64).mean(axis=0)
    return middle


def lag_s(whole: Mono, part: Mono) -> float:
    """How much later than in `part` its waveform comes in `whole`, where the two agree best."""
    size = 1 << (len(whole) + len(part)).bit_length()
    product = np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size))
    best = int(np.argmax(np.abs(np.fft.irfft(product, size))))
    return (best if best < size // 2 else best - size) / SAMPLE_RATE


def part_of(whole: Mono, part: Mono) -> Part:
    """Find `part` in `whole` by least squares, both from their beginning and as long as the shorter one."""
    length = min(len(whole), len(part))
    whole, part = whole[:length], part[:length]
    energy = float(part @ part)
    gain = float(whole @ part) / energy if energy else 0.0
    rest = whole - gain * part
    return Part(
        correlation=correlation(whole, part),
        gain=gain,
        level_dbfs=rms_dbfs(gain * part),
        rest=rest,
        rest_dbfs=rms_dbfs(rest),
    )


def correlation(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Pearson's; 0 when one of them never changes, because then it follows nothing."""
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size > 0 else 0.0


def levels(sound: Mono, *, fps: float, count: int) -> Mono:
    """Root mean square of the sound while each picture is shown; 0 after the sound's end."""
    samples = round(SAMPLE_RATE / fps)
    padded = np.pad(sound[: count * samples], (0, max(0, count * samples - len(sound))))
    result: Mono = np.sqrt((padded.reshape(count, samples) ** 2).mean(axis=1))
    return result


def peak_dbfs(sound: NDArray[np.floating]) -> float:
    return _db(float(np.abs(sound).max()))


def rms_dbfs(sound: NDArray[np.floating]) -> float:
    return _db(float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))))


def integrated_lufs(sound: Sound) -> float:
    """Loudness of a whole programme after ITU-R BS.1770-4: K-weighted, blocks of 400 ms, gated twice."""
    power = (_k_weighted(sound) ** 2).sum(axis=0)
    sums = np.concatenate([[0.0], power.cumsum()])
    starts = np.arange(0, len(power) - _BLOCK + 1, _BLOCK_STEP)
    blocks = (sums[starts + _BLOCK] - sums[starts]) / _BLOCK
    heard = blocks[_lufs(blocks) > _ABSOLUTE_GATE_LUFS]
    if not heard.size:
        return float("-inf")
    gate = _lufs(heard.mean()) + _RELATIVE_GATE_LU
    return float(_lufs(heard[_lufs(heard) > gate].mean()))


def _k_weighted(sound: Sound) -> Mono:
    """The recommendation's two filters for 48 kHz, as one multiplication of the spectrum."""
    length = sound.shape[1]
    # The filters ring for less than a second; padding keeps the end from leaking into the beginning.
    size = length + SAMPLE_RATE
    delay = np.exp(-2j * np.pi * np.fft.rfftfreq(size))
    shelf = _response(
        delay, (1.53512485958697, -2.69169618940638, 1.19839281085285), (-1.69065929318241, 0.73248077421585)
    )
    high_pass = _response(delay, (1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621))
    spectrum = np.fft.rfft(sound.astype(np.float64), size, axis=1)
    weighted: Mono = np.fft.irfft(spectrum * shelf * high_pass, size, axis=1)[:, :length]
    return weighted


def _response(
    delay: NDArray[np.complex128], b: tuple[float, float, float], a: tuple[float, float]
) -> NDArray[np.complex128]:
    return (b[0] + b[1] * delay + b[2] * delay**2) / (1 + a[0] * delay + a[1] * delay**2)


def _lufs(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return _LUFS_OFFSET + 10 * np.log10(np.maximum(power, 1e-12))


def _db(value: float) -> float:
    return 20 * float(np.log10(value)) if value > 0 else float("-inf")
