"""Other people's gRPC tools against a running stack, from a shell that knows nothing but dev.env."""

import base64
import importlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.rpc.error_details_pb2 import ErrorInfo

from devstack.dev import env_file
from devstack.layout import repository_root
from devstack.stack import StackOptions
from tests.stacks import running_stack

BUF = repository_root() / ".venv" / "bin" / "buf"
STUBS = repository_root() / "protos" / "gen" / "montage" / "v1"
SCHEMA = repository_root() / "protos" / "baseline.binpb"
PROCESSES = ("postgres", "nats", "s3", "migrate", "pipeline")
WITH_CERTIFICATE = '--cacert "$MONTAGE_CA_CERT" --cert "$MONTAGE_CLIENT_CERT" --key "$MONTAGE_CLIENT_KEY"'
WITHOUT_CERTIFICATE = '--cacert "$MONTAGE_CA_CERT"'
NOT_FOUND = 5
HUNG_UP = {"unavailable", "canceled"}
"""Whether the client was still writing when the connection was closed decides which of the two it says."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that ended; buf ends with the gRPC code times eight."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def dev_env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The variables of a running pipeline service, as bin/dev writes them."""
    with running_stack(StackOptions(processes=PROCESSES)) as stack:
        path = tmp_path_factory.mktemp("shell") / "dev.env"
        path.write_text(env_file(stack.env_for_client()))
        yield path


def buf_curl(dev_env: Path, arguments: str) -> Ended:
    """What somebody would type into another shell."""
    ended = subprocess.run(
        ["bash", "-euc", f'source "$1"; "$0" curl --protocol grpc {arguments}', str(BUF), str(dev_env)],
        env={"PATH": "/usr/bin:/bin", "HOME": str(dev_env.parent)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return Ended(code=ended.returncode, out=ended.stdout, err=ended.stderr)


def methods_of_the_contract() -> set[str]:
    modules = [importlib.import_module(f"montage.v1.{path.stem}") for path in STUBS.glob("*_service_pb2.py")]
    return {
        f"{service.full_name}/{method.name}"
        for module in modules
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


def assert_hung_up(ended: Ended) -> None:
    """The server ended the connection before there was an answer of any kind."""
    assert ended.code != 0
    assert ended.out == ""
    error = json.loads(ended.err)
    assert error["code"] in HUNG_UP
    assert "details" not in error


def details_of(error: dict[str, Any], kind: str) -> list[bytes]:
    """The details of one type; Connect leaves the padding of base64 out."""
    return [base64.b64decode(one["value"] + "==") for one in error["details"] if one["type"] == kind]


def test_list_pipelines_from_another_shell_answers_an_empty_page(dev_env: Path) -> None:
    ended = buf_curl(
        dev_env, f'{WITH_CERTIFICATE} "https://$MONTAGE_PIPELINE_ADDR/montage.v1.PipelineService/ListPipelines"'
    )

    assert ended.code == 0, ended.err
    assert json.loads(ended.out) == {}


def test_created_pipeline_is_listed(dev_env: Path) -> None:
    service = "https://$MONTAGE_PIPELINE_ADDR/montage.v1.PipelineService"
    data = '{"pipeline": {"title": "By hand"}, "pipelineId": "by-hand"}'

    created = buf_curl(dev_env, f"{WITH_CERTIFICATE} -d '{data}' \"{service}/CreatePipeline\"")
    listed = buf_curl(dev_env, f'{WITH_CERTIFICATE} "{service}/ListPipelines"')

    assert (created.code, listed.code) == (0, 0), created.err + listed.err
    assert [(one["name"], one["title"]) for one in json.loads(listed.out)["pipelines"]] == [
        ("pipelines/by-hand", "By hand")
    ]


def test_reflection_lists_every_method_of_the_contract_and_health(dev_env: Path) -> None:
    ended = buf_curl(dev_env, f'{WITH_CERTIFICATE} --list-methods "https://$MONTAGE_PIPELINE_ADDR"')

    assert ended.code == 0, ended.err
    listed = set(ended.out.split())
    contract = methods_of_the_contract()
    assert {"montage.v1.PipelineService/RunPipeline", "montage.v1.CallbackService/ReportExternals"} < contract
    assert {name for name in listed if name.startswith("montage.")} == contract
    assert "grpc.health.v1.Health/Check" in listed


def test_health_says_serving(dev_env: Path) -> None:
    ended = buf_curl(dev_env, f'{WITH_CERTIFICATE} "https://$MONTAGE_PIPELINE_ADDR/grpc.health.v1.Health/Check"')

    assert ended.code == 0, ended.err
    assert json.loads(ended.out) == {"status": "SERVING"}


def test_unknown_pipeline_is_not_found_with_a_reason(dev_env: Path) -> None:
    ended = buf_curl(
        dev_env,
        f'{WITH_CERTIFICATE} -d \'{{"name": "pipelines/nobody"}}\' '
        '"https://$MONTAGE_PIPELINE_ADDR/montage.v1.PipelineService/GetPipeline"',
    )

    assert ended.code == NOT_FOUND * 8, ended.err
    error = json.loads(ended.err)
    assert error["code"] == "not_found"
    assert "pipelines/nobody" in error["message"]
    [info] = [ErrorInfo.FromString(value) for value in details_of(error, "google.rpc.ErrorInfo")]
    assert (info.domain, info.reason) == ("montage", "PIPELINE_NOT_FOUND")


def test_call_without_certificate_is_not_admitted(dev_env: Path) -> None:
    # With the schema at hand the call itself is made, and not only the question what there is to call.
    call = f'--schema "{SCHEMA}" "https://$MONTAGE_PIPELINE_ADDR/montage.v1.PipelineService/ListPipelines"'

    without = buf_curl(dev_env, f"{WITHOUT_CERTIFICATE} {call}")
    admitted = buf_curl(dev_env, f"{WITH_CERTIFICATE} {call}")

    assert_hung_up(without)
    assert admitted.code == 0, admitted.err


def test_reflection_without_certificate_tells_nothing(dev_env: Path) -> None:
    ended = buf_curl(dev_env, f'{WITHOUT_CERTIFICATE} --list-methods "https://$MONTAGE_PIPELINE_ADDR"')

    assert ended.code != 0
    assert "montage." not in ended.out


def test_plaintext_is_not_answered(dev_env: Path) -> None:
    ended = buf_curl(
        dev_env, f'--schema "{SCHEMA}" "http://$MONTAGE_PIPELINE_ADDR/montage.v1.PipelineService/ListPipelines"'
    )

    assert_hung_up(ended)
