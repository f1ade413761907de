"""Awkward files as people upload them, made by FFmpeg or by hand: small, a second long, each with what it becomes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.integration.media.boxes import PNG_BOMB_SIDE, png_bomb, with_external_data, with_scrambled_pictures
from tests.integration.media.clips import run_ffmpeg

SECONDS = 1.0
X264 = "-c:v libx264 -preset ultrafast -g 10 -pix_fmt yuv420p"
AAC = "-c:a aac -b:a 64k"


@dataclass(frozen=True, kw_only=True)
class Traps:
    """What no file may make us touch."""

    canary: Path
    """A film of this machine."""
    address: str
    """Of somebody who listens."""


Make = Callable[[Path, Traps], None]


@dataclass(frozen=True, kw_only=True)
class Input:
    """One file, and what comes of merging it with itself, or, if it is a sound, of putting it to a plain clip."""

    name: str
    make: Make
    seconds: float | None = None
    """How long it plays; None when it is refused."""
    size: tuple[int, int] | None = None
    """Of the film that comes of it; None for sounds, whose film has the plain clip's pictures."""
    is_copied: bool = False
    """Whether its pictures are good enough to be copied."""
    error_type: str = ""
    reason: str = ""
    """Regular expression for the whole reason behind the name of the file."""
    is_sound: bool = False
    is_sample: bool = False
    """Whether every run of the tests has it."""


def film(
    name: str,
    options: str = f"{X264} {AAC}",
    *,
    picture: str = "testsrc2=size=64x48:rate=25",
    sound: str | None = "sine=frequency=440:sample_rate=44100",
    seconds: float = SECONDS,
    size: tuple[int, int] = (64, 48),
    is_copied: bool = False,
    is_sample: bool = False,
) -> Input:
    """A file that FFmpeg makes from a test picture and, unless that is None, a test sound."""

    def make(path: Path, _: Traps) -> None:
        sources = ["-f", "lavfi", "-t", str(SECONDS), "-i", picture]
        sources += ["-f", "lavfi", "-t", str(SECONDS), "-i", sound] if sound else []
        run_ffmpeg(*sources, *options.split(), str(path))

    return Input(name=name, make=make, seconds=seconds, size=size, is_copied=is_copied, is_sample=is_sample)


def remuxed(name: str, options: str, *, before: str = "", seconds: float = SECONDS, size: tuple[int, int] = (64, 48),
            is_copied: bool = False, is_sample: bool = False) -> Input:  # fmt: skip
    """A plain clip whose streams are put into another container, or marked otherwise."""

    def make(path: Path, traps: Traps) -> None:
        plain = path.with_name(f"{path.name}-plain.mp4")
        film("", f"{X264} {AAC} -bf 0").make(plain, traps)
        run_ffmpeg(*before.split(), "-i", str(plain), *options.split(), "-c", "copy", str(path))

    return Input(name=name, make=make, seconds=seconds, size=size, is_copied=is_copied, is_sample=is_sample)


def sound(name: str, options: str = "", *, channels: str = "mono", rate: int = 44100, seconds: float = SECONDS,
          is_sample: bool = False) -> Input:  # fmt: skip
    """A sound file."""

    def make(path: Path, _: Traps) -> None:
        source = f"sine=frequency=440:sample_rate={rate}:duration={SECONDS},aformat=channel_layouts={channels}"
        run_ffmpeg("-f", "lavfi", "-i", source, *options.split(), str(path))

    return Input(name=name, make=make, seconds=seconds, is_sound=True, is_sample=is_sample)


def refused(name: str, make: Make, reason: str, *, error_type: str = "ffmpeg_error", is_sound: bool = False,
            is_sample: bool = False) -> Input:  # fmt: skip
    """A file that no film comes of."""
    return Input(name=name, make=make, reason=reason, error_type=error_type, is_sound=is_sound, is_sample=is_sample)


def bytes_of(content: bytes | str) -> Make:
    """A file that says what it likes; `{canary}` and `{address}` in it are the traps."""

    def make(path: Path, traps: Traps) -> None:
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content.format(canary=traps.canary, address=traps.address))

    return make


def changed(change: Callable[[bytes, Traps], bytes], *, of: Input) -> Make:
    """Another file, with its bytes changed."""

    def make(path: Path, traps: Traps) -> None:
        whole = path.with_name(f"whole-{path.name}{Path(of.name).suffix}")
        of.make(whole, traps)
        path.write_bytes(change(whole.read_bytes(), traps))

    return make


