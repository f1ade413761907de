"""`montage plan`, `execute`, `retry`, `cancel`, `pause`, `resume` and `approve` as processes."""

from montage.v1 import node_service_pb2 as node_api
from montage.v1 import resources_pb2 as resources

from tests.integration.cli.fake_changes import DIGEST
from tests.integration.cli.fake_service import RUN_ID, FakeService
from tests.integration.cli.process import Montage

WELCOME = "pipelines/welcome"


async def test_plan_shows_action_time_and_reason_of_each_node_and_the_digest_to_run_by(
    montage: Montage, service: FakeService
) -> None:
    service.given_pipeline("welcome", *((word, "noop", ()) for word in ("a", "b", "c", "d")))

    table = await montage("plan", "welcome", "--node", "a", "--node", "welcome/b", "--force")
    digest = await montage("plan", "welcome", "-o", "name")
    as_json = await montage("plan", "welcome", "-o", "json")

    lines = [line.split(maxsplit=3) for line in table.stdout.splitlines()]
    assert lines[:-1] == [
        ["NODE", "ACTION", "TIME", "REASON"],
        ["a", "KEEP", "-", "why keep"],
        ["b", "REUSE", "-", "why euse"],
        ["c", "RUN", "-", "why _run"],
        ["d", "MAYBE", "3.0", "s  why aybe"],
    ]
    assert table.stdout.splitlines()[-1] == (
        f"in all about 12.3 s; do exactly this with: montage run welcome --plan {DIGEST}"
    )
    request = service.decided[0][1]
    assert (list(request.targets), request.force) == ([f"{WELCOME}/nodes/a", f"{WELCOME}/nodes/b"], True)
    assert digest.stdout == f"{DIGEST}\n"
    assert as_json.json["nodes"][2]["action"] == "PLAN_ACTION_RUN"


async def test_plan_that_no_run_can_do_tells_what_blocks_it(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome", *((word, "noop", ()) for word in ("a", "b", "c", "d", "e")))

    table = await montage("plan", "welcome")

    assert table.stdout.splitlines()[-1] == "a run would be refused: e is blocked (why cked)"
    assert DIGEST not in table.stdout


async def test_run_carries_plan_priority_and_nodes(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome", ("film", "noop", ()))

    ended = await montage("run", "welcome", "--plan", DIGEST, "--priority", "-7", "--node", "film")

    assert ended.code == 0
    request = service.run_requests[0]
    assert (request.plan_digest, request.priority, list(request.targets)) == (DIGEST, -7, [f"{WELCOME}/nodes/film"])


async def test_each_decision_reaches_what_was_named(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome", ("film", "noop", ()))
    service.pipelines[WELCOME].paused = True
    run = f"{WELCOME}/runs/{RUN_ID}"

    answers = [
        await montage(*arguments)
        for arguments in (
            ("execute", "welcome/film", "--force"),
            ("retry", "welcome/film"),
            ("cancel", "welcome/film"),
            ("cancel", run),
            ("pause", f"{WELCOME}/nodes/film"),
            ("resume", "welcome"),
            ("approve", "welcome/film", "--reject", "--message", "too loud", "-o", "name"),
        )
    ]

    assert [(one.code, one.stderr) for one in answers] == [(0, "")] * 7
    assert [one.stdout for one in answers] == [
        f"{WELCOME}/nodes/film/executions/1: queued\n",
        f"{WELCOME}/nodes/film: pending\n",
        f"cancelled {WELCOME}/nodes/film\n",
        f"cancelled {run}\n",
        f"paused {WELCOME}/nodes/film\n",
        f"resumed {WELCOME}\n",
        f"{WELCOME}/nodes/film\n",
    ]
    names = [(method, request.name) for method, request in service.decided]
    assert names == [
        ("ExecuteNode", f"{WELCOME}/nodes/film"),
        ("RetryNode", f"{WELCOME}/nodes/film"),
        ("CancelNode", f"{WELCOME}/nodes/film"),
        ("CancelRun", run),
        ("PauseNode", f"{WELCOME}/nodes/film"),
        ("ResumePipeline", WELCOME),
        ("ApproveNode", f"{WELCOME}/nodes/film"),
    ]
    assert service.decided[0][1].force
    approval = service.decided[-1][1]
    assert (approval.approval, approval.message) == (node_api.APPROVAL_REJECTED, "too loud")


async def test_what_changes_nothing_says_so(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome", ("film", "noop", ()))
    idle = await montage("cancel", "welcome")
    resumed = await montage("resume", "welcome")
    service.nodes[WELCOME][0].paused = True
    paused = await montage("pause", "welcome/film")
    service.pipelines[WELCOME].node_state_counts.add(state=resources.NODE_STATE_IN_PROGRESS, count=1)
    busy = await montage("cancel", "welcome")

    assert [one.code for one in (idle, resumed, paused, busy)] == [0, 0, 0, 0]
    assert idle.stdout == f"nothing of {WELCOME} was running\n"
    assert resumed.stdout == f"{WELCOME} was not paused\n"
    assert paused.stdout == f"{WELCOME}/nodes/film was paused already\n"
    assert busy.stdout == f"cancelled {WELCOME}\n"


async def test_execute_of_a_current_node_names_the_option(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome", ("film", "noop", ()))
    service.nodes[WELCOME][0].is_current = True

    ended = await montage("execute", "welcome/film")

    assert ended.code == 3
    assert ended.stderr == (
        f"error: {WELCOME}/nodes/film is current\nhint: 'montage execute welcome/film --force' makes it again\n"
    )


async def test_run_of_invalid_nodes_tells_their_problems_in_the_order_of_the_document(
    montage: Montage, service: FakeService
) -> None:
    service.given_pipeline("welcome", ("voice", "noop", ()), ("film", "noop", ("voice",)), ("other", "noop", ()))
    service.nodes[WELCOME][0].problems.add(field="config.provider", description="is required")
    service.nodes[WELCOME][1].problems.add(field="inputs.in", description="takes video")
    service.nodes[WELCOME][2].problems.add(field="config.provider", description="is required")

    ended = await montage("run", "welcome", "--node", "film")

    assert ended.code == 3
    assert ended.stderr.splitlines()[1:] == [
        "  voice: config.provider: is required",
        "  film: inputs.in: takes video",
        "hint: 'montage edit welcome' opens the document, 'montage plan welcome' tells more",
    ]


async def test_plan_of_what_is_current_says_that_there_is_nothing_to_do(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome", ("film", "noop", ()))

    table = await montage("plan", "welcome")

    assert table.stdout.splitlines()[-1] == "nothing to do, everything is current"


async def test_what_the_service_does_not_do_is_refused_in_its_words(montage: Montage, service: FakeService) -> None:
    service.given_pipeline("welcome")

    # The fake leaves this one out, as an older service would.
    ended = await montage("pause", "welcome", "-o", "json")

    assert (ended.code, ended.stderr) == (3, "")
    assert ended.json["error"]["status"] == "UNIMPLEMENTED"
