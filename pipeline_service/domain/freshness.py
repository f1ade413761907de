"""Whether a node's last good result is what its structure asks for today, and if not, why."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline_service.domain.ids import NodeId, NodeUid
from pipeline_service.domain.states import Freshness


@dataclass(frozen=True, kw_only=True)
class FreshnessFacts:
    """What is asked of a node, and of every node above it."""

    id: NodeId
    is_current: bool
    has_result: bool
    was_changed: bool
    """It means something else by itself than what its result was made from."""
    is_valid: bool
    sources: tuple[NodeUid, ...]


def freshness_of(uid: NodeUid, facts: Mapping[NodeUid, FreshnessFacts]) -> tuple[Freshness, tuple[str, ...]]:
    """Freshness and its reasons. `facts` has the node and all nodes above it."""
    node = facts[uid]
    if node.is_current:
        return Freshness.CURRENT, ()
    above = _not_current_above(uid, facts)
    invalid = ["it is not valid"] if not node.is_valid else []
    invalid += [f"'{one.id}' is not valid" for one in above if not one.is_valid]
    if invalid:
        return Freshness.BLOCKED, tuple(invalid)
    if not node.has_result:
        return Freshness.MISSING, ()
    reasons = ["it was changed"] if node.was_changed else []
    reasons += [f"'{one.id}' was changed" for one in above if one.has_result and one.was_changed]
    reasons += [f"'{one.id}' has no result yet" for one in above if not one.has_result]
    return Freshness.STALE, tuple(reasons or _made_anew(node, facts))


def _not_current_above(uid: NodeUid, facts: Mapping[NodeUid, FreshnessFacts]) -> list[FreshnessFacts]:
    """What is to be made before the node is, nearest first. Nothing above a current node is looked at."""
    seen: dict[NodeUid, FreshnessFacts] = {}
    front = list(facts[uid].sources)
    while front:
        source = front.pop(0)
        if source not in seen and not facts[source].is_current:
            seen[source] = facts[source]
            front.extend(facts[source].sources)
    return list(seen.values())


def _made_anew(node: FreshnessFacts, facts: Mapping[NodeUid, FreshnessFacts]) -> list[str]:
    """All above is current and the node is what it was: an input is not what it was."""
    ids = [f"'{facts[source].id}'" for source in node.sources]
    return [f"{ids[0]} was made anew since" if len(ids) == 1 else f"one of {', '.join(ids)} was made anew since"]
