"""Who may call what: a table from full method to identities, enforced around every handler. No rule, no entry."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeAlias

import grpc
import structlog

from servicekit.grpc_errors import RpcError, abort
from servicekit.grpc_handlers import Context, HandlerWrapper
from servicekit.identity import InvalidIdentity, SpiffeId, parse_spiffe_id, peer_identity


@dataclass(frozen=True, kw_only=True)
class Allow:
    """Who may call a method. Without anything it admits nobody."""

    exact: frozenset[str] = frozenset()
    """Whole identities, compared character by character."""
    children_of: frozenset[str] = frozenset()
    """`spiffe://x/client` admits `spiffe://x/client/<one segment>`, and neither itself nor anything deeper."""
    any_identity: bool = False
    """Everyone with an acceptable certificate of our CA."""

    def __post_init__(self) -> None:
        """Refuse a rule that could never match, e.g. one with a trailing slash."""
        for identity in self.exact | self.children_of:
            parse_spiffe_id(identity)

    def admits(self, identity: SpiffeId) -> bool:
        return self.any_identity or identity in self.exact or identity.rpartition("/")[0] in self.children_of


@dataclass(frozen=True, kw_only=True)
class _Call:
    """A call that was let through, and by whom."""

    context: Context
    identity: SpiffeId


# What the task of a call has found out about it: gRPC puts a certificate together anew for every question.
_admitted_call: ContextVar[_Call | None] = ContextVar("admitted_call", default=None)

AccessTable: TypeAlias = Mapping[str, Allow]
"""`/package.Service/Method` to who may call it."""


class MissingRule(ValueError):
    """A method is served that the access table does not name."""


def allow(*patterns: str) -> Allow:
    """`allow("spiffe://x/a", "spiffe://x/client/*")`: whole identities, and `/*` for exactly one more segment."""
    return Allow(
        exact=frozenset(one for one in patterns if not one.endswith("/*")),
        children_of=frozenset(one.removesuffix("/*") for one in patterns if one.endswith("/*")),
    )


def check_every_method_has_a_rule(methods: Iterable[str], table: AccessTable) -> None:
    """Raises MissingRule naming every method without one, and every rule without a method (a typing error)."""
    served = set(methods)
    missing, unused = sorted(served - table.keys()), sorted(table.keys() - served)
    if missing:
        raise MissingRule(f"no access rule for {', '.join(missing)}")
    if unused:
        raise MissingRule(f"access rules for methods that are not served: {', '.join(unused)}")


def caller_identity(context: Context) -> SpiffeId:
    """The caller, for handlers behind AccessInterceptor (where it is never refused)."""
    known = _admitted_call.get()
    return known.identity if known is not None and known.context is context else peer_identity(context)


class AccessInterceptor(HandlerWrapper):
    """Lets a call through only if the table admits the caller; logs and counts each refusal."""

    def __init__(
        self, *, table: AccessTable, domain: str, on_refusal: Callable[[str, str], None] | None = None
    ) -> None:
        """`on_refusal(method, reason)` is called for every call that is turned away."""
        super().__init__()
        self._table = table
        self._domain = domain
        self._on_refusal = on_refusal
        self._log = structlog.get_logger("servicekit.access")

    def around(self, method: str, context: Context) -> AbstractAsyncContextManager[None]:
        return self._admitted(method, context)

    @asynccontextmanager
    async def _admitted(self, method: str, context: Context) -> AsyncIterator[None]:
        try:
            identity = peer_identity(context)
        except InvalidIdentity as err:
            await self._refuse(method, context, _unknown(), why=str(err))
        rule = self._table.get(method)
        if rule is None or not rule.admits(identity):
            await self._refuse(method, context, _not_allowed(method, identity), why=identity)
        _admitted_call.set(_Call(context=context, identity=identity))
        yield

    async def _refuse(self, method: str, context: Context, error: RpcError, *, why: str) -> None:
        if self._on_refusal is not None:
            self._on_refusal(method, error.reason)
        self._log.warning("call_refused", method=method, reason=error.reason, why=why, peer=context.peer())
        await abort(context, error, domain=self._domain)


def _unknown() -> RpcError:
    return RpcError(
        code=grpc.StatusCode.UNAUTHENTICATED,
        reason="CALLER_UNKNOWN",
        message="The certificate of the caller carries no acceptable identity.",
    )


def _not_allowed(method: str, identity: SpiffeId) -> RpcError:
    return RpcError(
        code=grpc.StatusCode.PERMISSION_DENIED,
        reason="CALLER_NOT_ALLOWED",
        message=f"{identity} may not call {method}.",
    )
