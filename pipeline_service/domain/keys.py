"""Where things lie in the object store."""

import re

from pipeline_service.domain.ids import Claim, ExecutionId, NodeUid, Owner, PipelineUid

MANIFEST = "result.json"
CONTACT_SHEET = re.compile(r"[a-z0-9_]{1,64}\.jpg")
"""What the name of an output's contact sheet may be."""


def execution_prefix(pipeline: PipelineUid, node: NodeUid, execution: ExecutionId) -> str:
    """Everything that an execution's claims write begins with this."""
    return f"pipelines/{pipeline}/nodes/{node}/executions/{execution}/"


def artifact_prefix(pipeline: PipelineUid, node: NodeUid, execution: ExecutionId, claim: Claim) -> str:
    """Everything that one claim writes begins with this."""
    return f"{execution_prefix(pipeline, node, execution)}{claim}/"


def beside(key: str, name: str) -> str:
    """The object `name` in the folder of `key`."""
    return key.rpartition("/")[0] + "/" + name


def content_key(prefix: str, *, sha256: str, extension: str) -> str:
    """Where a result lies that came as text. Named by its bytes: the same report again writes the same object."""
    return f"{prefix}{sha256}.{extension}"


def asset_key(owner: Owner, sha256: str, extension: str) -> str:
    """Where the bytes of an asset lie; the same bytes of one owner lie there once."""
    return f"assets/{owner}/sha256/{sha256}.{extension}"
