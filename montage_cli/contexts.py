"""Named connections: `~/.config/montage/contexts.toml`, a table per context.

[contexts.staging]
address = "montage.staging.example:50051"
ca_cert = "staging/ca.pem"          # relative to this file
client_cert = "staging/client.pem"
client_key = "staging/client.key"
"""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from montage_cli.errors import WRONG_USAGE, MontageError, Status

KEYS = ("address", "ca_cert", "client_cert", "client_key")


def contexts_file(variables: Mapping[str, str]) -> Path:
    """Where contexts are kept, by the rules for configuration files of a user (`XDG_CONFIG_HOME`)."""
    home = variables.get("XDG_CONFIG_HOME") or Path(variables.get("HOME") or "~").expanduser() / ".config"
    return Path(home) / "montage" / "contexts.toml"


def read_context(path: Path, name: str) -> Mapping[str, str]:
    """The four values of a context by KEYS. Raises MontageError that says what is missing or wrong."""
    try:
        contexts = tomllib.loads(path.read_text(encoding="utf-8")).get("contexts", {})
    except OSError as err:
        raise _unusable(path, err.strerror or str(err)) from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise _unusable(path, str(err)) from err
    if not isinstance(contexts, dict) or name not in contexts:
        known = list(contexts) if isinstance(contexts, dict) else []
        near = get_close_matches(name, known, n=1)
        meant = f"did you mean '{near[0]}'? It" if near else "it"
        message = f"{path} has no context '{name}'; {meant} has {', '.join(known) or 'none'}"
        raise MontageError(message, status=Status.INVALID_ARGUMENT, reason=WRONG_USAGE)
    found = contexts[name]
    wrong = [key for key in KEYS if not isinstance(found, dict) or not isinstance(found.get(key), str)]
    if wrong:
        raise _unusable(path, f"context '{name}' needs {', '.join(KEYS)} as text; missing or wrong: {', '.join(wrong)}")
    return {key: found[key] for key in KEYS}


def _unusable(path: Path, why: str) -> MontageError:
    return MontageError(f"cannot use {path}: {why}", status=Status.UNAVAILABLE, reason="NO_CONNECTION")
