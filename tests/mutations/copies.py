"""Copies of the repository that a test may damage."""

import shutil
import subprocess
from pathlib import Path

_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".venv-*", ".montage", "out", "__pycache__", "*.pyc", ".*_cache", ".hypothesis", "*.egg-info"
)


class PatchDoesNotApply(AssertionError):
    """The code that a patch changes has moved on; the patch must follow."""


def copy_repository(root: Path, destination: Path) -> Path:
    """Everything but what is made from it."""
    shutil.copytree(root, destination, ignore=_LEFT_OUT)
    return destination


def apply_patch(patch: Path, copy: Path) -> None:
    """Change a copy. Raises PatchDoesNotApply, and then has changed nothing."""
    done = subprocess.run(
        # --unsafe-paths is not given: nothing outside of the copy can be changed.
        ["git", "apply", "--whitespace=nowarn", str(patch)],
        cwd=copy,
        env={"GIT_CEILING_DIRECTORIES": str(copy.parent), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if done.returncode:
        raise PatchDoesNotApply(f"{patch.name} does not apply: {done.stderr.strip()}")
