"""merge-videos: play segments one after the other.

Pictures are copied where all segments agree, else encoded once to look like the first segment. Sound is always decoded,
cut to its segment's length, joined by bytes, levelled by one gain and encoded once: copied AAC would click and drift at
every cut. One run of FFmpeg prepares one segment, or a few that are copied: memory does not grow with their number.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from media_lambda import arguments as ff
from media_lambda import crossfade
from media_lambda.event import MergeVideos
from media_lambda.ffmpeg import Command, Ffmpeg
from media_lambda.inputs import Inputs
from media_lambda.level import find_level
from media_lambda.log import log
from media_lambda.loudness import measure_arguments, parse_loudness
from media_lambda.merge_plan import Cut, MergePlan, plan_merge
from media_lambda.product import OUTPUT_NAME, Product
from media_lambda.source import Source

_LIST_NAME = "segments.ffconcat"
_SOUND_NAME = "sound.f32le"
_COPIED_AT_ONCE = 16
"""Each needs a few open files and megabytes."""


def merge_videos(job: MergeVideos, *, inputs: Inputs, ffmpeg: Ffmpeg, folder: Path) -> Product:
    """Make the film in `folder`. Raises InvalidInput, FfmpegFailed, StoreFailed."""
    segments = [inputs.fetch(origin, place=f"segments[{index}]") for index, origin in enumerate(job.segments)]
    plan = plan_merge(segments, transition=job.transition)
    log("merge_planned", segments=len(segments), video="encode" if plan.obstacle else "copy", because=plan.obstacle)
    total_s = float(plan.duration)

    with (folder / _SOUND_NAME).open("xb") as sound:
        for indices in batches(plan):
            arguments = batch_arguments(segments, plan=plan, indices=indices)
            duration = sum(plan.cuts[index].duration for index in indices)
            purpose = f"prepare {' and '.join(str(segments[index]) for index in indices)}"
            ffmpeg.run(Command(purpose=purpose, arguments=arguments, output_s=float(duration)))
            for index in indices:
                _append_sound(folder / _sound_name(index), sound, samples=plan.cuts[index].samples)
            _drop_inputs(folder, segments, plan=plan, done=indices[-1])
    (folder / _LIST_NAME).write_text(segment_list(plan), encoding="ascii")

    measure = Command(purpose="measure the loudness", arguments=measure_arguments(_SOUND_NAME), output_s=total_s)
    measured = parse_loudness(ffmpeg.run(measure))
    level = find_level(ffmpeg, _SOUND_NAME, measured, target_lufs=job.loudness_lufs, output_s=total_s)
    ffmpeg.run(Command(purpose="join the segments", arguments=join_arguments(level), output_s=total_s))
    return Product(path=folder / OUTPUT_NAME, duration=plan.duration)


def batches(plan: MergePlan) -> list[range]:
    """Which segments one run of FFmpeg prepares: several when their pictures are only copied, for each start counts."""
    size = _COPIED_AT_ONCE if plan.obstacle is None else 1
    return [range(first, min(first + size, len(plan.cuts))) for first in range(0, len(plan.cuts), size)]


def batch_arguments(segments: Sequence[Source], *, plan: MergePlan, indices: Sequence[int]) -> tuple[str, ...]:
    """Make the pictures and the sound of some segments."""
    if plan.cuts[indices[0]].overlap:
        return crossfade_arguments(segments, plan=plan, index=indices[0])
    arguments: list[str] = []
    for index in indices:
        arguments += ff.file_input(segments[index].name, demuxer=segments[index].facts.demuxer)
    for source, index in enumerate(indices):
        arguments += _segment_outputs(segments[index], plan.cuts[index], plan=plan, index=index, source=source)
    return tuple(arguments)


def crossfade_arguments(segments: Sequence[Source], *, plan: MergePlan, index: int) -> tuple[str, ...]:
    """Make a segment that the one before melts into."""
    before, segment, cut = segments[index - 1], segments[index], plan.cuts[index]
    length = plan.cuts[index - 1].length
    graph = crossfade.picture_graph(before, segment, cut, length=length, picture=plan.picture)
    sound = crossfade.sound_graph(before, segment, cut, length=length)
    return (
        *ff.file_input(segment.name, demuxer=segment.facts.demuxer),
        *crossfade.tail_input(before, length=length, overlap=cut.overlap),
        *("-filter_complex", f"{graph};{sound}" if sound else graph),
        *("-map", "[picture]", *ff.encode_video(plan.picture.rate), *ff.mp4_output(_video_name(index))),
        *(("-map", "[sound]", *ff.raw_audio_output(_sound_name(index))) if sound else ()),
    )


def segment_list(plan: MergePlan) -> str:
    """The prepared pictures in order, for FFmpeg's concat demuxer."""
    lines = ["ffconcat version 1.0"]
    for index, cut in enumerate(plan.cuts):
        lines += [f"file {_video_name(index)}", f"duration {ff.seconds(cut.duration)}"]
    return "\n".join(lines) + "\n"