def first(share: float) -> Callable[[bytes, Traps], bytes]:
    """Only the first part of a file arrived."""
    return lambda content, _: content[: int(len(content) * share)]


NO_MEDIA = "is neither a video nor a sound we read: it"
UNREADABLE = "cannot be read"
INVALID = "Invalid data found when processing input"
HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
PLAIN = film("plain.mp4")

CORPUS = (
    # Sizes and shapes
    film("plain.mp4", is_copied=True, is_sample=True),
    film("odd.mp4", f"-c:v libx264 -preset ultrafast -pix_fmt yuv444p {AAC}", picture="testsrc2=size=65x49:rate=25"),
    film("portrait.mp4", picture="testsrc2=size=48x86:rate=25", size=(48, 86), is_copied=True),
    film("tiny.mp4", picture="testsrc2=size=16x16:rate=25", size=(16, 16), is_copied=True),
    film("anamorphic.mp4", f"-vf setsar=4/3 {X264} {AAC}", size=(85, 48), is_copied=True),
    remuxed("phone-upright.mp4", "", before="-display_rotation 90", size=(48, 64), is_sample=True),
    remuxed("phone-upside-down.mov", "", before="-display_rotation 180"),
    # Time
    film("slow.mp4", picture="testsrc2=size=64x48:rate=5", is_copied=True),
    film("ntsc.mp4", picture="testsrc2=size=64x48:rate=24000/1001", seconds=1.001, is_copied=True),
    film("fast.mp4", picture="testsrc2=size=64x48:rate=120", is_copied=True),
    film("variable.mkv", f"-vf select='not(eq(mod(n,5),1))' -fps_mode vfr {X264} {AAC}", is_sample=True),
    film("one-frame.mp4", f"-frames:v 1 -shortest {X264} {AAC}", seconds=0.04, sound=None, is_copied=True),
    film("late-sound.mp4", f"-af adelay=300 -t 1 {X264} {AAC}", is_copied=True),
    film("long-sound.mp4", f"-filter:v trim=end=0.6 {X264} {AAC}"),
    film("short-sound.mp4", f"-filter:a atrim=end=0.4 {X264} {AAC}", is_copied=True),
    remuxed("starts-at-five.mkv", "-output_ts_offset 5", is_copied=True),
    remuxed("cut-inside-a-group.mp4", "", before="-ss 0.2", seconds=0.8),
    # Pixels
    film("full-range.mp4", f"-c:v libx264 -preset ultrafast -pix_fmt yuvj420p {AAC}", is_copied=True),
    film("studio-422.mp4", f"-c:v libx264 -preset ultrafast -pix_fmt yuv422p {AAC}"),
    film("ten-bit.mp4", f"-c:v libx264 -preset ultrafast -pix_fmt yuv420p10le {AAC}"),
    film("grey.mp4", f"-c:v libx264 -preset ultrafast -pix_fmt gray {AAC}", is_copied=True),
    film("rgb.mp4", f"-c:v libx264rgb -preset ultrafast -pix_fmt rgb24 {AAC}"),
    film("interlaced.mp4", f"{X264} -flags +ildct+ilme -x264-params tff=1 {AAC}", is_copied=True),
    film("hdr-pq.mp4", "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -tag:v hvc1 -x265-params "
         f"colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:log-level=none {AAC}", is_sample=True),
    film("hdr-hlg.mov", "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -tag:v hvc1 -x265-params "
         f"colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc:log-level=none {AAC}"),
    # Codecs and containers
    film("hevc.mp4", f"-c:v libx265 -preset ultrafast -x265-params log-level=none -tag:v hvc1 {AAC}"),
    film("vp8.webm", "-c:v libvpx -deadline realtime -cpu-used 8 -c:a libvorbis"),
    film("vp9.webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus", is_sample=True),
    film("av1.mp4", f"-c:v libsvtav1 -preset 13 -svtav1-params progress=0 {AAC}"),
    film("mpeg4.mp4", "-c:v mpeg4 -c:a libmp3lame"),
    film("camera.mov", "-c:v mjpeg -pix_fmt yuvj422p -c:a pcm_s16be"),
    film("editor.mov", "-c:v prores_ks -profile:v 0 -c:a pcm_s24le"),
    film("old-phone.3gp", "-s 176x144 -c:v h263 -c:a libopencore_amrnb -ar 8000 -ac 1 -b:a 12.2k", size=(192, 144)),
    film("copied.mkv", is_copied=True),
    film("fragmented.mp4", f"{X264} {AAC} -movflags frag_keyframe+empty_moov+default_base_moof"),
    film("chapters-and-more.mkv", f"-map 0:v -map 1:a -map 1:a -map 0:v {X264} {AAC} -metadata title=%n;rm",
         is_copied=True),
    # Sound
    film("silent.mp4", f"{X264}", sound=None, is_copied=True, is_sample=True),
    film("surround.mp4", f"{X264} -af aformat=channel_layouts=5.1 {AAC}", is_copied=True),
    film("telephone.mp4", f"{X264} {AAC} -ar 8000 -ac 1", is_copied=True),
    film("studio.mkv", f"{X264} -c:a flac -ar 96000 -sample_fmt s32", is_copied=True),
    sound("voice.wav"),
    sound("surround.wav", channels="5.1", rate=48000, is_sample=True),
    sound("music.mp3", "-c:a libmp3lame -id3v2_version 3 -metadata title=x"),
    sound("music.flac", rate=96000),
    sound("note.ogg", "-c:a libopus"),
    sound("stream.aac", "-c:a aac -f adts"),
    sound("note.m4a", "-c:a aac"),
    # Damaged
    refused("empty.mp4", bytes_of(b""), f"{NO_MEDIA} is empty", is_sample=True),
    refused("no-index.mp4", changed(first(0.7), of=PLAIN), f"{UNREADABLE}: {INVALID}", is_sample=True),
    refused("header-only.mp4", bytes_of(b"\0\0\0\x20ftypisom" + bytes(20)), f"{UNREADABLE}: {INVALID}"),
    refused("scrambled.mp4", changed(with_scrambled_pictures, of=PLAIN), f"{UNREADABLE}: {INVALID}"),
    # What only calls itself a film
    refused("page.mp4", bytes_of("<!DOCTYPE html><img src='{address}'>"), f"{NO_MEDIA} is a web page", is_sample=True),
    refused("words.mp4", bytes_of("This is not a film at all."), f"{NO_MEDIA} begins with 54 68 69 73 20 69 73 20"),
    refused("files.mp4", bytes_of(HLS.replace("{}", "file://{canary}")), f"{NO_MEDIA} is a playlist", is_sample=True),
    refused("addresses.mp4", bytes_of(HLS.replace("{}", "{address}")), f"{NO_MEDIA} is a playlist"),
    refused("concat.mp4", bytes_of("ffconcat version 1.0\nfile '{canary}'\n"), f"{NO_MEDIA} is a playlist"),
    refused("dash.mp4", bytes_of("<?xml version='1.0'?><MPD><BaseURL>{address}</BaseURL></MPD>"), f"{NO_MEDIA} is XML"),
    refused("drawing.mp4", bytes_of("<svg><image href='{address}'/></svg>"), f"{NO_MEDIA} is a drawing"),
    refused("picture.mp4", bytes_of(b"\x89PNG\r\n\x1a\n" + bytes(30)), f"{NO_MEDIA} is a PNG picture"),
    refused("packed.mp4", bytes_of(b"PK\x03\x04" + bytes(30)), f"{NO_MEDIA} is a ZIP archive"),
    refused("old.avi", film("", "-c:v mpeg4 -c:a libmp3lame").make, f"{NO_MEDIA} is an AVI film"),
    refused("stream.ts", film("", f"{X264} {AAC}").make, f"{NO_MEDIA} is an MPEG transport stream"),
    refused("elsewhere.mov", changed(with_external_data, of=film("x.mov", X264, sound=None)),
            f"{UNREADABLE}: none of its pictures can be decoded", is_sample=True),
    refused("only-sound.mp4", sound("", "-c:a aac").make, "has no video: expected pictures, found only sound",
            error_type="invalid_input"),
    refused("no-sound.mp4", film("", X264, sound=None).make, "has no sound: expected an audio stream, found none",
            error_type="invalid_input", is_sound=True),
    # Too much
    refused("wide.mp4", film("", X264, picture="color=size=4200x16:rate=1", sound=None).make,
            "is 4200x16: expected at most 4096 pixels a side", error_type="invalid_input"),
    refused("bomb.mov", png_bomb, f"is {PNG_BOMB_SIDE}x{PNG_BOMB_SIDE}: expected at most 4096 pixels a side",
            error_type="invalid_input", is_sample=True),
    refused("five-hours.mp4", film("", f"-vf setpts=PTS*18000 -fps_mode passthrough {X264}", sound=None).make,
            r"plays \d{5} s: expected at most 14400 s", error_type="invalid_input"),
)  # fmt: skip
