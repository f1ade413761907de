"""What a run is said to have done with each node."""

import pytest
from montage.v1 import resources_pb2 as resources

from montage_cli.summary import decision_of, what_ran

NAME = "pipelines/p/nodes/{}"


def a_node(node_id: str, *needs: str, kind: str = "noop") -> resources.Node:
    node = resources.Node(name=NAME.format(node_id), type=kind, output=resources.Output(s3_key="key"))
    node.inputs.add(slot="in", nodes=[NAME.format(one) for one in needs])
    return node


def decided(node_id: str, decision: resources.RunDecision, *, reused_from: str = "") -> resources.RunNode:
    return resources.RunNode(node=NAME.format(node_id), decision=decision, reused_from=reused_from)


NODES = [a_node("script", kind="asset"), a_node("voice", "script"), a_node("film", "voice"), a_node("poster")]


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ([("voice", resources.RUN_DECISION_DONE), ("film", resources.RUN_DECISION_DONE)], "ran voice, film"),
        ([("film", resources.RUN_DECISION_DONE)], "ran film; kept voice"),
        ([("film", resources.RUN_DECISION_REUSED)], "kept voice, film"),
        ([("voice", resources.RUN_DECISION_FAILED), ("film", resources.RUN_DECISION_SKIPPED)], "ran voice"),
        ([("script", resources.RUN_DECISION_DONE)], "ran script; kept voice, film"),
    ],
)
def test_what_ran_tells_what_was_made_and_kept_of_what_was_wanted(
    decisions: list[tuple[str, resources.RunDecision]], expected: str
) -> None:
    run = resources.Run(nodes=[decided(*one) for one in decisions])

    assert what_ran(run, NODES, [NODES[2]]) == expected


def test_what_was_taken_over_is_told_apart() -> None:
    run = resources.Run(nodes=[decided("film", resources.RUN_DECISION_REUSED, reused_from="somebody's execution")])

    assert what_ran(run, NODES, [NODES[2]]) == "reused film; kept voice"


def test_result_of_what_was_current_is_kept_and_of_what_was_taken_over_reused() -> None:
    current = decided("film", resources.RUN_DECISION_REUSED)
    taken_over = decided("film", resources.RUN_DECISION_REUSED, reused_from="somebody's execution")
    made = decided("film", resources.RUN_DECISION_DONE)

    assert [decision_of(one) for one in (current, taken_over, made)] == ["kept", "reused", "done"]


def test_of_many_nodes_only_their_number_is_told() -> None:
    nodes = [a_node(f"n{number}") for number in range(13)]
    run = resources.Run(nodes=[decided(f"n{number}", resources.RUN_DECISION_DONE) for number in range(13)])

    assert what_ran(run, nodes, nodes) == "ran 13 nodes"


def test_nothing_wanted_is_nothing_to_run() -> None:
    assert what_ran(resources.Run(), [], []) == "nothing to run"
