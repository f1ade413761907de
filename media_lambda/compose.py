"""compose-video: one video in a corner of another."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import assert_never

from media_lambda import arguments as ff
from media_lambda.errors import InvalidInput
from media_lambda.event import ComposeVideo, Crop, Position
from media_lambda.ffmpeg import Command, Ffmpeg
from media_lambda.inputs import Inputs
from media_lambda.level import find_level
from media_lambda.loudness import MEASURE, parse_loudness
from media_lambda.mask import rounded_mask
from media_lambda.mix import ADD, SOUND_NAME
from media_lambda.product import OUTPUT_NAME, Product
from media_lambda.source import Source

_MASK_NAME = "mask.pgm"
_MARGIN = Fraction(1, 40)
"""Of the background's width."""
_RADIUS = Fraction(1, 8)
"""Of the overlay's shorter side."""


@dataclass(frozen=True, kw_only=True)
class Rectangle:
    """Pixels; all four are even, as yuv420p needs it."""

    left: int
    top: int
    width: int
    height: int


def compose_video(job: ComposeVideo, *, inputs: Inputs, ffmpeg: Ffmpeg, folder: Path) -> Product:
    """Make the film in `folder`. Raises InvalidInput, FfmpegFailed, StoreFailed."""
    background = inputs.fetch(job.background, place="background")
    overlay = inputs.fetch(job.overlay, place="overlay")
    picture = ff.picture_of(background.video)
    crop = crop_of(overlay, job.crop)
    place = place_overlay(picture, shape=(crop.width, crop.height), position=job.position, scale=job.scale)
    if job.rounded:
        radius = round(min(place.width, place.height) * _RADIUS)
        (folder / _MASK_NAME).write_bytes(rounded_mask(width=place.width, height=place.height, radius=radius))
    duration = _frames(background) / picture.rate
    output_s = float(duration)
    sound = Command(
        purpose="mix the sounds", arguments=sound_arguments(background, overlay), output_s=output_s, share=0.05
    )
    measured = parse_loudness(ffmpeg.run(sound))
    level = find_level(ffmpeg, SOUND_NAME, measured, target_lufs=job.loudness_lufs, output_s=output_s)
    arguments = compose_arguments(background, overlay, crop=crop, place=place, is_rounded=job.rounded, level=level)
    ffmpeg.run(Command(purpose="lay the overlay over the video", arguments=arguments, output_s=output_s, share=0.95))
    return Product(path=folder / OUTPUT_NAME, duration=duration)


def crop_of(overlay: Source, crop: Crop | None) -> Rectangle:
    """The part of the overlay to show. Raises InvalidInput when it reaches beyond the picture."""
    width, height = overlay.video.display_size
    if crop is None:
        return Rectangle(left=0, top=0, width=width, height=height)
    wanted_width = width - crop.left if crop.width is None else crop.width
    wanted_height = height - crop.top if crop.height is None else crop.height
    if min(wanted_width, wanted_height) < 1 or crop.left + wanted_width > width or crop.top + wanted_height > height:
        raise InvalidInput(
            f"config.crop: {wanted_width}x{wanted_height} at left {crop.left}, top {crop.top} "
            f"reaches beyond {overlay}, which is {width}x{height}"
        )
    return Rectangle(left=crop.left, top=crop.top, width=wanted_width, height=wanted_height)


def place_overlay(picture: ff.Picture, *, shape: tuple[int, int], position: Position, scale: float) -> Rectangle:
    """Where the overlay goes: `scale` of the picture's width, or smaller where it would not fit inside the margins."""
    margin = round(picture.width * _MARGIN / 2) * 2
    wanted = Fraction(scale) * picture.width / shape[0]
    if position is Position.CENTER:
        factor = min(wanted, Fraction(picture.height, shape[1]))
    else:
        factor = min(
            wanted,
            Fraction(max(2, picture.width - 2 * margin), shape[0]),
            Fraction(max(2, picture.height - 2 * margin), shape[1]),
        )
    width, height = (max(2, round(side * factor / 2) * 2) for side in shape)
    right, bottom = picture.width - width - margin, picture.height - height - margin
    match position:
        case Position.TOP_LEFT:
            left, top = margin, margin
        case Position.TOP_RIGHT:
            left, top = right, margin
        case Position.BOTTOM_LEFT:
            left, top = margin, bottom
        case Position.BOTTOM_RIGHT:
            left, top = right, bottom
        case Position.CENTER:
            left, top = (picture.width - width) // 4 * 2, (picture.height - height) // 4 * 2
        case _:
            assert_never(position)
    return Rectangle(left=max(0, left), top=max(0, top), width=width, height=height)


