"""Words are laid out inside the frame."""

import pytest

from executor_service.integrations.local.film import Picture
from executor_service.integrations.local.lettering import Face, font, shortened, wrapped
from executor_service.integrations.local.typography import laid_out

SHAPES = [(1280, 720), (720, 1280), (720, 720), (320, 180)]
PROMPTS = [
    "Montage",
    "A title that is rather long and needs several rows to be shown at all\nwith a subtitle of its own",
    "Paid once.\nCompleted once.\nNever stuck.\nNever surprised.",
    "Donaudampfschifffahrtsgesellschaft\nfährt",
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("prompt", PROMPTS)
def test_layout_of_any_prompt_stays_inside_the_frame_and_enters_in_time(prompt, shape):
    width, height = shape

    layout = laid_out(prompt, picture=Picture(width=width, height=height, fps=25), duration_s=4.0)

    shown = " ".join(word.text for word in layout.words if word.text != "•")
    assert shown.split() == prompt.split()
    for word in layout.words:
        assert word.left >= 0
        assert word.left + word.face.getlength(word.text) <= width
        assert 0 <= word.top <= height - word.face.size
        assert word.enters_s < 4.0


def test_layout_of_three_lines_is_a_list_without_a_rule():
    picture = Picture(width=1280, height=720, fps=25)

    assert laid_out("a\nb\nc", picture=picture, duration_s=4.0).rule_top is None
    assert laid_out("a\nb", picture=picture, duration_s=4.0).rule_top is not None


def test_wrapped_lines_fit_the_width():
    face = font(Face.TEXT, 20)

    lines = wrapped("one two three four five six seven", face, max_width=120)

    assert len(lines) > 1
    assert all(face.getlength(line) <= 120 for line in lines)


def test_shortened_text_that_is_too_wide_ends_in_an_ellipsis():
    face = font(Face.TEXT, 20)

    assert shortened("short", face, max_width=200) == "short"
    assert shortened("a very long name indeed", face, max_width=100).endswith("…")


def test_long_line_of_a_list_takes_rows_and_leaves_the_others_large():
    picture = Picture(width=1280, height=720, fps=25)
    long = "a point that goes on and on, for far longer than anybody would read it in one row"

    layout = laid_out(f"Alpha\n{long}\nOmega", picture=picture, duration_s=4.0)

    assert layout.words[0].face.size >= 40
    bullets = [word for word in layout.words if word.text == "•"]
    rows = [word for word in layout.words if word.text in long]
    assert len(bullets) == 3
    assert len(rows) >= 2
    assert {word.enters_s for word in rows} == {bullets[1].enters_s + 0.1}
    assert [word.top for word in rows] == sorted({word.top for word in rows})
