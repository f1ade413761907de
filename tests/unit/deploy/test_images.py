"""The recipes of the images: exact bases without invented digests, locked packages, unprivileged, complete."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.unit.deploy.manifests import ROOT, services

RECIPES = ("deploy/docker/Dockerfile", "deploy/nats/Dockerfile", "deploy/lambda/Dockerfile")
PROGRAMS = {
    "pipeline": "pipeline_service",
    "executor": "executor_service",
    "callback-gateway": "callback_gateway",
    "devstack": "devstack",
}
SHARED = {"servicekit", "montage"}


def instructions(recipe: str) -> list[str]:
    """Lines with their continuations, without comments."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / recipe).read_text(encoding="utf-8"))
    return [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def stages(recipe: str) -> dict[str, list[str]]:
    """The instructions of each stage with those of the stages it begins with."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in instructions(recipe):
        if match := re.fullmatch(r"FROM (\S+)(?: AS (\S+))?", line):
            current = list(found.get(match[1], []))
            found[match[2] or "final"] = current
        current.append(line)
    return found


def imports_of(package: str) -> set[str]:
    """Top-level names that the package's modules import."""
    names: set[str] = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names


def locked(path: str) -> dict[str, str]:
    """Requirement line and hashes by name; where markers make two of one, the one for this image's Python."""
    blocks = re.split(r"(?m)^(?=[a-z0-9])", (ROOT / path).read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    for block in blocks:
        if (match := re.match(r"([a-z0-9-]+)(\[[a-z,]+\])?==", block)) and "< '3.12'" not in block.splitlines()[0]:
            found[match[1]] = re.sub(r"(?m)^\s+#.*\n", "", block)
    return found


@pytest.mark.parametrize("recipe", RECIPES)
def test_base_is_an_exact_tag_and_its_digest_an_argument_without_value(recipe: str) -> None:
    lines = instructions(recipe)
    (image,) = [line for line in lines if re.match(r"ARG [A-Z]+_IMAGE=", line)]
    (digest,) = [line for line in lines if re.match(r"ARG [A-Z]+_DIGEST", line)]

    assert re.fullmatch(r"ARG [A-Z]+_IMAGE=[a-z0-9./-]+:\d+\.\d+\.\d+[a-z0-9.-]*", image)
    assert digest.endswith("_DIGEST=")
    assert "@sha256:" not in " ".join(lines)
    name = image.split("=")[0].removeprefix("ARG ").removesuffix("_IMAGE")
    assert f"FROM ${{{name}_IMAGE}}${{{name}_DIGEST:+@${{{name}_DIGEST}}}}" in " ".join(lines)


@pytest.mark.parametrize("recipe", ["deploy/docker/Dockerfile", "deploy/lambda/Dockerfile"])
def test_packages_come_from_the_lock_and_are_checked(recipe: str) -> None:
    (install,) = [line for line in instructions(recipe) if re.search(r"pip .*install", line)]

    assert "--require-hashes --only-binary :all:" in install
    assert "requirements.lock" in install


@pytest.mark.parametrize("target", PROGRAMS)
def test_process_is_unprivileged(target: str) -> None:
    users = [line for line in stages("deploy/docker/Dockerfile")[target] if line.startswith("USER")]

    assert users[-1] == "USER 10001:10001"


@pytest.mark.parametrize("target", PROGRAMS)
def test_image_holds_every_package_of_ours_that_its_program_imports(target: str) -> None:
    ours = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {"montage"}
    copied = {
        line.split()[1]
        for line in stages("deploy/docker/Dockerfile")[target]
        if line.startswith("COPY") and "--from" not in line
    }

    needed = imports_of(PROGRAMS[target]) & ours
    assert needed
    for package in needed:
        assert ("protos/gen" if package == "montage" else package) in copied


def test_compose_builds_targets_that_exist() -> None:
    builds = [service["build"] for service in services().values() if "build" in service]

    for build in builds:
        if build["context"] == ".":
            assert build["target"] in stages(build["dockerfile"])
        else:
            assert (ROOT / build["context"] / "Dockerfile").is_file()


@pytest.mark.parametrize("recipe", ["deploy/docker/Dockerfile", "deploy/lambda/Dockerfile"])
def test_only_what_is_copied_enters_the_build(recipe: str) -> None:
    ignore = (ROOT / f"{recipe}.dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line.removeprefix("!") for line in ignore if line.startswith("!")}
    copied = {
        source
        for line in instructions(recipe)
        if line.startswith("COPY") and "--from" not in line
        for source in line.split()[1:-1]
    }

    assert ignore[1] == "*"
    for source in copied:
        assert (ROOT / source).exists()
        assert any(Path(source).is_relative_to(entry) for entry in allowed)
    assert all(any(Path(source).is_relative_to(entry) for source in copied) for entry in allowed)


def test_media_function_has_what_it_imports_exactly_as_locked() -> None:
    ours, all_of_them = locked("deploy/lambda/requirements.lock"), locked("requirements.lock")
    distributions = packages_distributions()

    needed = {
        name.lower()
        for imported in (imports_of("media_lambda") | imports_of("mediakit"))
        - {"media_lambda", "mediakit", "mypy_boto3_s3"}
        for name in distributions[imported]
    }

    assert needed <= ours.keys()
    assert ours == {name: all_of_them[name] for name in ours}


def test_media_function_brings_everything_that_its_packages_require() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    ours = locked("deploy/lambda/requirements.lock").keys()

    # The lock says below each package through which others it came.
    for block in re.split(r"(?m)^(?=[a-z0-9])", text):
        through = set(re.findall(r"(?m)^    #   (?:via )?([a-z0-9-]+)$|^    # via ([a-z0-9-]+)$", block))
        names = {name for pair in through for name in pair if name}
        if names & ours:
            assert re.split(r"[=\[]", block)[0] in ours