def sound_arguments(background: Source, overlay: Source) -> tuple[str, ...]:
    """Mix and measure what is heard of both; silence where neither has sound."""
    length = _frames(background) / ff.picture_of(background.video).rate
    graph = [*_sound_graph(background, overlay, length=length), f"[sound]{MEASURE}[measured]"]
    return (
        *ff.file_input(background.name, demuxer=background.facts.demuxer),
        *ff.file_input(overlay.name, demuxer=overlay.facts.demuxer),
        *("-filter_complex", ";".join(graph)),
        *("-loglevel", "info", "-map", "[measured]", *ff.raw_audio_output(SOUND_NAME)),
    )


def compose_arguments(
    background: Source, overlay: Source, *, crop: Rectangle, place: Rectangle, is_rounded: bool, level: str
) -> tuple[str, ...]:
    """As long as the background; an overlay that ends earlier disappears."""
    picture = ff.picture_of(background.video)
    graph = _picture_graph(background, overlay, crop=crop, place=place, is_rounded=is_rounded)
    mask = ff.file_input(_MASK_NAME, demuxer="pgm_pipe") if is_rounded else ()
    return (
        *ff.file_input(background.name, demuxer=background.facts.demuxer),
        *ff.file_input(overlay.name, demuxer=overlay.facts.demuxer),
        *mask,
        *ff.raw_audio_input(SOUND_NAME),
        *("-filter_complex", ";".join(graph), "-map", "[picture]", *ff.encode_video(picture.rate)),
        *("-map", f"{3 if is_rounded else 2}:a:0", "-af", level, *ff.encode_audio()),
        *ff.mp4_output(OUTPUT_NAME),
    )


def _picture_graph(
    background: Source, overlay: Source, *, crop: Rectangle, place: Rectangle, is_rounded: bool
) -> list[str]:
    picture = ff.picture_of(background.video)
    frames = _frames(background)
    shown = min(frames, max(1, round(overlay.facts.length * picture.rate)))
    square = "scale=iw*sar:ih,setsar=1," if overlay.video.identity.sample_aspect != 1 else ""
    under = ",".join((ff.rate_filter(picture), ff.fit_filter(background.video, picture), ff.hold_filter(frames)))
    over = ",".join(
        (
            f"{ff.rate_filter(picture)},trim=end_frame={shown},{square}"
            f"crop={crop.width}:{crop.height}:{crop.left}:{crop.top}:exact=1",
            ff.scale_filter(overlay.video, width=place.width, height=place.height, lines=picture.height),
        )
    )
    lay = f"overlay={place.left}:{place.top}:eof_action=pass,format=yuv420p[picture]"
    if not is_rounded:
        return [f"[0:V:0]{under}[under]", f"[1:V:0]{over},format=yuv420p[over]", f"[under][over]{lay}"]
    return [
        f"[0:V:0]{under}[under]",
        f"[1:V:0]{over},format=yuva420p[square]",
        "[square][2:v:0]alphamerge[over]",
        f"[under][over]{lay}",
    ]


def _sound_graph(background: Source, overlay: Source, *, length: Fraction) -> list[str]:
    samples = ff.samples_in(length)
    exactly = ff.exact_length_filter(samples)
    sounds = [
        f"[{index}:a:0]{ff.sound_filter(source.facts.audio)},{exactly}"
        for index, source in enumerate((background, overlay))
        if source.facts.audio is not None
    ]
    match sounds:
        case []:
            return [f"{ff.silence_filter(samples)}[sound]"]
        case [only]:
            return [f"{only}[sound]"]
        case _:
            return [f"{sounds[0]}[one]", f"{sounds[1]}[two]", f"[one][two]{ADD},{exactly}[sound]"]


def _frames(background: Source) -> int:
    return max(1, round(background.facts.length * background.video.identity.rate))
