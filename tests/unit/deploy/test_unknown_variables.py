"""A variable that no program knows stops its start: exit code 2, and the name that was perhaps meant."""

from collections.abc import Callable

import pytest

from callback_gateway.__main__ import main as gateway
from executor_service.__main__ import main as executor
from pipeline_service.__main__ import main as pipeline


@pytest.mark.parametrize(
    ("start", "variable", "meant"),
    [
        (lambda: pipeline([]), "PIPELINE_NATS_REPLICA", "PIPELINE_NATS_REPLICAS"),
        (lambda: pipeline(["migrate"]), "PIPELINE_MIGRATE_EDIT_ROL", "PIPELINE_MIGRATE_EDIT_ROLE"),
        (executor, "EXECUTOR_SLOT", "EXECUTOR_SLOTS"),
        (lambda: gateway([]), "GATEWAY_DRAIN", "GATEWAY_DRAIN_S"),
        (lambda: gateway(["internal"]), "GATEWAY_INTERNAL_CALLER", "GATEWAY_INTERNAL_CALLERS"),
        (lambda: gateway(["internal"]), "GATEWAY_INTERNL_CALLERS", "GATEWAY_INTERNAL_CALLERS"),
        (lambda: gateway([]), "GATEWAY_INTERNAL_CALLER", "GATEWAY_INTERNAL_CALLERS"),
    ],
    ids=["pipeline", "migrate", "executor", "gateway", "internal", "internal-prefix", "gateway-for-internal"],
)
def test_unknown_variable_stops_the_start_with_the_nearest_name(
    start: Callable[[], int],
    variable: str,
    meant: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, "1")

    code = start()

    assert code == 2
    assert f"{variable}: no such setting; did you mean {meant}?" in capsys.readouterr().err
