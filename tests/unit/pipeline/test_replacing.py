"""Copies of rows with other values: as the standard library makes them."""

import dataclasses
from uuid import UUID

import pytest

from pipeline_service.domain.ids import NodeUid, PipelineUid
from pipeline_service.domain.model import Node
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import NodeState

NODE = Node(uid=NodeUid(UUID(int=1)), pipeline_uid=PipelineUid(UUID(int=2)), state=NodeState.PENDING)


def test_row_with_other_values_is_what_the_standard_library_makes() -> None:
    before = dataclasses.replace(NODE)

    changed = replace(NODE, state=NodeState.FAILED, attempts=3)

    assert changed == dataclasses.replace(NODE, state=NodeState.FAILED, attempts=3)
    assert before == NODE
    with pytest.raises(dataclasses.FrozenInstanceError):
        changed.attempts = 4  # type: ignore[misc]  # what is tried


def test_field_that_the_row_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="Node has no field colour"):
        replace(NODE, colour="red")
