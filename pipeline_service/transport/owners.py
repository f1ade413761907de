"""Who a caller is and whose pipelines it sees."""

from collections.abc import Mapping
from pathlib import Path

import orjson

from pipeline_service.commands.ports import Caller
from pipeline_service.domain.ids import Owner
from servicekit.access import caller_identity
from servicekit.config import ConfigError
from servicekit.grpc_handlers import Context
from servicekit.tracing import current_context

DEFAULT_OWNER = Owner("default")


class Owners:
    """The operator's map from identities to owners. Who is not in it belongs to `default`."""

    def __init__(self, owner_of: Mapping[str, Owner]) -> None:
        self._owner_of = dict(owner_of)

    @classmethod
    def load(cls, path: Path | None) -> "Owners":
        """Read `{"spiffe://…": "owner"}`; no file is an empty map. Raises ConfigError."""
        if path is None:
            return cls({})
        try:
            value = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            raise ConfigError(f"cannot read the owners file {path}: {error}") from error
        if not isinstance(value, dict) or not all(isinstance(owner, str) for owner in value.values()):
            raise ConfigError(f"{path}: expected an object of identities and owners")
        return cls({identity: Owner(owner) for identity, owner in value.items()})

    def owner(self, context: Context) -> Owner:
        return self._owner_of.get(caller_identity(context), DEFAULT_OWNER)

    def caller(self, context: Context) -> Caller:
        """Who asks for a change, and for whom."""
        return Caller(owner=self.owner(context), identity=actor(context), trace=current_context())


def is_operator(context: Context) -> bool:
    """Whether a caller sees what is of all owners."""
    return actor(context).startswith("spiffe://montage/ops/")


def actor(context: Context) -> str:
    """The caller's identity, as events name it."""
    return str(caller_identity(context))
