"""The template of the media function: the settings that correctness depends on, and no right too many."""

import importlib
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import yaml

from devstack.layout import MEDIA_FUNCTION
from devstack.secret_files import S3_ACTIONS
from pipeline_service.domain.node_types import build_catalogue
from tests.unit.deploy.manifests import ROOT
from tests.unit.deploy.settings import media_variables

TEMPLATE = ROOT / "deploy/lambda/template.yaml"


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short functions as a mapping."""


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    assert isinstance(node, yaml.ScalarNode)
    return {suffix: loader.construct_scalar(node)}


_Loader.add_multi_constructor("!", _function)


def resources() -> dict[str, Any]:
    loaded = yaml.load(TEMPLATE.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a subclass of the safe one
    return {name: found["Properties"] for name, found in loaded["Resources"].items()}


def actions(statements: list[dict[str, Any]]) -> set[str]:
    assert all(isinstance(one["Action"], str) and "*" not in one["Action"] for one in statements)
    return {one["Action"] for one in statements}


def test_function_runs_once_with_room_and_time_and_says_what_it_lost() -> None:
    function = resources()["MediaFunction"]

    assert function["FunctionName"] == MEDIA_FUNCTION
    assert (function["MemorySize"], function["Timeout"], function["EphemeralStorage"]) == (3008, 900, {"Size": 10240})
    retry = function["EventInvokeConfig"]
    assert retry["MaximumRetryAttempts"] == 0
    assert retry["DestinationConfig"]["OnFailure"] == {"Type": "SQS", "Destination": {"GetAtt": "Failed.Arn"}}


def test_event_does_not_wait_longer_than_an_execution_may_last() -> None:
    limits = [
        found.start_to_close.total_seconds()
        for found in build_catalogue().values()
        if "ffmpeg" in found.queues.values()
    ]

    assert limits
    assert resources()["MediaFunction"]["EventInvokeConfig"]["MaximumEventAgeInSeconds"] <= min(limits)


def test_function_may_read_and_write_its_keys_and_list_its_bucket_only() -> None:
    (policy,) = resources()["MediaFunction"]["Policies"]
    by_name = {one["Sid"]: one for one in policy["Statement"]}

    assert actions(policy["Statement"]) == {f"s3:{action}" for action in S3_ACTIONS["media"] or ()}
    assert by_name["WriteOutputs"]["Resource"] == {"Sub": "arn:${AWS::Partition}:s3:::${Bucket}/pipelines/*"}
    # With a condition a GET of a missing key, which names no prefix, would be refused again.
    assert by_name["TellMissingFromForbidden"].keys() == {"Sid", "Effect", "Action", "Resource"}


def test_callers_may_do_what_their_principals_may_in_devstack() -> None:
    found = resources()
    executor = actions(found["ExecutorPolicy"]["PolicyDocument"]["Statement"])
    pipeline = actions(found["PipelinePolicy"]["PolicyDocument"]["Statement"])
    removal = actions(found["RemovalPolicy"]["PolicyDocument"]["Statement"])

    assert executor == {f"s3:{action}" for action in S3_ACTIONS["executor"] or ()} | {"lambda:InvokeFunction"}
    # On AWS the bucket is there before the service.
    assert removal == {"s3:DeleteObject"}
    assert pipeline | removal == {f"s3:{action}" for action in S3_ACTIONS["pipeline"] or ()} - {"s3:CreateBucket"}


def test_variables_of_the_function_exist() -> None:
    assert resources()["MediaFunction"]["Environment"]["Variables"].keys() <= media_variables()


def test_image_starts_the_handler_that_exists() -> None:
    (command,) = re.findall(
        r'(?m)^CMD \["([a-z_.]+)"\]$', (ROOT / "deploy/lambda/Dockerfile").read_text(encoding="utf-8")
    )
    module, _, function = command.rpartition(".")

    assert callable(getattr(importlib.import_module(module), function))


def test_template_passes_cfn_lint() -> None:
    program = Path(sysconfig.get_path("scripts")) / "cfn-lint"

    checked = subprocess.run(
        [program, "--format", "parseable", TEMPLATE], capture_output=True, text=True, timeout=120, check=False
    )

    assert (checked.returncode, checked.stdout) == (0, "")
