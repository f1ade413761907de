"""What `bin/bench media` makes: each film by the media function, and by one command of FFmpeg that does the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.media_clips import compatible_clips, incompatible_clips, levelled_clips, make_clip, make_voice
from benchmarks.media_ffmpeg import BEFORE, ENCODE, LEVEL, MEASURE, SOUND

_FAST = ("-movflags", "+faststart")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One film to make."""

    name: str
    executor_type: str
    inputs: Mapping[str, Sequence[Path]]
    config: Mapping[str, object]
    command: Sequence[str]
    """Of FFmpeg, without its output."""
    encoding_command: Sequence[str] = ()
    """The same film with its pictures encoded, where the case copies them."""


def make_cases(folder: Path, *, seconds: float) -> list[Case]:
    """All of them, on clips of `seconds` in all."""
    same = compatible_clips(folder / "same", seconds=seconds / 10)
    levelled = levelled_clips(folder / "levelled", seconds=seconds / 10)
    others = incompatible_clips(folder / "others", seconds=seconds / 10)
    film = make_clip(folder / "film.mp4", size="1280x720", rate=25, seconds=seconds, seed=3)
    small = make_clip(folder / "small.mp4", size="854x480", rate=25, seconds=seconds, seed=7)
    voice = make_voice(folder / "voice.m4a", seconds=seconds)
    return [
        _merge_levelled(folder, levelled),
        _merge_copied(folder, same),
        _merge_encoded(others),
        _mix(film, voice),
        _compose(film, small),
    ]


def _merge_levelled(folder: Path, clips: Sequence[Path]) -> Case:
    joined = _joined(folder / "levelled.txt", clips)
    return Case(
        name="merge_levelled",
        executor_type="merge-videos",
        inputs={"segments": clips},
        config={},
        # It measures as well, since nobody knows before that the sound may be copied.
        command=(*joined, "-map", "0:a", "-af", MEASURE, "-f", "null", "-", "-map", "0", "-c", "copy", *_FAST),
        encoding_command=(*joined, *ENCODE, "-af", LEVEL, *SOUND, *_FAST),
    )


def _merge_copied(folder: Path, clips: Sequence[Path]) -> Case:
    joined = _joined(folder / "copied.txt", clips)
    return Case(
        name="merge_copied",
        executor_type="merge-videos",
        inputs={"segments": clips},
        config={},
        command=(*joined, "-c:v", "copy", "-af", LEVEL, *SOUND, *_FAST),
        encoding_command=(*joined, *ENCODE, "-af", LEVEL, *SOUND, *_FAST),
    )


def _joined(names: Path, clips: Sequence[Path]) -> tuple[str, ...]:
    names.write_text("".join(f"file '{clip}'\n" for clip in clips))
    return (*BEFORE, "-f", "concat", "-safe", "0", "-i", str(names))


def _merge_encoded(clips: Sequence[Path]) -> Case:
    inputs = [word for clip in clips for word in ("-i", str(clip))]
    fit = (
        "fps=25:start_time=0,scale=1280:720:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=bicubic,"
        "pad=1280:720:(ow-iw)/2:(oh-ih)/2,setsar=1,format=yuv420p"
    )
    pictures = "".join(f"[{index}:v]{fit}[v{index}];" for index in range(len(clips)))
    pairs = "".join(f"[v{index}][{index}:a]" for index in range(len(clips)))
    graph = f"{pictures}{pairs}concat=n={len(clips)}:v=1:a=1[v][joined];[joined]{LEVEL}[a]"
    return Case(
        name="merge_encoded",
        executor_type="merge-videos",
        inputs={"segments": clips},
        config={},
        command=(*BEFORE, *inputs, "-filter_complex", graph, "-map", "[v]", "-map", "[a]", *ENCODE, *SOUND, *_FAST),
    )


def _mix(film: Path, voice: Path) -> Case:
    graph = f"[0:a][1:a]amix=inputs=2:normalize=0:duration=first,{LEVEL}[a]"
    return Case(
        name="mix",
        executor_type="mix-audio",
        inputs={"video": [film], "audio": [voice]},
        config={"mode": "mix", "loudness": -16},
        command=(
            *(*BEFORE, "-i", str(film), "-i", str(voice), "-filter_complex", graph),
            *("-map", "0:v", "-c:v", "copy", "-map", "[a]", *SOUND, *_FAST),
        ),
    )


def _compose(film: Path, small: Path) -> Case:
    # A third of the width in the corner, with the margin that the function leaves.
    place = "[1:v]scale=384:216:flags=bicubic[small];[0:v][small]overlay=864:472:format=yuv420[v]"
    graph = f"{place};[0:a][1:a]amix=inputs=2:normalize=0:duration=first,{LEVEL}[a]"
    return Case(
        name="compose",
        executor_type="compose-video",
        inputs={"background": [film], "overlay": [small]},
        config={"rounded": False, "loudness": -16},
        command=(
            *(*BEFORE, "-i", str(film), "-i", str(small), "-filter_complex", graph),
            *("-map", "[v]", *ENCODE, "-map", "[a]", *SOUND, *_FAST),
        ),
    )
