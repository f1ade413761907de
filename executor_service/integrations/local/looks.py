"""The avatars that can be asked for: who they look like, in colours."""

from dataclasses import dataclass
from enum import StrEnum

from executor_service.integrations.local.errors import invalid_input
from executor_service.integrations.local.lettering import Ink


class Hair(StrEnum):
    """How it is cut."""

    BOB = "bob"
    CROP = "crop"
    CLOUD = "cloud"


@dataclass(frozen=True, kw_only=True)
class Look:
    """One avatar."""

    name: str
    skin: Ink
    skin_shade: Ink
    hair: Ink
    hair_style: Hair
    top: Ink
    top_shade: Ink
    glasses: bool = False


DEFAULT_LOOK = "rowan"


def look_named(avatar: str) -> Look:
    """Find an avatar. Raises LocalVendorError(INVALID_INPUT) naming those that exist."""
    known = looks()
    if avatar not in known:
        raise invalid_input(f"the local vendor has no avatar {avatar!r}; it has {', '.join(sorted(known))}")
    return known[avatar]


def looks() -> dict[str, Look]:
    """The avatars by the id that a caller may use."""
    return {
        "rowan": Look(
            name="Rowan", skin=(246, 205, 178), skin_shade=(232, 178, 150), hair=(112, 58, 46), hair_style=Hair.BOB,
            top=(32, 128, 132), top_shade=(24, 104, 110),
        ),
        "juniper": Look(
            name="Juniper", skin=(224, 172, 134), skin_shade=(204, 146, 110), hair=(40, 36, 48), hair_style=Hair.CROP,
            top=(86, 84, 188), top_shade=(68, 66, 160),
        ),
        "maple": Look(
            name="Maple", skin=(156, 104, 76), skin_shade=(132, 84, 60), hair=(40, 28, 30), hair_style=Hair.CLOUD,
            top=(226, 158, 62), top_shade=(202, 134, 44),
        ),
        "linden": Look(
            name="Linden", skin=(250, 214, 192), skin_shade=(236, 188, 164), hair=(196, 198, 206), hair_style=Hair.CROP,
            top=(70, 92, 128), top_shade=(54, 74, 108), glasses=True,
        ),
    }  # fmt: skip
