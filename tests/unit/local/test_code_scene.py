"""Code is highlighted, typed at a pleasant speed, and stays in view."""

import numpy as np
import pytest

from executor_service.integrations.local.code_scene import CodeScene
from executor_service.integrations.local.code_screen import CodeJob
from executor_service.integrations.local.errors import LocalVendorError
from executor_service.integrations.local.film import Picture
from executor_service.integrations.local.highlight import Glyph, glyphs, theme_named
from executor_service.integrations.local.typing_schedule import appearances_s, natural_duration_s

PICTURE = Picture(width=640, height=360, fps=25)


def a_scene(code: str) -> tuple[CodeScene, list[Glyph]]:
    theme = theme_named("dark")
    text = glyphs(code, title="a.py", language="", theme=theme)
    job = CodeJob(
        code=code, title="a.py", language="", theme="dark", width=640, height=360, fps=25, duration_s=None,
        draft_label=False, destination="",
    )  # fmt: skip
    return CodeScene(text, job, theme=theme, picture=PICTURE), text


def test_glyphs_stand_on_a_grid_with_tabs_as_four_columns():
    placed = glyphs("a\n\tb", title="", language="text", theme=theme_named("dark"))

    assert [(g.character, g.line, g.column) for g in placed if not g.character.isspace()] == [("a", 0, 0), ("b", 1, 4)]


def test_glyphs_of_a_keyword_and_a_name_differ_in_colour():
    placed = glyphs("def total(): ...", title="", language="python", theme=theme_named("light"))

    assert placed[0].ink != placed[4].ink


def test_glyphs_of_an_unknown_language_are_refused():
    with pytest.raises(LocalVendorError, match="no highlighting for the language 'klingon'"):
        glyphs("x", title="", language="klingon", theme=theme_named("dark"))


def test_glyphs_of_an_unknown_file_name_are_plain():
    placed = glyphs("x y", title="notes.unknown-kind", language="", theme=theme_named("dark"))

    assert {glyph.ink for glyph in placed} == {theme_named("dark").text}


def test_glyphs_of_control_characters_are_made_visible():
    placed = glyphs("a\x1b[31mb", title="", language="text", theme=theme_named("dark"))

    assert "".join(glyph.character for glyph in placed) == "a?[31mb"


def test_appearances_rise_and_leave_time_to_read():
    moments = appearances_s(list("def f():\n    return 1"), duration_s=8.0)

    assert moments == sorted(moments)
    assert moments[0] > 0.5
    assert moments[-1] == pytest.approx(6.4)


def test_natural_duration_of_any_text_is_bounded():
    assert natural_duration_s(["x"]) == 4.0
    assert natural_duration_s(["x"] * 400) == pytest.approx(17.6, abs=0.5)
    assert natural_duration_s(["x"] * 20_000) == 40.0


def test_scene_with_more_text_typed_shows_more_of_it():
    scene, text = a_scene("total = sum(values)\nprint(total)\n")

    inked = []
    for typed in (0, 10, len(text)):
        frame = np.asarray(scene.frame(1.0, typed=typed, cursor_shown=False))
        inked.append(int((frame.max(axis=2) > 180).sum()))

    assert inked[0] < inked[1] < inked[2]


def test_scene_of_a_long_text_scrolls_its_last_line_into_view():
    scene, text = a_scene("\n".join(f"line_{number} = {number}" for number in range(80)))
    for number in range(200):
        frame = np.asarray(scene.frame(number / 25, typed=len(text), cursor_shown=True))

    cursor = np.abs(frame.astype(int) - np.array(theme_named("dark").cursor)).sum(axis=2) < 30

    assert cursor.sum() > 10
    assert np.argwhere(cursor)[:, 0].max() < 335


def test_scene_in_a_tall_picture_writes_as_large_as_its_width_allows():
    job = {"title": "a.py", "language": "", "theme": "dark", "fps": 25, "duration_s": None, "draft_label": False}
    text = glyphs("x" * 20, title="a.py", language="", theme=theme_named("dark"))

    def ink(width: int, height: int) -> int:
        asked = CodeJob(code="x" * 20, width=width, height=height, destination="", **job)
        scene = CodeScene(text, asked, theme=theme_named("dark"), picture=Picture(width=width, height=height, fps=25))
        frame = np.asarray(scene.frame(1.0, typed=len(text), cursor_shown=False))[100:200]
        return int((frame.max(axis=2) > 180).sum())

    assert ink(720, 1280) == pytest.approx(ink(1280, 720), rel=0.3)


def test_scene_of_a_very_long_line_does_not_fail():
    scene, text = a_scene("x" * 2000)

    assert scene.frame(1.0, typed=len(text), cursor_shown=True).size == (640, 360)
