"""Makes `music.m4a`: a quiet, warm loop of four chords, played by nothing but arithmetic.

Run it from anywhere with Montage's environment: `python examples/welcome/make_music.py`. Equal code gives equal sound.
"""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float64]

RATE = 48_000
BEAT_S = 60 / 84
BEATS_A_CHORD = 4
LENGTH_S = 30.0
CHORDS = (  # MIDI notes: Fmaj9, Am7, Cmaj9, G6
    (41, 57, 60, 64, 67),
    (45, 55, 60, 64, 67),
    (48, 55, 59, 62, 64),
    (43, 55, 59, 62, 64),
)
ARPEGGIO = (1, 3, 2, 4, 3, 1, 4, 2)


def main() -> None:
    """Write the file beside this program."""
    music = compose()
    destination = Path(__file__).with_name("music.m4a")
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", "-",
        "-c:a", "aac", "-b:a", "96k", "-flags:a", "+bitexact", "-map_metadata", "-1", "-fflags", "+bitexact",
        "-movflags", "+faststart", str(destination),
    ]  # fmt: skip
    subprocess.run(command, input=music.astype("<f4").tobytes(), check=True)
    print(f"{destination}: {destination.stat().st_size / 1000:.0f} kB, {len(music) / RATE:.1f} s")


def compose() -> Sound:
    """Stereo samples with a peak of -3 dBFS, faded at both ends."""
    chord_s = BEAT_S * BEATS_A_CHORD
    dry = np.zeros((int(LENGTH_S * RATE), 2))
    for number in range(int(LENGTH_S / chord_s) + 1):
        chord = CHORDS[number % len(CHORDS)]
        start_s = number * chord_s
        for position, note in enumerate(chord):
            add(dry, pad(note, length_s=chord_s + 1.2), at_s=start_s, pan=(position - 2) * 0.22, gain=0.10)
        for step, which in enumerate(ARPEGGIO):
            pan = 0.35 if step % 2 else -0.35
            add(dry, pluck(chord[which] + 12), at_s=start_s + step * BEAT_S / 2, pan=pan, gain=0.16)
        for beat in (0, 2):
            add(dry, thump(), at_s=start_s + beat * BEAT_S, pan=0.0, gain=0.30)
    wet = dry + 0.35 * in_a_hall(dry)
    return np.asarray(wet * fades(len(wet)) * (10 ** (-3 / 20) / np.abs(wet).max()))


def pad(note: int, *, length_s: float) -> Sound:
    """A soft chord tone: a few quiet overtones, two slightly detuned strings, slow to come and to go."""
    at = np.arange(int(length_s * RATE)) / RATE
    strings = [
        np.sin(2 * np.pi * frequency(note) * detune * overtone * at) / overtone**2
        for detune in (0.9985, 1.0015)
        for overtone in (1, 2, 3, 4)
    ]
    swell = np.clip(at / 0.9, 0, 1) * np.clip((length_s - at) / 1.2, 0, 1)
    return np.asarray(np.sum(strings, axis=0) * np.sin(swell * np.pi / 2) ** 2)


def pluck(note: int) -> Sound:
    """A small bell-like tone that dies away within a second."""
    at = np.arange(int(1.4 * RATE)) / RATE
    tone = np.sin(
        2 * np.pi * frequency(note) * at + 0.8 * np.exp(-at * 9) * np.sin(2 * np.pi * frequency(note) * 3 * at)
    )
    return tone * np.exp(-at * 4.2) * np.clip(at / 0.004, 0, 1)


def thump() -> Sound:
    """A soft drum."""
    at = np.arange(int(0.35 * RATE)) / RATE
    return np.sin(2 * np.pi * (52 * at - 2.2 * np.exp(-at * 26))) * np.exp(-at * 11) * np.clip(at / 0.003, 0, 1)


def add(track: Sound, sound: Sound, *, at_s: float, pan: float, gain: float) -> None:
    """Lay a sound over the track; what would pass its end is cut."""
    start = int(at_s * RATE)
    piece = sound[: max(0, len(track) - start)]
    angle = (pan + 1) * np.pi / 4
    track[start : start + len(piece)] += gain * np.outer(piece, (np.cos(angle), np.sin(angle)))


def in_a_hall(dry: Sound) -> Sound:
    """The same sound as a room of two seconds gives it back: convolved with noise that dies away."""
    at = np.arange(2 * RATE) / RATE
    noise = np.random.default_rng(3).standard_normal((len(at), 2)) * np.exp(-at * 3.4)[:, None]
    noise = np.apply_along_axis(lambda channel: np.convolve(channel, np.ones(12) / 12, mode="same"), 0, noise)
    noise /= np.sqrt((noise**2).sum(axis=0))
    size = 1 << (len(dry) + len(noise)).bit_length()
    spectrum = np.fft.rfft(dry, size, axis=0) * np.fft.rfft(noise, size, axis=0)
    return np.asarray(np.fft.irfft(spectrum, size, axis=0)[: len(dry)])


def fades(length: int) -> Sound:
    """Up in one second, down in three."""
    at = np.arange(length) / RATE
    level = np.clip(at / 1.0, 0, 1) * np.clip((length / RATE - at) / 3.0, 0, 1)
    return np.asarray(np.sin(level * np.pi / 2) ** 2)[:, None]


def frequency(note: int) -> float:
    """Hertz of a MIDI note."""
    return float(440 * 2 ** ((note - 69) / 12))


if __name__ == "__main__":
    main()
