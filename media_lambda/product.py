"""What a job leaves in its folder."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

OUTPUT_NAME = "output.mp4"


@dataclass(frozen=True, kw_only=True)
class Product:
    """A finished file, not yet checked."""

    path: Path
    duration: Fraction
    """Seconds it should play."""
