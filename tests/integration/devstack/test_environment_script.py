"""bin/_env: which interpreter it takes, and when it has nothing to do."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.layout import repository_root
from tests.patience import PATIENCE_S

BASH = shutil.which("bash") or "/bin/bash"
TOOLS = (
    "dirname",
    "head",
    "grep",
    "cat",
    "cksum",
    "find",
    "rm",
    "mkdir",
    "mv",
    "cp",
    "cmp",
    "cut",
    "sh",
    "sleep",
    "flock",
)
REAL_PYTHON = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"

# Stands for an installer: `pip` notes that it was called and what is on its way, `uv` "installs" by leaving a mark.
FAKE_UV = '#!/bin/sh\nprintf "%s\\n" "$*" "$UV_DEFAULT_INDEX" >>"$CALLS"\n[ -z "$BREAK_UV" ]\n'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What bin/_env needs of a clone, in a folder with a space and an umlaut, with a uv that only notes its calls."""
    root = tmp_path / "mein Klön"
    (root / "bin").mkdir(parents=True)
    shutil.copy(repository_root() / "bin" / "_env", root / "bin")
    for lock in ("requirements.lock", "requirements-dev.lock", "requirements-uv.lock"):
        (root / lock).write_text(f"# {lock}\n")
    (root / "protos" / "gen" / "generated_here").mkdir(parents=True)
    (root / "protos" / "gen" / "generated_here" / "__init__.py").touch()
    (root / "bin" / "program").write_text(
        'set -euo pipefail\nsource "$(dirname "${BASH_SOURCE[0]}")/_env"\necho "root=$MONTAGE_ROOT"\n'
    )
    return root


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder for PATH with the tools of any system and no Python."""
    folder = tmp_path / "path"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (folder / tool).symlink_to(found)
    return folder


def add_program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def prepare_uv(clone: Path) -> None:
    """As after an earlier set-up: the environment is made anew, its tools come from the lock that is there."""
    venv = clone / ".venv"
    tools = venv / "tools" / "bin"
    tools.mkdir(parents=True)
    (tools / "uv").write_text(FAKE_UV)
    (tools / "uv").chmod(0o755)
    shutil.copy(clone / "requirements-uv.lock", venv / "tools")
    subprocess.run([REAL_PYTHON, "-I", "-m", "venv", "--without-pip", venv], check=True)
    version = ".".join(str(part) for part in sys.version_info[:3])
    (venv / "montage-made-for").write_text(f"{clone} {version} {sys.base_prefix}\n")


def run(clone: Path, path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BASH, clone / "bin" / "program"],
        env={"PATH": str(path), "HOME": "", "CALLS": str(clone / "calls"), "BREAK_UV": "", "UV_DEFAULT_INDEX": ""}
        | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def calls(clone: Path) -> list[str]:
    log = clone / "calls"
    return log.read_text().splitlines() if log.exists() else []


def test_no_python_at_all_is_one_line_that_says_what_to_install(clone: Path, path: Path) -> None:
    result = run(clone, path)

    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "no Python; needed is CPython 3.11 to 3.14 with its venv module: install " in result.stderr


def test_pythons_that_do_not_fit_are_named_with_their_reason(clone: Path, path: Path) -> None:
    add_program(path, "python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    add_program(path, "python3", '[ "$1" = --version ] && echo "Python 3.9.2" || exit 1')
    add_program(path, "python", f'case "$*" in *ensurepip*) exit 1;; esac; exec {REAL_PYTHON} "$@"')

    result = run(clone, path)

    assert result.returncode == 1
    assert "found python3.13 (does not run), python3 (Python 3.9.2), python (without the venv module);" in result.stderr
    assert result.stderr.count("\n") == 1


def test_shim_that_leads_nowhere_is_passed_over_for_one_that_runs(clone: Path, path: Path) -> None:
    add_program(path, "python3.14", "exit 127")
    add_program(path, "python3.11", "exit 127")
    (path / "python3").symlink_to(REAL_PYTHON)
    prepare_uv(clone)

    result = run(clone, path)

    assert result.returncode == 0, result.stderr
    assert result.stdout == f"root={clone}\n"
    assert "setting up with python3 (" in result.stderr
    assert f"into {clone}/.venv" in result.stderr
    assert " MB " in result.stderr


def test_set_up_happens_once_and_again_when_the_lock_changes(clone: Path, path: Path) -> None:
    (path / "python3").symlink_to(REAL_PYTHON)
    prepare_uv(clone)

    first, second = run(clone, path), run(clone, path)
    (clone / "requirements.lock").write_text("# another\n")
    third = run(clone, path)

    assert [result.returncode for result in (first, second, third)] == [0, 0, 0]
    assert (bool(first.stderr), second.stderr, bool(third.stderr)) == (True, "", True)
    assert sum(line.endswith("/requirements.lock") for line in calls(clone)) == 2


def test_development_environment_serves_users_and_keeps_its_tools(clone: Path, path: Path) -> None:
    (path / "python3").symlink_to(REAL_PYTHON)
    prepare_uv(clone)

    run(clone, path, MONTAGE_NEEDS="dev")
    as_user = run(clone, path)
    (clone / "requirements.lock").write_text("# another\n")
    run(clone, path)

    assert as_user.stderr == ""
    installed = [line.rpartition("/")[2] for line in calls(clone) if line.endswith(".lock")]
    assert installed == ["requirements-dev.lock", "requirements-dev.lock"]


def test_user_environment_does_not_serve_development(clone: Path, path: Path) -> None:
    (path / "python3").symlink_to(REAL_PYTHON)
    prepare_uv(clone)

    run(clone, path)
    run(clone, path, MONTAGE_NEEDS="dev")

    installed = [line.rpartition("/")[2] for line in calls(clone) if line.endswith(".lock")]
    assert installed == ["requirements.lock", "requirements-dev.lock"]


def test_root_and_stubs_are_importable_from_anywhere(clone: Path, path: Path, tmp_path: Path) -> None:
    (path / "python3").symlink_to(REAL_PYTHON)
    prepare_uv(clone)
    (clone / "package_here").mkdir()
    (clone / "package_here" / "__init__.py").touch()
    run(clone, path)

    code = "import package_here, generated_here; print(package_here.__file__)"
    found = subprocess.run(
        [clone / ".venv" / "bin" / "python", "-P", "-c", code],
        cwd=tmp_path,
        env={"LC_ALL": "C"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert found.stdout.strip() == str(clone / "package_here" / "__init__.py"), found.stderr


def test_index_of_pip_is_handed_to_uv_unless_uv_has_its_own(clone: Path, path: Path) -> None:
    (path / "python3").symlink_to(REAL_PYTHON)
    prepare_uv(clone)

    run(clone, path, PIP_INDEX_URL="https://mirror.invalid/simple")
    (clone / "requirements.lock").write_text("# another\n")
    run(clone, path, PIP_INDEX_URL="https://mirror.invalid/simple", UV_DEFAULT_INDEX="https://own.invalid/simple")

    assert calls(clone)[1::2] == ["https://mirror.invalid/simple", "https://own.invalid/simple"]


def test_failed_set_up_ends_with_an_error_and_is_tried_again(clone: Path, path: Path) -> None:
    (path / "python3").symlink_to(REAL_PYTHON)
    prepare_uv(clone)

    # The environment of this test has no pip, so the fallback fails as well.
    broken, repaired = run(clone, path, BREAK_UV="1"), run(clone, path)

    assert broken.returncode == 1
    assert broken.stdout == ""
    assert "uv could not install; trying pip" in broken.stderr
    assert "run it again" in broken.stderr
    assert repaired.returncode == 0, repaired.stderr


@pytest.mark.parametrize("locking", ["flock", "mkdir"])
def test_two_at_once_install_once(clone: Path, path: Path, locking: str) -> None:
    if locking == "mkdir":
        (path / "flock").unlink()
        # Left behind by one that was killed.
        (clone / ".venv" / "setup.lock.d").mkdir(parents=True)
        (clone / ".venv" / "setup.lock.d" / "pid").write_text("4194303\n")
    (path / "python3").symlink_to(REAL_PYTHON)
    prepare_uv(clone)
    environment = {"PATH": str(path), "HOME": "", "CALLS": str(clone / "calls"), "BREAK_UV": "", "UV_DEFAULT_INDEX": ""}

    both = [
        subprocess.Popen([BASH, clone / "bin" / "program"], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=PATIENCE_S)[0] for process in both]

    assert outputs == [f"root={clone}\n"] * 2
    assert len(calls(clone)) == 2
    assert not (clone / ".venv" / "setup.lock.d").exists()


def test_moved_clone_makes_its_environment_anew(clone: Path, path: Path) -> None:
    # Making pip takes seconds and is the interpreter's business, so this one leaves it out.
    without_pip = f'case "$3" in venv) exec {REAL_PYTHON} -I -m venv --without-pip "$4";; esac'
    add_program(path, "python3", f'{without_pip}; exec {REAL_PYTHON} "$@"')
    prepare_uv(clone)
    run(clone, path)
    moved = clone.with_name("moved")
    clone.rename(moved)

    result = run(moved, path)

    # Nothing of the old environment may stay: its programs carry the old path.
    assert "setting up with python3" in result.stderr
    assert (moved / ".venv" / "montage-made-for").read_text().startswith(f"{moved} 3.")
    assert (moved / ".venv" / "bin" / "python").exists()
    assert not (moved / ".venv" / "tools" / "bin" / "uv").exists()


def test_script_names_no_package_index_and_runs_on_old_bash() -> None:
    script = (repository_root() / "bin" / "_env").read_text()
    locks = [path.read_text() for path in repository_root().glob("requirements*.lock")]

    assert "://" not in script
    assert not [lock for lock in locks if "://" in lock]
    for modern in ("declare -A", "mapfile", "readarray", ",,}", "^^}", "&>>", "|&"):
        assert modern not in script
