"""Resource names, also in the short forms that people type."""

import re
from dataclasses import dataclass
from enum import StrEnum

from montage_cli.errors import MontageError, Status

_ID = r"[a-z0-9][a-z0-9-]{0,62}"
_UUID = r"[0-9a-f-]{36}"
_PIPELINE = rf"{_ID}(?:~draft)?"
"""Of a pipeline, or of the shadow that its drafts are made in."""
_FULL = re.compile(rf"pipelines/({_PIPELINE})(?:/nodes/({_ID})(?:/executions/({_UUID}))?|/runs/({_UUID}))?")
_SHORT = re.compile(rf"({_PIPELINE})(?:/({_ID}))?")


class Kind(StrEnum):
    """What a name names."""

    PIPELINE = "pipeline"
    NODE = "node"
    RUN = "run"
    EXECUTION = "execution"


class InvalidName(ValueError):
    """The text names nothing; the message says what is expected."""


@dataclass(frozen=True, kw_only=True)
class Name:
    """A pipeline, or one node or one run of it, or an execution of a node."""

    pipeline_id: str
    node_id: str | None = None
    run_id: str | None = None
    execution_id: str | None = None

    @property
    def kind(self) -> Kind:
        if self.execution_id is not None:
            return Kind.EXECUTION
        if self.run_id is not None:
            return Kind.RUN
        return Kind.PIPELINE if self.node_id is None else Kind.NODE

    @property
    def pipeline(self) -> str:
        """Resource name of the pipeline."""
        return f"pipelines/{self.pipeline_id}"

    @property
    def node(self) -> str | None:
        """Resource name of the node, if this names one or an execution of it."""
        return None if self.node_id is None else node_name(self.pipeline, self.node_id)

    @property
    def run(self) -> str | None:
        """Resource name of the run, if this names one."""
        return None if self.run_id is None else f"{self.pipeline}/runs/{self.run_id}"

    @property
    def execution(self) -> str | None:
        """Resource name of the execution, if this names one."""
        return None if self.execution_id is None else f"{self.node}/executions/{self.execution_id}"


def parse_name(text: str) -> Name:
    """Accept the full names of pipelines, nodes, runs and executions, and `x` and `x/y`. Raises InvalidName."""
    full = _FULL.fullmatch(text)
    if full:
        return Name(pipeline_id=full[1], node_id=full[2], execution_id=full[3], run_id=full[4])
    short = _SHORT.fullmatch(text)
    if short:
        return Name(pipeline_id=short[1], node_id=short[2])
    raise InvalidName(
        f"expected PIPELINE, PIPELINE/NODE or a resource name such as pipelines/x/nodes/y; an id has 1 to 63 of"
        f" a-z, 0-9 and '-', and begins with a letter or digit; found {text!r}"
    )


def node_name(pipeline: str, node_id: str) -> str:
    """Resource name of a node; `pipeline` is the resource name of its pipeline."""
    return f"{pipeline}/nodes/{node_id}"


def node_of(pipeline: str, text: str) -> str:
    """Resource name of a node of `pipeline` that may be given by its id alone. Raises MontageError."""
    try:
        name = parse_name(text) if "/" in text else Name(pipeline_id=last_id(pipeline), node_id=text)
    except InvalidName as err:
        raise MontageError(str(err), status=Status.INVALID_ARGUMENT) from err
    if name.node is None or name.pipeline != pipeline:
        raise MontageError(f"{text} is no node of {pipeline}", status=Status.INVALID_ARGUMENT)
    return name.node


def draft_of(pipeline: str) -> str:
    """Resource name of the shadow that the drafts of a pipeline are made in."""
    return f"{pipeline}~draft"


def is_of_draft(name: str) -> bool:
    """Whether a resource name is that of a shadow or of something in it."""
    return "~draft" in name


def last_id(name: str) -> str:
    """The id that a resource name ends with: `voice` of `pipelines/x/nodes/voice`."""
    return name.rsplit("/", 1)[-1]
