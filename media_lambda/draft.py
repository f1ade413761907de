"""The word DRAFT in the picture of a film that is not to be taken for the real one."""

from pathlib import Path

from media_lambda import arguments as ff
from media_lambda.facts import MediaFacts, VideoFacts
from media_lambda.ffmpeg import Command, Ffmpeg
from media_lambda.product import OUTPUT_NAME, Product

DRAFT_NAME = "draft.mp4"
_MARK_NAME = "mark.ppm"
_LETTERS = {
    "D": ("####.", "#...#", "#...#", "#...#", "#...#", "#...#", "####."),
    "R": ("####.", "#...#", "#...#", "####.", "#.#..", "#..#.", "#...#"),
    "A": (".###.", "#...#", "#...#", "#####", "#...#", "#...#", "#...#"),
    "F": ("#####", "#....", "#....", "####.", "#....", "#....", "#...."),
    "T": ("#####", "..#..", "..#..", "..#..", "..#..", "..#..", "..#.."),
}
_RED, _WHITE = bytes((200, 30, 45)), bytes((255, 255, 255))
_LINES_PER_DOT = 120
"""A dot of a letter is a 120th of the picture's height: 6 pixels at 720 lines."""
_MIN_DOT = 2
DRAFT_SHARE = 1.0
"""How much work the mark is beside the film: its pictures are encoded once more."""


def mark_draft(product: Product, facts: MediaFacts, *, ffmpeg: Ffmpeg, folder: Path) -> Product:
    """The same film with the mark at the top of its middle; the sound is copied. Raises FfmpegFailed."""
    if facts.video is None:
        return product
    (folder / _MARK_NAME).write_bytes(draft_mark(dot=max(_MIN_DOT, facts.video.display_size[1] // _LINES_PER_DOT)))
    arguments = mark_arguments(facts.video)
    output_s = float(product.duration)
    ffmpeg.run(Command(purpose="mark the draft", arguments=arguments, output_s=output_s, share=DRAFT_SHARE))
    return Product(path=folder / DRAFT_NAME, duration=product.duration)


def mark_arguments(video: VideoFacts) -> tuple[str, ...]:
    margin = max(2, video.display_size[1] // 36 * 2)
    return (
        *ff.file_input(OUTPUT_NAME, demuxer="mov"),
        *ff.file_input(_MARK_NAME, demuxer="ppm_pipe"),
        *("-filter_complex", f"[0:V:0][1:v:0]overlay=(W-w)/2:{margin},format=yuv420p[picture]"),
        *("-map", "[picture]", *ff.encode_video(video.identity.rate), "-map", "0:a?", "-c:a", "copy"),
        *ff.mp4_output(DRAFT_NAME),
    )


def draft_mark(*, dot: int) -> bytes:
    """A PPM image: white letters of 5 by 7 dots on red, a dot wide apart, with two dots around them. Pure."""
    letters = [_LETTERS[letter] for letter in "DRAFT"]
    rows = [".".join(letter[row] for letter in letters) for row in range(7)]
    width = len(rows[0]) + 4
    framed = ["." * width] * 2 + [f"..{row}.." for row in rows] + ["." * width] * 2
    pixels = b"".join(b"".join((_WHITE if one == "#" else _RED) * dot for one in row) * dot for row in framed)
    return b"P6\n%d %d\n255\n" % (width * dot, len(framed) * dot) + pixels
