"""The policies open exactly the ways of the table, and each rule is good for exactly its own."""

import copy
import ipaddress
from collections.abc import Iterator

import pytest

from tests.unit.deploy.manifests import Document, of_kind
from tests.unit.deploy.policies import may_reach
from tests.unit.deploy.ways import ALLOWED, CELLS, OURS, PEERS, RULES, Cell

POLICIES = list(of_kind("NetworkPolicy").values())


def open_cells(policies: list[Document]) -> frozenset[Cell]:
    return frozenset(
        cell for cell in CELLS if may_reach(policies, PEERS[cell[0]], PEERS[cell[1]], port=cell[3], protocol=cell[2])
    )


def rules() -> Iterator[tuple[str, str, int]]:
    for policy in POLICIES:
        for direction in ("ingress", "egress"):
            for position in range(len(policy["spec"].get(direction) or ())):
                yield policy["metadata"]["name"], direction, position


def without(name: str, direction: str, position: int) -> list[Document]:
    changed = copy.deepcopy(POLICIES)
    (policy,) = (policy for policy in changed if policy["metadata"]["name"] == name)
    del policy["spec"][direction][position]
    return changed


def allow_all(who: str, direction: str) -> Document:
    """One more policy that opens everything for one of ours in one direction."""
    return {
        "metadata": {"name": "too-much", "namespace": "montage"},
        "spec": {
            "podSelector": {"matchLabels": dict(PEERS[who].labels)},  # type: ignore[union-attr] # ours are pods
            "policyTypes": [direction.capitalize()],
            direction: [{}],
        },
    }


def test_policies_open_exactly_the_ways_of_the_table() -> None:
    assert open_cells(POLICIES) == ALLOWED


def test_table_of_rules_names_every_rule_there_is() -> None:
    assert set(rules()) == RULES.keys()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: "-".join(map(str, rule)))
def test_rule_taken_away_closes_exactly_its_cells(rule: tuple[str, str, int]) -> None:
    assert open_cells(without(*rule)) == ALLOWED - RULES[rule]


@pytest.mark.parametrize("who", OURS)
def test_allow_all_outwards_opens_exactly_what_its_targets_let_in(who: str) -> None:
    opened = open_cells([*POLICIES, allow_all(who, "egress")]) - ALLOWED

    # Ours still guard themselves; outside nobody does.
    assert opened == {cell for cell in CELLS if cell[0] == who and cell[1] not in OURS} - ALLOWED


@pytest.mark.parametrize("who", OURS)
def test_allow_all_inwards_opens_exactly_what_its_sources_let_out(who: str) -> None:
    opened = open_cells([*POLICIES, allow_all(who, "ingress")]) - ALLOWED

    assert opened == {cell for cell in CELLS if cell[1] == who and cell[0] not in OURS} - ALLOWED


def test_default_deny_taken_away_leaves_strangers_and_postgres_unguarded() -> None:
    policies = [policy for policy in POLICIES if policy["metadata"]["name"] != "default-deny"]

    opened = open_cells(policies) - ALLOWED

    # No other policy guards them in these directions; with it gone, they go wherever nobody else is in the way.
    unguarded_inwards, unguarded_outwards = {"executor", "migrate", "stranger"}, {"postgres", "stranger"}
    assert opened == {
        cell
        for cell in CELLS
        if (cell[0] not in OURS or cell[0] in unguarded_outwards)
        and (cell[1] not in OURS or cell[1] in unguarded_inwards)
    }


def test_exceptions_of_an_address_block_lie_inside_it() -> None:
    blocks = [
        peer["ipBlock"]
        for policy in POLICIES
        for rule in policy["spec"].get("egress") or ()
        for peer in rule["to"]
        if "ipBlock" in peer
    ]

    assert len(blocks) == 4
    for block in blocks:
        whole = ipaddress.ip_network(block["cidr"])
        parts = [ipaddress.ip_network(part) for part in block["except"]]
        assert all(part.version == whole.version and part != whole for part in parts)
        # Kubernetes reads these as IPv4 and then refuses the block.
        assert not any(isinstance(part, ipaddress.IPv6Network) and part[0].ipv4_mapped for part in parts)
