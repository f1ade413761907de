"""A program of its own that speaks: text on standard input, one sentence a line, WAV on standard output.

An empty line ends a paragraph. This file alone loads libespeak-ng (GPL-3.0-or-later) and is run only as a separate
process, by its path; it imports nothing of ours and nothing of ours imports it.
"""

from __future__ import annotations

import argparse
import array
import ctypes
import struct
import sys

_SYNCHRONOUS_OUTPUT = 2
_UTF8 = 1
_RATE, _VOLUME, _PITCH, _RANGE, _WORD_GAP = 1, 2, 3, 4, 7
_SEED = 1
_QUIET = 64  # of 32767: what espeak-ng leaves around a sentence is below this and is cut, so that pauses are ours

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def main() -> int:
    """Speak standard input; exit 2 when the voice does not exist, 1 when the library fails."""
    arguments = _arguments()
    try:
        engine = _Engine()
    except (OSError, RuntimeError) as err:
        sys.stderr.write(f"espeak-ng does not start: {err}\n")
        return 1
    if not engine.choose(arguments.voice):
        sys.stderr.write(f"espeak-ng has no voice {arguments.voice!r}\n")
        return 2
    engine.tune(arguments)
    lines = sys.stdin.buffer.read().decode("utf-8").splitlines()
    samples = _speak_lines(engine, lines, arguments)
    sys.stdout.buffer.write(_wav(samples, sample_rate=engine.sample_rate))
    return 0


def _speak_lines(engine: _Engine, lines: list[str], arguments: argparse.Namespace) -> array.array[int]:
    """Join the sentences with silence between them, none before the first or after the last."""
    spoken = array.array("h")
    pause_ms = 0
    for line in lines:
        if not line.strip():
            pause_ms = max(pause_ms, arguments.paragraph_pause_ms)
            continue
        sentence = _trimmed(engine.speak(line))
        if spoken and sentence:
            spoken.extend([0] * (engine.sample_rate * max(pause_ms, arguments.sentence_pause_ms) // 1000))
        spoken.extend(sentence)
        pause_ms = 0
    return spoken


def _trimmed(samples: array.array[int]) -> array.array[int]:
    loud = [index for index, value in enumerate(samples) if abs(value) > _QUIET]
    return samples[loud[0] : loud[-1] + 1] if loud else array.array("h")


class _Engine:
    """libespeak-ng in this process."""

    def __init__(self) -> None:
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data_path = str(espeakng_loader.get_data_path()).encode()
        self.sample_rate: int = self._library.espeak_Initialize(_SYNCHRONOUS_OUTPUT, 0, data_path, 0)
        if self.sample_rate <= 0:
            raise RuntimeError(f"no voice data in {data_path.decode()}")
        # Breath and roughness are random, by default from the clock; the same text must sound the same again.
        self._library.espeak_ng_SetRandSeed(_SEED)
        self._samples = array.array("h")
        self._callback = _Callback(self._collect)  # kept: the library holds only the pointer
        self._library.espeak_SetSynthCallback(self._callback)

    def choose(self, voice: str) -> bool:
        return bool(self._library.espeak_SetVoiceByName(voice.encode()) == 0)

    def tune(self, arguments: argparse.Namespace) -> None:
        settings = {
            _RATE: arguments.rate_wpm,
            _VOLUME: 90,
            _PITCH: arguments.pitch,
            _RANGE: arguments.pitch_range,
            _WORD_GAP: arguments.word_gap,
        }
        for parameter, value in settings.items():
            self._library.espeak_SetParameter(parameter, value, 0)

    def speak(self, sentence: str) -> array.array[int]:
        self._samples = array.array("h")
        text = sentence.encode()
        status = self._library.espeak_Synth(text, ctypes.c_size_t(len(text) + 1), 0, 1, 0, _UTF8, None, None)
        if status != 0:
            raise RuntimeError(f"espeak-ng refused a sentence of {len(text)} bytes with status {status}")
        self._library.espeak_Synchronize()
        return self._samples

    def _collect(self, wave: ctypes._Pointer[ctypes.c_short], count: int, _events: object) -> int:
        if wave and count > 0:
            self._samples.frombytes(ctypes.string_at(wave, count * 2))
        return 0


def _wav(samples: array.array[int], *, sample_rate: int) -> bytes:
    data = samples.tobytes()
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE",
        b"fmt ", 16, 1, 1, sample_rate, sample_rate * 2, 2, 16,
        b"data", len(data),
    )  # fmt: skip
    return header + data


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Speaks standard input with espeak-ng and writes WAV.")
    parser.add_argument("--voice", required=True, help="an espeak-ng voice, with +variant if wanted")
    parser.add_argument("--rate-wpm", type=int, default=150)
    parser.add_argument("--pitch", type=int, default=45, help="0-100")
    parser.add_argument("--pitch-range", type=int, default=50, help="0-100, 0 is monotone")
    parser.add_argument("--word-gap", type=int, default=0, help="units of 10 ms")
    parser.add_argument("--sentence-pause-ms", type=int, default=320)
    parser.add_argument("--paragraph-pause-ms", type=int, default=650)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