def join_arguments(level: str) -> tuple[str, ...]:
    """Put pictures and sound together."""
    # All parts have one and the same decoder configuration, so the demuxer needs not repeat it inside the stream.
    joined = ("-f", "concat", "-auto_convert", "0", "-i", _LIST_NAME)
    return (
        *("-protocol_whitelist", "file", "-format_whitelist", "concat,mov", *joined),
        *ff.raw_audio_input(_SOUND_NAME),
        *("-map", "0:v:0", "-c:v", "copy", "-map", "1:a:0", "-af", level, *ff.encode_audio()),
        *ff.mp4_output(OUTPUT_NAME),
    )


def _segment_outputs(segment: Source, cut: Cut, *, plan: MergePlan, index: int, source: int) -> tuple[str, ...]:
    """One segment's pictures, copied or encoded, and its sound, where it has any."""
    if cut.frames is None:
        video: tuple[str, ...] = ("-c:v", "copy")
    else:
        chain = [ff.rate_filter(plan.picture), ff.fit_filter(segment.video, plan.picture), ff.hold_filter(cut.frames)]
        chain += _fades("fade", cut)
        video = ("-vf", ",".join(chain), *ff.encode_video(plan.picture.rate))
    sound: tuple[str, ...] = ()
    if segment.facts.audio is not None:
        chain = [ff.sound_filter(segment.facts.audio), ff.exact_length_filter(cut.samples), *_fades("afade", cut)]
        sound = ("-map", f"{source}:a:0", "-af", ",".join(chain), *ff.raw_audio_output(_sound_name(index)))
    return ("-map", f"{source}:V:0", *video, *ff.mp4_output(_video_name(index)), *sound)


def _fades(name: str, cut: Cut) -> list[str]:
    fades = []
    if cut.fade_in:
        fades.append(f"{name}=t=in:st=0:d={ff.seconds(cut.fade_in)}")
    if cut.fade_out:
        start = ff.seconds(cut.duration - cut.fade_out)
        fades.append(f"{name}=t=out:st={start}:d={ff.seconds(cut.fade_out)}")
    return fades


def _drop_inputs(folder: Path, segments: Sequence[Source], *, plan: MergePlan, done: int) -> None:
    """Delete the inputs that no later segment needs: a film may be as large as half of the room."""
    melts = done + 1 < len(plan.cuts) and bool(plan.cuts[done + 1].overlap)
    needed = {segment.name for segment in segments[done if melts else done + 1 :]}
    for segment in segments[: done + 1]:
        if segment.name not in needed:
            (folder / segment.name).unlink(missing_ok=True)


def _append_sound(segment: Path, whole: BinaryIO, *, samples: int) -> None:
    """Move one segment's sound to the end of the film's; what is missing becomes silence."""
    begin = whole.tell()
    if segment.exists():
        with segment.open("rb") as file:
            shutil.copyfileobj(file, whole)
        segment.unlink()
    end = begin + samples * ff.RAW_AUDIO_BYTES_PER_SAMPLE
    whole.truncate(end)
    whole.seek(end)


def _video_name(index: int) -> str:
    return f"video-{index:03}.mp4"


def _sound_name(index: int) -> str:
    return f"sound-{index:03}.f32le"
