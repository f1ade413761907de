"""Small labels laid over a picture: a name, a caption, DRAFT."""

from PIL import Image, ImageDraw

from executor_service.integrations.local.lettering import Face, Ink, font, shortened

_OVERSIZE = 3
_WHITE: Ink = (255, 255, 255)
_NIGHT: Ink = (22, 24, 44)
_EMBER: Ink = (214, 84, 72)


def name_tag(name: str, *, scale: float, max_width: float) -> Image.Image:
    """A dark pill with a dot and a name."""
    typeface = font(Face.TITLE, 25 * scale)
    text = shortened(name, typeface, max_width=max_width - 78 * scale)
    size = (round(typeface.getlength(text) + 74 * scale), round(54 * scale))
    pill = rounded_panel(size, radius=27 * scale, ink=_NIGHT, opacity=205)
    draw = ImageDraw.Draw(pill)
    middle = size[1] / 2
    dot = rounded_panel((round(13 * scale),) * 2, radius=6.5 * scale, ink=(94, 214, 196), opacity=255)
    pill.alpha_composite(dot, (round(24 * scale), round(middle - dot.height / 2)))
    draw.text((48 * scale, middle), text, font=typeface, fill=(*_WHITE, 255), anchor="lm")
    return pill


def draft_label(*, scale: float) -> Image.Image:
    """The word DRAFT in a red pill."""
    typeface = font(Face.TITLE, 20 * scale)
    size = (round(typeface.getlength("DRAFT") + 32 * scale), round(38 * scale))
    pill = rounded_panel(size, radius=19 * scale, ink=_EMBER, opacity=225)
    draw = ImageDraw.Draw(pill)
    draw.text((size[0] / 2, size[1] / 2), "DRAFT", font=typeface, fill=(*_WHITE, 255), anchor="mm")
    return pill


def rounded_panel(size: tuple[int, int], *, radius: float, ink: Ink, opacity: int) -> Image.Image:
    """A rectangle with smooth round corners."""
    panel = Image.new("RGBA", size, (*ink, 0))
    panel.putalpha(rounded_mask(size, radius=radius).point([value * opacity // 255 for value in range(256)]))
    return panel


def rounded_mask(size: tuple[int, int], *, radius: float) -> Image.Image:
    """White inside, black outside, smooth between."""
    mask = Image.new("L", (size[0] * _OVERSIZE, size[1] * _OVERSIZE), 0)
    box = (0, 0, mask.width - 1, mask.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius * _OVERSIZE, fill=255)
    return mask.resize(size, Image.Resampling.BOX)
