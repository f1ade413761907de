"""Pieces of FFmpeg command lines, and filters that are the same for every job. Pure."""

from dataclasses import dataclass
from fractions import Fraction

from media_lambda.facts import PACKET_SAMPLES, AudioFacts, Colour, VideoFacts

SAMPLE_RATE = 48_000
RAW_AUDIO_BYTES_PER_SAMPLE = 8
"""Two channels of 32-bit float."""

# x264's output depends on its number of threads, so that is fixed whatever the machine has.
_THREADS = "2"
_HIGH_DEFINITION_LINES = 577
_KEY_FRAME_EVERY_S = 2
_REFERENCE_WHITE_NITS = 203
"""Diffuse white of HDR film, after ITU-R BT.2408."""

GLOBAL = (
    *("-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+warning", "-progress", "pipe:1", "-n"),
    *("-filter_threads", _THREADS, "-filter_complex_threads", _THREADS, "-abort_on", "empty_output_stream"),
)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What every picture of an output looks like."""

    width: int
    height: int
    rate: Fraction


def picture_of(video: VideoFacts) -> Picture:
    """The picture of an output that takes after `video`: its size as shown, made even for yuv420p, and its rate."""
    width, height = video.display_size
    return Picture(width=_even(width), height=_even(height), rate=video.identity.rate)


def file_input(name: str, *, demuxer: str) -> tuple[str, ...]:
    """Read the local file `name` as `demuxer`, opening nothing else whatever the file says."""
    return (
        *("-protocol_whitelist", "file,pipe", "-format_whitelist", demuxer),
        *("-threads", _THREADS, "-f", demuxer, "-i", name),
    )


def raw_audio_input(name: str) -> tuple[str, ...]:
    """Read `name`, as `raw_audio_output` writes it."""
    return ("-protocol_whitelist", "file", *_RAW_AUDIO, "-i", name)


def raw_audio_output(name: str) -> tuple[str, ...]:
    """48 kHz stereo floats without any header, so that files can be cut and joined by bytes."""
    return (*_RAW_AUDIO, name)


def encode_video(rate: Fraction) -> tuple[str, ...]:
    """H.264 that every browser plays."""
    return (
        *("-c:v", "libx264", "-profile:v", "high", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p"),
        *("-g", str(round(rate * _KEY_FRAME_EVERY_S)), "-threads:v", _THREADS, "-flags:v", "+bitexact"),
    )


def encode_audio() -> tuple[str, ...]:
    """AAC, 48 kHz stereo."""
    # At this rate the fast search leaves less noise in speech and music than the slow one, and takes half the time.
    return (
        "-c:a",
        "aac",
        "-aac_coder",
        "fast",
        "-b:a",
        "192k",
        "-ar",
        str(SAMPLE_RATE),
        "-ac",
        "2",
        "-flags:a",
        "+bitexact",
    )


def coded_audio_input(name: str) -> tuple[str, ...]:
    """Read ADTS packets, of which the first only lets the decoder run in."""
    run_in_s = PACKET_SAMPLES / SAMPLE_RATE
    return ("-protocol_whitelist", "file", "-itsoffset", f"{-run_in_s:.6f}", "-f", "aac", "-i", name)


def coded_audio_output(name: str) -> tuple[str, ...]:
    """The packets of AAC as they are, without any header, so that files can be cut and joined by packets."""
    return (*copy_audio(), "-map_metadata", "-1", "-fflags", "+bitexact", "-f", "adts", name)


def copy_audio() -> tuple[str, ...]:
    """The packets as they come."""
    return ("-c:a", "copy")


def mp4_output(name: str) -> tuple[str, ...]:
    """An MP4 that starts to play before all of it has arrived, with no date or tag in it."""
    return (
        *("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"),
        *("-movflags", "+faststart", "-f", "mp4", name),
    )


def fit_filter(video: VideoFacts, picture: Picture) -> str:
    """Scale `video` into `picture` with square pixels, letterboxed, and bring its colours to the output's.

    FFmpeg has already applied the rotation when the filter sees a frame.
    """
    shown_width, shown_height = video.display_size
    factor = min(Fraction(picture.width, shown_width), Fraction(picture.height, shown_height))
    width, height = min(picture.width, _even(shown_width * factor)), min(picture.height, _even(shown_height * factor))
    left, top = (picture.width - width) // 4 * 2, (picture.height - height) // 4 * 2
    filters = [scale_filter(video, width=width, height=height, lines=picture.height)]
    if (width, height) != (picture.width, picture.height):
        filters.append(f"pad={picture.width}:{picture.height}:{left}:{top}:color=black")
    return ",".join([*filters, "format=yuv420p"])


def scale_filter(video: VideoFacts, *, width: int, height: int, lines: int) -> str:
    """Scale `video` to exactly this size, in the colours of an output with `lines` lines."""
    target = _customary_matrix(lines)
    colour = video.identity.colour
    if colour.hdr is not None:
        return _tone_map_filter(colour, width=width, height=height, target=target)
    source = colour.matrix or _customary_matrix(video.identity.height)
    in_range = "pc" if colour.is_full_range else "tv"
    # What players take an untagged stream for is also what it is taken for here, and the output is tagged.
    return (
        f"setparams=colorspace={source}:range={in_range},"
        f"scale={width}:{height}:flags=bicubic+accurate_rnd+bitexact:out_color_matrix={target}:out_range=tv,"
        f"setsar=1,setparams=color_primaries={target}:color_trc={target}"
    )


def _tone_map_filter(colour: Colour, *, width: int, height: int, target: str) -> str:
    """Scale, and bring high dynamic range to what every screen shows."""
    light = f"tin={colour.hdr}:pin=2020:min={'2020_ncl' if colour.matrix != 'bt709' else '709'}"
    in_range = "full" if colour.is_full_range else "limited"
    matrix = {"bt709": "709", "smpte170m": "170m"}[target]
    return (
        f"zscale=w={width}:h={height}:{light}:rin={in_range}:t=linear:npl={_REFERENCE_WHITE_NITS},format=gbrpf32le,"
        f"zscale=p=709,tonemap=mobius:desat=0,zscale=t=709:m={matrix}:r=limited,"
        f"setsar=1,setparams=colorspace={target}:color_primaries={target}:color_trc={target}"
    )


def rate_filter(picture: Picture) -> str:
    """Constant rate from the very start of the file, so that sound and picture keep their distance."""
    return f"fps={picture.rate}:start_time=0"


def hold_filter(frames: int) -> str:
    """Exactly `frames` pictures: the last one is held, or the rest dropped."""
    return f"tpad=stop=-1:stop_mode=clone,trim=end_frame={frames}"


def sound_filter(audio: AudioFacts) -> str:
    """48 kHz stereo floats from the very start of the file; a mono voice keeps its level on both sides."""
    spread = "pan=stereo|c0=c0|c1=c0," if audio.channels == 1 else ""
    return f"aresample={SAMPLE_RATE}:async=1:first_pts=0,{spread}aformat=sample_fmts=flt:channel_layouts=stereo"


def exact_length_filter(samples: int) -> str:
    """Exactly `samples` samples: silence added, or the rest dropped."""
    return f"apad=whole_len={samples},atrim=end_sample={samples}"


def silence_filter(samples: int) -> str:
    """A source of `samples` samples of silence."""
    return (
        f"anullsrc=channel_layout=stereo:sample_rate={SAMPLE_RATE},aformat=sample_fmts=flt,atrim=end_sample={samples}"
    )


def samples_in(seconds: Fraction) -> int:
    """How many samples play for `seconds`."""
    return round(seconds * SAMPLE_RATE)


def seconds(value: Fraction) -> str:
    """A time as FFmpeg reads it."""
    return f"{float(value):.6f}"


def is_playable_copy(video: VideoFacts) -> bool:
    """Whether `video` may go into an output as it is."""
    identity = video.identity
    return (
        identity.codec == "h264"
        and identity.pixel_format in {"yuv420p", "yuvj420p"}
        and identity.width % 2 == identity.height % 2 == 0
    )


def _customary_matrix(lines: int) -> str:
    return "bt709" if lines >= _HIGH_DEFINITION_LINES else "smpte170m"


def _even(value: Fraction | int) -> int:
    return max(2, round(value / 2) * 2)


_RAW_AUDIO = ("-f", "f32le", "-ar", str(SAMPLE_RATE), "-ch_layout", "stereo")
