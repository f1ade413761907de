"""The films that `bin/bench media` works on, made anew each time from moving test pictures and coloured noise."""

from __future__ import annotations

from pathlib import Path

from benchmarks.media_ffmpeg import run_ffmpeg

_SHAPES = (
    ("1280x720", 25), ("1920x1080", 30), ("1080x1920", 30), ("640x480", 24), ("1920x1080", 25),
    ("854x480", 25), ("1440x1080", 25), ("720x1280", 24), ("1280x720", 50), ("960x540", 25),
)  # fmt: skip
CLIPS = len(_SHAPES)


def compatible_clips(folder: Path, *, seconds: float) -> list[Path]:
    """Ten in full HD that can be joined without decoding their pictures."""
    folder.mkdir()
    return [
        make_clip(folder / f"same-{index}.mp4", size="1920x1080", rate=25, seconds=seconds, seed=index)
        for index in range(CLIPS)
    ]


def levelled_clips(folder: Path, *, seconds: float) -> list[Path]:
    """The same ten, as loud as films should be and silent at their ends, as talking heads are."""
    folder.mkdir()
    return [
        make_clip(
            folder / f"levelled-{index}.mp4", size="1920x1080", rate=25, seconds=seconds, seed=index, is_levelled=True
        )
        for index in range(CLIPS)
    ]


def incompatible_clips(folder: Path, *, seconds: float) -> list[Path]:
    """Ten of different sizes, shapes and rates."""
    folder.mkdir()
    return [
        make_clip(folder / f"other-{index}.mp4", size=size, rate=rate, seconds=seconds, seed=index)
        for index, (size, rate) in enumerate(_SHAPES)
    ]


def make_clip(path: Path, *, size: str, rate: int, seconds: float, seed: int, is_levelled: bool = False) -> Path:
    """H.264 and AAC, a key frame every two seconds."""
    # All say what their colours are: what does not is taken by its size by us, and left as it is by FFmpeg alone.
    colours = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
    picture = f"testsrc2=size={size}:rate={rate}:duration={seconds},hue=h={36 * seed},{colours}"
    sound = f"anoisesrc=c=pink:a=0.2:d={seconds}:r=48000:seed={seed + 1}"
    if is_levelled:
        # Such noise has -29.1 LUFS.
        sound += f",volume=13.2dB,afade=st=0.1:d=0.2,afade=t=out:st={seconds - 0.3}:d=0.2"
    run_ffmpeg(
        *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-c:v", "libx264", "-preset", "ultrafast"),
        *("-crf", "23", "-g", str(2 * rate), "-pix_fmt", "yuv420p", "-threads", "2"),
        *("-c:a", "aac", "-ac", "2", str(path)),
    )
    return path


def make_voice(path: Path, *, seconds: float) -> Path:
    """A sound with the pauses of speech."""
    voice = f"anoisesrc=c=pink:a=0.4:d={seconds}:r=48000:seed=1,volume='0.1+0.9*gt(mod(t,3),1)':eval=frame"
    run_ffmpeg("-f", "lavfi", "-i", voice, "-c:a", "aac", str(path))
    return path
