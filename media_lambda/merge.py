"""merge-videos: play segments one after the other.

Pictures are copied where all segments agree, else encoded once to look like the first segment. Sound is decoded, cut to
its segment's length, joined by bytes and measured; then levelled by one gain and encoded once. Where the whole is as
loud as it should be and silent at its cuts, the coded sound is joined instead. One run of FFmpeg prepares one segment,
or a few that are copied: memory does not grow with their number.
"""

from collections.abc import Sequence
from pathlib import Path

from media_lambda import arguments as ff
from media_lambda import crossfade
from media_lambda.event import MergeVideos
from media_lambda.ffmpeg import Command, Ffmpeg
from media_lambda.inputs import Inputs
from media_lambda.level import find_level
from media_lambda.log import log
from media_lambda.loudness import is_levelled, measure_arguments, parse_loudness
from media_lambda.merge_plan import Cut, MergePlan, plan_merge
from media_lambda.merged_sound import CODED_NAME, RAW_NAME, MergedSound, coded_name, raw_name
from media_lambda.product import OUTPUT_NAME, Product
from media_lambda.source import Source

_LIST_NAME = "segments.ffconcat"
_COPIED_AT_ONCE = 16
"""Each needs a few open files and megabytes."""


def merge_videos(job: MergeVideos, *, inputs: Inputs, ffmpeg: Ffmpeg, folder: Path) -> Product:
    """Make the film in `folder`. Raises InvalidInput, FfmpegFailed, StoreFailed."""
    segments = [inputs.fetch(origin, place=f"segments[{index}]") for index, origin in enumerate(job.segments)]
    plan = plan_merge(segments, transition=job.transition)
    log(
        "merge_planned",
        segments=len(segments),
        video="encode" if plan.obstacle else "copy",
        because=plan.obstacle,
        sound_because=plan.sound_obstacle,
    )
    with MergedSound(folder, segments=segments, plan=plan) as sound:
        for indices in batches(plan):
            _prepare(segments, plan=plan, indices=indices, ffmpeg=ffmpeg)
            for index in indices:
                sound.append(index)
            _drop_inputs(folder, segments, plan=plan, done=indices[-1])
    (folder / _LIST_NAME).write_text(segment_list(plan), encoding="ascii")
    source = _sound(ffmpeg, is_copyable=sound.is_copyable, target_lufs=job.loudness_lufs, total_s=float(plan.duration))
    joined = join_arguments(source)
    share = 1 - _prepared_share(plan)
    ffmpeg.run(Command(purpose="join the segments", arguments=joined, output_s=float(plan.duration), share=share))
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
        *(("-map", "[sound]", *ff.raw_audio_output(raw_name(index))) if sound else ()),
    )


def segment_list(plan: MergePlan) -> str:
    """The prepared pictures in order, for FFmpeg's concat demuxer."""
    lines = ["ffconcat version 1.0"]
    for index, cut in enumerate(plan.cuts):
        lines += [f"file {_video_name(index)}", f"duration {ff.seconds(cut.duration)}"]
    return "\n".join(lines) + "\n"


def join_arguments(level: str | None) -> tuple[str, ...]:
    """Put pictures and sound together; a sound that needs no level is copied."""
    # All parts have one and the same decoder configuration, so the demuxer needs not repeat it inside the stream.
    joined = ("-f", "concat", "-auto_convert", "0", "-i", _LIST_NAME)
    if level is None:
        sound, make = ff.coded_audio_input(CODED_NAME), ff.copy_audio()
    else:
        sound, make = ff.raw_audio_input(RAW_NAME), ("-af", level, *ff.encode_audio())
    return (
        *("-protocol_whitelist", "file", "-format_whitelist", "concat,mov", *joined),
        *(*sound, "-map", "0:v:0", "-c:v", "copy", "-map", "1:a:0", *make),
        *ff.mp4_output(OUTPUT_NAME),
    )


def _prepare(segments: Sequence[Source], *, plan: MergePlan, indices: Sequence[int], ffmpeg: Ffmpeg) -> None:
    duration = sum(plan.cuts[index].duration for index in indices)
    purpose = f"prepare {' and '.join(str(segments[index]) for index in indices)}"
    arguments = batch_arguments(segments, plan=plan, indices=indices)
    share = _prepared_share(plan) * float(duration / plan.duration)
    ffmpeg.run(Command(purpose=purpose, arguments=arguments, output_s=float(duration), share=share))


def _prepared_share(plan: MergePlan) -> float:
    """Of the work: nearly all where pictures are encoded; what remains then is the sound."""
    return 0.4 if plan.obstacle is None else 0.9


def _sound(ffmpeg: Ffmpeg, *, is_copyable: bool, target_lufs: float, total_s: float) -> str | None:
    """The level that the raw sound needs; None when the coded one may be copied."""
    arguments = measure_arguments(RAW_NAME, with_true_peak=is_copyable)
    measured = parse_loudness(
        ffmpeg.run(Command(purpose="measure the loudness", arguments=arguments, output_s=total_s))
    )
    if is_copyable and is_levelled(measured, target_lufs=target_lufs):
        return None
    return find_level(ffmpeg, RAW_NAME, measured, target_lufs=target_lufs, output_s=total_s)


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
        sound = ("-map", f"{source}:a:0", "-af", ",".join(chain), *ff.raw_audio_output(raw_name(index)))
        if plan.sound_obstacle is None:
            sound += ("-map", f"{source}:a:0", *ff.coded_audio_output(coded_name(index)))
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


def _video_name(index: int) -> str:
    return f"video-{index:03}.mp4"
