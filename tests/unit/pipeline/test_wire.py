"""Messages of the contract and what the domain makes of them."""

from typing import Any

import pytest
from google.protobuf import struct_pb2
from montage.v1 import node_type_pb2, resources_pb2

from pipeline_service.domain.ids import PipelineId
from pipeline_service.domain.node_types import NodeType, build_catalogue
from pipeline_service.wire.edits import node_parts
from pipeline_service.wire.node_types import node_type_message
from pipeline_service.wire.values import Incomplete, json_object

CATALOGUE = build_catalogue(with_test_types=True)
FILM = PipelineId("film")


def asset_parts(kind: "resources_pb2.MediaType", content: str) -> Any:
    node = resources_pb2.Node(asset=resources_pb2.Asset(type=kind, content=content))
    return node_parts(node, FILM, fields=["asset"])["asset"]


@pytest.mark.parametrize(
    ("content", "value"),
    [('{"code": "x", "duration": 2.0}', {"code": "x", "duration": 2}), ("[1.5]", [1.5]), ('"a"', "a"), ("null", None)],
)
def test_json_given_in_place_is_the_value_that_a_document_would_hold(content: str, value: object) -> None:
    assert asset_parts(resources_pb2.MEDIA_TYPE_JSON, content) == {"type": "json", "content": value}


def test_text_given_in_place_stays_as_it_is() -> None:
    assert asset_parts(resources_pb2.MEDIA_TYPE_TEXT, '{"a": 1}') == {"type": "text", "content": '{"a": 1}'}


def test_asset_that_is_named_and_not_given_is_none() -> None:
    assert node_parts(resources_pb2.Node(), FILM, fields=["asset"]) == {"asset": None}
    assert node_parts(resources_pb2.Node(), FILM, fields=["title"]) == {"title": ""}


@pytest.mark.parametrize("content", ["{", '{"a": 1, "a": 2}', "1, 2", "NaN", "[" * 5000, '{"a": 1e999}'])
def test_content_that_is_no_json_is_refused_with_its_field(content: str) -> None:
    with pytest.raises(Incomplete) as refused:
        asset_parts(resources_pb2.MEDIA_TYPE_JSON, content)

    assert refused.value.field.startswith("node.asset")


@pytest.mark.parametrize("node_type", CATALOGUE.values(), ids=lambda node_type: node_type.name)
def test_node_type_is_told_whole(node_type: NodeType) -> None:
    message = node_type_message(node_type)

    assert [slot.name for slot in message.slots] == list(node_type.slots)
    told = {field.name: field for field in message.config_fields}
    assert list(told) == list(node_type.fields)
    for name, field in node_type.fields.items():
        one = told[name]
        by_provider = {values.provider: tuple(values.values) for values in one.values_by_provider}
        assert tuple(one.allowed_values) == field.allowed
        assert by_provider == field.allowed_by_provider
        assert {refused.value: refused.reason for refused in one.refused_values} == field.refused
        assert (one.required, one.affects_output) == (field.required, field.affects_output)
        for number in ("minimum", "maximum", "multiple_of", "max_length"):
            assert (getattr(one, number) if one.HasField(number) else None) == getattr(field, number), (name, number)
        assert one.HasField("default_value") == (field.default is not None)


def test_media_that_a_slot_takes_are_told() -> None:
    render = node_type_message(CATALOGUE["render-code"])

    assert [slot.accepts for slot in render.slots] == [[resources_pb2.MEDIA_TYPE_JSON, resources_pb2.MEDIA_TYPE_TEXT]]
    assert render.makes == resources_pb2.MEDIA_TYPE_VIDEO
    assert isinstance(render, node_type_pb2.NodeType)


@pytest.mark.parametrize("number", [2**53, -(2**53)])
def test_largest_whole_numbers_come_back_as_they_were_typed(number: int) -> None:
    message = struct_pb2.Struct()
    message.update({"seed": number})

    found = json_object(message, field="config")["seed"]

    assert (found, type(found)) == (number, int)
