"""The Invoke API as boto3 meets it."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.lambda_endpoint.endpoints import (
    ACCESS_KEY,
    OTHER_ACCESS_KEY,
    OTHER_SECRET_KEY,
    SECRET_KEY,
    OurEndpoint,
    lambda_client,
)

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


def call(client: "LambdaClient", function: str, event: object) -> dict[str, Any]:
    """Run a function and wait for its answer."""
    answer = client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    return found


def refusal(client: "LambdaClient", **arguments: Any) -> tuple[int, str]:
    """Status and error name of a refused call."""
    with pytest.raises(ClientError) as caught:
        client.invoke(**arguments)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_invoke_as_event_answers_202(any_client: "LambdaClient") -> None:
    answer = any_client.invoke(FunctionName="echo", InvocationType="Event", Payload=b"{}")

    assert answer["StatusCode"] == 202
    assert "FunctionError" not in answer


def test_invoke_as_request_answers_200_with_a_payload(any_client: "LambdaClient") -> None:
    answer = any_client.invoke(FunctionName="echo", InvocationType="RequestResponse", Payload=b"{}")

    assert answer["StatusCode"] == 200
    assert answer["Payload"].read()


def test_invoke_as_dry_run_answers_204(any_client: "LambdaClient") -> None:
    answer = any_client.invoke(FunctionName="echo", InvocationType="DryRun", Payload=b"{}")

    assert answer["StatusCode"] == 204


def test_invoke_as_event_answers_no_body(client: "LambdaClient") -> None:
    answer = client.invoke(FunctionName="echo", InvocationType="Event", Payload=b'{"a": 1}')

    assert answer["Payload"].read() == b""


def test_invoke_runs_the_handler_in_a_child_with_only_the_given_environment(
    shared: OurEndpoint, client: "LambdaClient"
) -> None:
    found = call(client, "echo", {"film": "welcome"})

    assert found["event"] == {"film": "welcome"}
    assert found["parent"] == shared.pid
    assert found["environment"]["MEDIA_WORK_DIR"] == "/nowhere"
    assert {name for name in found["environment"] if not name.startswith("AWS_LAMBDA_")} <= {
        *("MEDIA_WORK_DIR", "_HANDLER", "LC_CTYPE", "__CF_USER_TEXT_ENCODING"),
    }
    assert 0 < found["remaining_ms"] <= 900_000


def test_invoke_again_reuses_the_warm_process(client: "LambdaClient") -> None:
    pids = {call(client, "echo", {})["pid"] for _ in range(6)}

    assert len(pids) <= 2


@pytest.mark.parametrize(
    "name",
    ["echo:$LATEST", "000000000000:function:echo", "arn:aws:lambda:us-east-1:000000000000:function:echo"],
)
def test_invoke_by_other_names_of_the_function_finds_it(client: "LambdaClient", name: str) -> None:
    assert call(client, name, 7)["event"] == 7


def test_invoke_with_qualifier_is_signed_and_found(client: "LambdaClient") -> None:
    answer = client.invoke(FunctionName="echo", Qualifier="$LATEST", InvocationType="DryRun")

    assert answer["StatusCode"] == 204


def test_invoke_of_a_raising_handler_answers_its_error(shared: OurEndpoint, client: "LambdaClient") -> None:
    answer = client.invoke(FunctionName="fail", Payload=json.dumps({"file": str(shared.folder / "runs")}).encode())

    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    body = json.loads(answer["Payload"].read())
    assert (body["errorType"], body["errorMessage"]) == ("RuntimeError", "it went wrong")


def test_invoke_of_a_handler_that_ends_its_process_answers_an_error_and_goes_on(client: "LambdaClient") -> None:
    answer = client.invoke(FunctionName="leave", Payload=b"{}")

    assert json.loads(answer["Payload"].read())["errorType"] == "Runtime.ExitError"
    assert call(client, "echo", 1)["event"] == 1


def test_invoke_of_unknown_function_is_404(client: "LambdaClient") -> None:
    found = refusal(client, FunctionName="none", InvocationType="Event", Payload=b"{}")

    assert found == (404, "ResourceNotFoundException")


def test_invoke_with_event_over_a_mebibyte_is_413_and_at_the_limit_202(client: "LambdaClient") -> None:
    at_limit = b'"' + b"x" * (1024 * 1024 - 2) + b'"'

    assert client.invoke(FunctionName="echo", InvocationType="Event", Payload=at_limit)["StatusCode"] == 202
    found = refusal(client, FunctionName="echo", InvocationType="Event", Payload=at_limit + b" ")
    assert found == (413, "RequestTooLargeException")


def test_invoke_with_request_over_six_mebibytes_is_413(client: "LambdaClient") -> None:
    found = refusal(client, FunctionName="echo", Payload=b'"' + b"x" * 6 * 1024 * 1024 + b'"')

    assert found == (413, "RequestTooLargeException")


def test_invoke_with_payload_that_is_no_json_is_400(shared: OurEndpoint, client: "LambdaClient") -> None:
    before = len(shared.log)

    found = refusal(client, FunctionName="echo", InvocationType="Event", Payload=b"{")

    assert found == (400, "InvalidRequestContentException")
    assert "event_accepted" not in shared.log[before:]


@pytest.mark.parametrize(
    ("access_key", "secret_key", "error"),
    [
        (ACCESS_KEY, "wrong", "InvalidSignatureException"),
        ("AKNOBODY", SECRET_KEY, "UnrecognizedClientException"),
        (OTHER_ACCESS_KEY, OTHER_SECRET_KEY, "AccessDeniedException"),
    ],
    ids=["wrong secret", "unknown key", "not allowed"],
)
def test_invoke_by_a_stranger_is_403_and_runs_nothing(
    shared: OurEndpoint, access_key: str, secret_key: str, error: str
) -> None:
    before = len(shared.log)

    with lambda_client(shared.url, access_key=access_key, secret_key=secret_key) as stranger:
        found = refusal(stranger, FunctionName="echo", InvocationType="Event", Payload=b"{}")

    assert found == (403, error)
    assert "event_accepted" not in shared.log[before:]


def test_invoke_without_signature_is_403(shared: OurEndpoint) -> None:
    url = f"{shared.url}/2015-03-31/functions/echo/invocations"

    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url, data=b"{}", method="POST"))

    with caught.value as answer:
        assert answer.code == 403
        assert answer.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"


def test_invoke_with_changed_body_or_invocation_type_is_403(shared: OurEndpoint, client: "LambdaClient") -> None:
    signed: list[Any] = []
    client.meta.events.register("before-send.lambda.Invoke", lambda request, **_: signed.append(request))
    client.invoke(FunctionName="echo", InvocationType="DryRun", Payload=b'{"a": 1}')
    headers = {name: value if isinstance(value, str) else value.decode() for name, value in signed[0].headers.items()}

    for change, body in (({}, b'{"a": 2}'), ({"X-Amz-Invocation-Type": "Event"}, b'{"a": 1}')):
        request = urllib.request.Request(signed[0].url, data=body, headers=headers | change, method="POST")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        with caught.value as answer:
            assert answer.code == 403
            assert answer.headers["x-amzn-errortype"] == "InvalidSignatureException"


def test_function_with_an_environment_of_its_own_sees_no_other(stopped: OurEndpoint, tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"ONLY": "this"}))
    handler = "tests.contract.lambda_endpoint.functions:echo"
    endpoint = stopped.start(f"--function=theirs={handler}", f"--environment-file=theirs={own}")

    with lambda_client(endpoint.url, access_key=ACCESS_KEY, secret_key=SECRET_KEY) as client:
        ours, theirs = (call(client, name, {})["environment"] for name in ("echo", "theirs"))

    assert ours["MEDIA_WORK_DIR"] == "/nowhere"
    assert theirs["ONLY"] == "this"
    assert "MEDIA_WORK_DIR" not in theirs
