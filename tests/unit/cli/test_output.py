"""What is told about a pipeline, a node and an attempt."""

import pytest
from montage.v1 import resources_pb2 as resources

from montage_cli import output


def facts_of_node(node: resources.Node) -> dict[str, str]:
    return {key: value for key, value in output.node_facts(node) if value}


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (resources.Node(state=resources.NODE_STATE_COMPLETED, is_current=True), "completed"),
        (resources.Node(state=resources.NODE_STATE_COMPLETED), "completed, stale"),
        (resources.Node(state=resources.NODE_STATE_PENDING, paused=True), "pending, paused"),
        (
            resources.Node(state=resources.NODE_STATE_PENDING, problems=[resources.NodeProblem(field="x")]),
            "pending, invalid",
        ),
    ],
)
def test_state_tells_what_keeps_a_node_from_running(node: resources.Node, expected: str) -> None:
    assert output.state_of(node) == expected


def test_stale_node_tells_why_and_shows_its_last_good_result() -> None:
    node = resources.Node(
        name="pipelines/p/nodes/film",
        state=resources.NODE_STATE_PENDING,
        freshness=resources.FRESHNESS_STALE,
        freshness_reasons=["config.transition changed", "input 'voice' was made anew"],
        labels={"team": "red", "cut": "2"},
        last_output=resources.Output(s3_key="pipelines/p/output.mp4", size_bytes=12_000_000),
    )

    facts = facts_of_node(node)

    assert facts["state"] == "pending"
    assert facts["freshness"] == "stale"
    assert facts["because"] == "config.transition changed; input 'voice' was made anew"
    assert facts["labels"] == "cut=2, team=red"
    assert (facts["artifact"], facts["size"]) == ("pipelines/p/output.mp4", "12.0 MB")


def test_invalid_and_held_node_tells_both() -> None:
    node = resources.Node(name="pipelines/p/nodes/film", paused=True)
    node.problems.add(field="config.provider", description="is required")

    facts = facts_of_node(node)

    assert facts["problem"] == "config.provider: is required"
    assert facts["paused"] == "it is not started"


def test_attempt_tells_vendor_job_cost_and_what_it_waits_for() -> None:
    execution = resources.Execution(
        name="pipelines/p/nodes/film/executions/e",
        state=resources.EXECUTION_STATE_WAITING,
        waiting_for=resources.WAITING_FOR_VENDOR,
        vendor_job_id="job-7",
        cost_micros=1_250_000,
    )

    facts = dict(output.execution_facts(execution))

    assert facts["waits for"] == "vendor"
    assert (facts["vendor job"], facts["cost"]) == ("job-7", "1.25 USD")
    assert dict(output.execution_facts(resources.Execution()))["cost"] == ""


def test_held_pipeline_says_so() -> None:
    facts = dict(output.pipeline_facts(resources.Pipeline(name="pipelines/p", paused=True)))

    assert facts["paused"] == "nothing new is started"
