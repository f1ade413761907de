"""The typefaces that are shipped with us, and text measured and drawn with them."""

from enum import StrEnum
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont
Ink = tuple[int, int, int]


class Face(StrEnum):
    """File names in `fonts/`, each with its licence beside it."""

    TEXT = "Manrope-Medium.ttf"
    TITLE = "Manrope-ExtraBold.ttf"
    CODE = "JetBrainsMono-Regular.ttf"


def font(face: Face, size: float) -> Font:
    """A face at a size in pixels."""
    # The basic layout engine is in every build of Pillow; Raqm is not, and would give other bytes.
    path = Path(__file__).parent / "fonts" / face
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def wrapped(text: str, typeface: Font, *, max_width: float) -> list[str]:
    """Break a text at spaces so that each line fits; a word that is too long stands alone."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and typeface.getlength(longer) <= max_width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def text_sprite(text: str, typeface: Font, *, ink: Ink) -> Image.Image:
    """One line of text on nothing; as high as every other line in this face."""
    ascent, descent = typeface.getmetrics()
    sprite = Image.new("RGBA", (max(1, round(typeface.getlength(text)) + 4), ascent + descent), (*ink, 0))
    ImageDraw.Draw(sprite).text((2, 0), text, font=typeface, fill=(*ink, 255))
    return sprite


def shortened(text: str, typeface: Font, *, max_width: float) -> str:
    """Cut a text to a width, with an ellipsis where something is missing."""
    if typeface.getlength(text) <= max_width:
        return text
    while text and typeface.getlength(text + "…") > max_width:
        text = text[:-1]
    return text.rstrip() + "…"
