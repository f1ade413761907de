"""How long an execution may take, whether a failed one is tried again, and when."""

from datetime import timedelta

from pipeline_service.domain.model import Execution, NodeSpec, RetryPolicy
from pipeline_service.domain.node_types import Catalogue, NodeType
from pipeline_service.domain.values import Failure, Json

RETRYABLE = frozenset({"rate_limited", "provider_unavailable", "timeout", "lambda_error", "internal"})
RATE_LIMITED = "rate_limited"
MAX_RATE_LIMITS = 100
"""At the longest interval and middling jitter some four hours: a limit is waited for, but not for ever."""
_MAX_EXPONENT = 64


def time_allowed(node_type: NodeType, config: Json) -> timedelta:
    """From the claim to the result: what the effective config says where the type leaves it to the user."""
    told = config.get(node_type.timeout_field)
    return timedelta(seconds=told) if isinstance(told, int | float) else node_type.start_to_close


def policy_of(spec: NodeSpec, catalogue: Catalogue) -> RetryPolicy:
    """The node type's policy with what the node has other, as its structure is now."""
    policy, own = catalogue[spec.type].retry, spec.retry
    return RetryPolicy(
        max_attempts=int(own.get("maxAttempts", policy.max_attempts)),
        initial_interval=_seconds(own.get("initialInterval"), policy.initial_interval),
        backoff_coefficient=own.get("backoffCoefficient", policy.backoff_coefficient),
        max_interval=_seconds(own.get("maxInterval"), policy.max_interval),
        jitter=own.get("jitter", policy.jitter),
    )


def has_attempt_left(failed: Execution, failure: Failure, policy: RetryPolicy) -> bool:
    """Whether work that fails in this way is tried again. Attempts that met a rate limit are not counted."""
    if failure.error_type == RATE_LIMITED:
        return failed.rate_limits < MAX_RATE_LIMITS
    counted = failed.attempt - failed.first_attempt + 1 - failed.rate_limits
    return failure.error_type in RETRYABLE and counted < policy.max_attempts


def met_rate_limit(failed: Execution) -> bool:
    return failed.failure is not None and failed.failure.error_type == RATE_LIMITED


def back_off(failed: Execution, policy: RetryPolicy, *, chance: float) -> timedelta:
    """How long to wait before the next attempt: an exponential back-off with jitter. `chance` is 0 ≤ x < 1."""
    before = min(failed.attempt - failed.first_attempt, _MAX_EXPONENT)
    ceiling_s = policy.initial_interval.total_seconds() * policy.backoff_coefficient**before
    longest_s = min(ceiling_s, policy.max_interval.total_seconds())
    return timedelta(seconds=longest_s * (1 - policy.jitter * (1 - chance)))


def _seconds(own: float | None, otherwise: timedelta) -> timedelta:
    return otherwise if own is None else timedelta(seconds=own)
