"""mix-audio: a video with another sound, or one more. Its pictures are copied."""

from fractions import Fraction
from pathlib import Path

from media_lambda import arguments as ff
from media_lambda.event import MixAudio, MixMode
from media_lambda.ffmpeg import Command, Ffmpeg
from media_lambda.inputs import Inputs
from media_lambda.level import find_level
from media_lambda.loudness import MEASURE, parse_loudness
from media_lambda.product import OUTPUT_NAME, Product
from media_lambda.source import Source

_FADE_S = Fraction(1, 2)
# Music gives way to a voice from -34 dBFS on, quickly, and comes back without pumping between words.
_DUCKING = "sidechaincompress=threshold=0.02:ratio=8:attack=20:release=400"
# Two sounds may add up to more than full scale, which raw floats can hold; the level of the whole is set afterwards.
ADD = "amix=inputs=2:normalize=0:duration=first"
SOUND_NAME = "sound.f32le"


def mix_audio(job: MixAudio, *, inputs: Inputs, ffmpeg: Ffmpeg, folder: Path) -> Product:
    """Make the film in `folder`. Raises InvalidInput, FfmpegFailed, StoreFailed."""
    film = inputs.fetch(job.video, place="video")
    added = inputs.fetch(job.audio, place="audio")
    duration = film.video.end
    sound = sound_arguments(film, added, mode=job.mode, volume=job.audio_volume)
    output_s = float(duration)
    mix = Command(purpose="mix the sounds", arguments=sound, output_s=output_s, share=0.3)
    measured = parse_loudness(ffmpeg.run(mix))
    level = find_level(ffmpeg, SOUND_NAME, measured, target_lufs=job.loudness_lufs, output_s=output_s)
    arguments = mix_arguments(film, level=level)
    ffmpeg.run(Command(purpose="put the sound to the video", arguments=arguments, output_s=output_s, share=0.7))
    return Product(path=folder / OUTPUT_NAME, duration=duration)


def sound_arguments(film: Source, added: Source, *, mode: MixMode, volume: float) -> tuple[str, ...]:
    """Mix and measure. As long as the film's pictures: a shorter sound ends in silence, a longer one fades out."""
    return (
        *ff.file_input(film.name, demuxer=film.facts.demuxer),
        *ff.file_input(added.name, demuxer=added.facts.demuxer),
        *("-filter_complex", f"{_sound_graph(film, added, mode=mode, volume=volume)};[sound]{MEASURE}[measured]"),
        *("-loglevel", "info", "-map", "[measured]", *ff.raw_audio_output(SOUND_NAME)),
    )


def mix_arguments(film: Source, *, level: str) -> tuple[str, ...]:
    """Put the mixed sound to the film's pictures."""
    encode = ("-c:v", "copy") if ff.is_playable_copy(film.video) else _encode(film)
    return (
        *ff.file_input(film.name, demuxer=film.facts.demuxer),
        *ff.raw_audio_input(SOUND_NAME),
        *("-map", "0:V:0", *encode, "-map", "1:a:0", "-af", level, *ff.encode_audio()),
        *ff.mp4_output(OUTPUT_NAME),
    )


def _sound_graph(film: Source, added: Source, *, mode: MixMode, volume: float) -> str:
    length = film.video.end
    exactly = ff.exact_length_filter(ff.samples_in(length))
    graph = [f"[1:a:0]{ff.sound_filter(added.audio)},volume={volume:.4f}{_fade_out(added, length)},{exactly}"]
    own = film.facts.audio
    if own is None or mode is MixMode.REPLACE:
        return f"{graph[0]}[sound]"
    graph = [f"{graph[0]}[added]", f"[0:a:0]{ff.sound_filter(own)},{exactly}[own]"]
    if mode is MixMode.MIX:
        graph.append(f"[own][added]{ADD},{exactly}[sound]")
    else:
        graph += [
            "[own]asplit[heard][key]",
            f"[added][key]{_DUCKING}[ducked]",
            f"[heard][ducked]{ADD},{exactly}[sound]",
        ]
    return ";".join(graph)


def _fade_out(added: Source, length: Fraction) -> str:
    if added.audio.end <= length:
        return ""
    fade = min(_FADE_S, length / 4)
    return f",afade=t=out:st={ff.seconds(length - fade)}:d={ff.seconds(fade)}"


def _encode(film: Source) -> tuple[str, ...]:
    picture = ff.picture_of(film.video)
    chain = (
        ff.rate_filter(picture),
        ff.fit_filter(film.video, picture),
        ff.hold_filter(max(1, round(film.video.end * picture.rate))),
    )
    return ("-vf", ",".join(chain), *ff.encode_video(picture.rate))
