"""Where the service is and which certificate we show it: given, by the name of a context, or from a running bin/dev."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from montage_cli.contexts import KEYS, contexts_file, read_context
from montage_cli.errors import WRONG_USAGE, MontageError, Status

OPTIONS = {
    "MONTAGE_PIPELINE_ADDR": "address",
    "MONTAGE_CA_CERT": "ca_cert",
    "MONTAGE_CLIENT_CERT": "client_cert",
    "MONTAGE_CLIENT_KEY": "client_key",
}
"""By variable: the option of `montage` that counts more."""
VARIABLES = tuple(OPTIONS)
CONTEXT = "MONTAGE_CONTEXT"
DEV_ENV = Path(".montage") / "dev.env"
_LARGEST_DEV_ENV_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Connection:
    """All that is needed to open a channel."""

    address: str
    """host:port of the pipeline service."""
    ca_cert: Path
    client_cert: Path
    client_key: Path
    origin: str
    """Where these values were found, for error messages."""


def find_connection(variables: Mapping[str, str], *, folder: Path, repository: Path) -> Connection:
    """The connection that `variables` (the environment, overlaid with options) name, by its parts or by a context.

    Else that of a running bin/dev, whose dev.env is looked for in `folder`, in the folders above it, and in
    `repository`. Values are never mixed: an address from one place and a certificate from another belong together
    only by accident. Raises MontageError.
    """
    given = {name: variables[name] for name in VARIABLES if variables.get(name)}
    if given:
        _check_given(given)
        return _connection(given, base=folder, origin="options and environment")
    if variables.get(CONTEXT):
        file = contexts_file(variables)
        values = read_context(file, variables[CONTEXT])
        named = {variable: values[key] for variable, key in zip(VARIABLES, KEYS, strict=True)}
        return _connection(named, base=file.parent, origin=f"context {variables[CONTEXT]} of {file}")
    for path in _dev_env_places(folder, repository):
        if path.is_file():
            return _connection(read_env_file(path), base=path.parent.parent, origin=str(path))
    raise MontageError(
        f"no service found: start bin/dev, name a --context, or set {', '.join(VARIABLES)} "
        f"(looked for {DEV_ENV} in {folder}, above it, and in {repository})",
        status=Status.UNAVAILABLE,
        reason="NO_CONNECTION",
    )


def read_env_file(path: Path) -> dict[str, str]:
    """Read NAME=value lines, values quoted as a shell would want them. Raises MontageError."""
    try:
        if path.stat().st_size > _LARGEST_DEV_ENV_BYTES:
            raise _unusable(path, f"larger than {_LARGEST_DEV_ENV_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
    except OSError as err:
        raise _unusable(path, err.strerror or str(err)) from err
    except UnicodeDecodeError as err:
        raise _unusable(path, "not UTF-8") from err
    return dict(_assignments(text, path))


def _assignments(text: str, path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip().removeprefix("export ").strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, value = stripped.partition("=")
        try:
            words = shlex.split(value)
        except ValueError as err:
            raise _unusable(path, f"line {number}: {err}") from err
        if not equals or len(words) > 1:
            raise _unusable(path, f"line {number}: expected NAME=value")
        yield name.strip(), "".join(words)


def _check_given(given: Mapping[str, str]) -> None:
    missing = [_typed(name) for name in VARIABLES if name not in given]
    if missing:
        found = ", ".join(_typed(name) for name in given)
        raise MontageError(
            f"found {found}, but not {', '.join(missing)}; give all four, "
            "or none of them for a --context or a running bin/dev",
            status=Status.INVALID_ARGUMENT,
            reason=WRONG_USAGE,
        )


def _typed(variable: str) -> str:
    """`--ca-cert (MONTAGE_CA_CERT)`: a value may come either way."""
    return f"--{OPTIONS[variable].replace('_', '-')} ({variable})"


def _connection(values: Mapping[str, str], *, base: Path, origin: str) -> Connection:
    missing = [name for name in VARIABLES if not values.get(name)]
    if missing:
        raise MontageError(
            f"{origin} says how to reach the service, but lacks {', '.join(missing)}",
            status=Status.UNAVAILABLE,
            reason="NO_CONNECTION",
        )
    address, ca_cert, client_cert, client_key = (values[name] for name in VARIABLES)
    return Connection(
        address=address,
        ca_cert=base / ca_cert,
        client_cert=base / client_cert,
        client_key=base / client_key,
        origin=origin,
    )


def _dev_env_places(folder: Path, repository: Path) -> Iterator[Path]:
    for place in (folder, *folder.parents, repository):
        yield place / DEV_ENV


def _unusable(path: Path, why: str) -> MontageError:
    return MontageError(f"cannot use {path}: {why}", status=Status.UNAVAILABLE, reason="NO_CONNECTION")
