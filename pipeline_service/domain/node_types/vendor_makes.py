"""What paid vendors make of what a document says. Executors, who ask them, hold the same numbers; a test compares."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Model:
    """What one model of an animating vendor makes."""

    seconds: tuple[int, ...]
    shapes: tuple[str, ...]
    shapes_without_picture: tuple[str, ...]
    """Empty where it needs one."""
    needs_prompt: bool = False
    """Also with a picture."""


@dataclass(frozen=True, kw_only=True)
class Animator:
    """A vendor that makes films from words and pictures."""

    source: str
    """Where the numbers are from."""
    models: Mapping[str, Model]
    usual_with_picture: str
    usual_without: str
    most_prompt_units: int | None = None
    """Of a prompt, in UTF-16 units, which are characters but for rare ones; None where it does not say."""


@dataclass(frozen=True, kw_only=True)
class Screen:
    """A vendor that makes pictures of certain sizes."""

    source: str
    shapes: tuple[tuple[int, int], ...]
    """Parts across and down."""
    shorter_sides: tuple[int, ...]
    """Px."""

    def sizes(self) -> list[tuple[int, int]]:
        """All that it makes: width and height, px."""
        return [
            (side * across // min(across, down), side * down // min(across, down))
            for across, down in self.shapes
            for side in self.shorter_sides
        ]


_WIDE, _ANY = ("16:9", "9:16"), ("16:9", "9:16", "1:1")
_TWO_TO_TEN, _VEO_SECONDS = tuple(range(2, 11)), (4, 6, 8)
_VEO = Model(seconds=_VEO_SECONDS, shapes=_WIDE, shapes_without_picture=_WIDE)
ANIMATORS: Mapping[str, Animator] = {
    "runway": Animator(
        source="Runway's API of 2024-11-06",
        models={
            "gen4_turbo": Model(seconds=_TWO_TO_TEN, shapes=_ANY, shapes_without_picture=()),
            "gen4.5": Model(seconds=_TWO_TO_TEN, shapes=_ANY, shapes_without_picture=_WIDE, needs_prompt=True),
            "veo3.1": _VEO,
            "veo3.1_fast": _VEO,
        },
        usual_with_picture="gen4_turbo",
        usual_without="gen4.5",
        most_prompt_units=1_000,
    ),
    "veo3": Animator(
        source="Veo 3.1 on Vertex AI",
        models=dict.fromkeys(("veo-3.1-generate-001", "veo-3.1-fast-generate-001", "veo-3.1-lite-generate-001"), _VEO),
        usual_with_picture="veo-3.1-generate-001",
        usual_without="veo-3.1-generate-001",
    ),
}
SCREENS: Mapping[str, Screen] = {
    "heygen": Screen(
        source="HeyGen's API v3",
        shapes=((16, 9), (9, 16), (4, 5), (5, 4), (1, 1)),
        shorter_sides=(720, 1080, 2160),
    )
}
