"""Documents of every node type, drawn from the data of the types themselves, and edits of them."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from pipeline_service.domain.node_types import Field, FieldKind, NodeType, Slot, build_catalogue
from pipeline_service.domain.states import MediaType

CATALOGUE = build_catalogue(with_test_types=True)
UPLOADED = f"asset:sha256/{'5' * 64}.bin"
"""A file that is in the store before anything is imported."""

Raw = dict[str, Any]
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
LABELS = st.dictionaries(st.from_regex(r"[a-z][a-z0-9_-]{0,3}", fullmatch=True), st.sampled_from(["", "v1", "A.b"]))
JSON_VALUES = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def documents(draw: st.DrawFn) -> Raw:
    """A good document of 1 to 12 nodes; each takes its inputs from those before it."""
    nodes: list[Raw] = []
    for number in range(draw(st.integers(1, 12))):
        nodes.append(draw(nodes_after(nodes, f"n{number}")))
    named = {"uuid": str(draw(uuids()))} if draw(st.booleans()) else {"id": "film"}
    return {**named, "title": draw(TEXTS), "version": draw(TEXTS), "labels": draw(LABELS), "nodes": nodes}


@st.composite
def nodes_after(draw: st.DrawFn, before: list[Raw], name: str) -> Raw:
    """One more good node, of a type whose inputs are among the nodes before it."""
    possible = [one for one in CATALOGUE.values() if all(_can_fill(slot, before) for slot in one.slots.values())]
    node_type = draw(st.sampled_from(possible))
    node: Raw = {"id": name, "type": node_type.name, "title": draw(TEXTS), "labels": draw(LABELS)}
    if node_type.title_is_prompt:
        node["title"] += "!"
    if node_type.name == "asset":
        return node | {"asset": draw(assets())}
    return node | {"config": draw(configs(node_type)), "inputs": draw(inputs_among(before, node_type))}


def configs(node_type: NodeType) -> st.SearchStrategy[Raw]:
    """Good settings: what must be given, and some of what may be."""
    provider = next(iter(node_type.queues))
    drawn = {name: _values(field, provider) for name, field in node_type.fields.items()}
    fields = node_type.fields
    # What only some providers need is given to all, since any of them may be drawn.
    required = {name: values for name, values in drawn.items() if fields[name].required or fields[name].required_by}
    given = st.fixed_dictionaries(required, optional={name: drawn[name] for name in drawn.keys() - required})
    return given.flatmap(lambda config: _what_is_made(node_type, config.get("provider", "")).map(config.__or__))


@st.composite
def inputs_among(draw: st.DrawFn, before: list[Raw], node_type: NodeType) -> Raw:
    """Sources for every slot that needs them and for some that do not."""
    chosen: Raw = {}
    for name, slot in node_type.slots.items():
        fitting = _fitting(slot, before)
        if fitting:
            least, most = slot.min_count, min(slot.max_count, 3)
            chosen[name] = draw(st.lists(st.sampled_from(fitting), min_size=least, max_size=most))
    return chosen


def assets() -> st.SearchStrategy[Raw]:
    kinds = st.sampled_from([kind.value for kind in MediaType])
    return st.one_of(
        st.fixed_dictionaries({"type": st.just("text"), "content": TEXTS.map(lambda text: f"{text}.")}),
        st.fixed_dictionaries({"type": st.just("json"), "content": JSON_VALUES}),
        st.fixed_dictionaries({"type": kinds, "source": st.just(UPLOADED)}),
        st.fixed_dictionaries({"type": kinds, "source": st.just("https://media.example.com/a/b.bin?c=%20d")}),
    )


def uuids() -> st.SearchStrategy[UUID]:
    return st.uuids(version=4)


def made_by(node: Mapping[str, Any]) -> MediaType:
    node_type = CATALOGUE[node["type"]]
    told = node.get("config", {}).get(node_type.makes_field) if node_type.makes_field else None
    return MediaType(told or node_type.makes or node["asset"]["type"])


def _fitting(slot: Slot, before: list[Raw]) -> list[str]:
    return [node["id"] for node in before if made_by(node) in slot.accepts]


def _can_fill(slot: Slot, before: list[Raw]) -> bool:
    return not slot.min_count or bool(_fitting(slot, before))


def _values(field: Field, provider: str) -> st.SearchStrategy[Any]:
    choices = field.allowed or field.allowed_by_provider.get(provider, ())
    if choices:
        return st.sampled_from(choices)
    step, least, most = field.multiple_of or 1, field.minimum or 0, field.maximum or 1000
    match field.kind:
        case FieldKind.BOOLEAN:
            return st.booleans()
        case FieldKind.INTEGER:
            return st.integers(int(least) // step, int(most) // step).map(lambda number: number * step)
        case FieldKind.NUMBER:
            return st.floats(least, most) | st.integers(int(-(-least // 1)), int(most))
        case FieldKind.OBJECT:
            return st.dictionaries(TEXTS, JSON_VALUES, max_size=3)
        case FieldKind.STRING:
            return st.from_regex(re.compile(field.pattern, re.ASCII), fullmatch=True) if field.pattern else TEXTS


def _what_is_made(node_type: NodeType, provider: str) -> st.SearchStrategy[Raw]:
    """Settings that a vendor takes which does not make everything, with a picture and without one."""
    if provider in node_type.screens:
        sizes = st.sampled_from(node_type.screens[provider].sizes())
        return sizes.map(lambda size: {"width": size[0], "height": size[1]})
    if provider not in node_type.animators:
        return st.just({})
    return st.one_of(
        st.fixed_dictionaries(
            {
                "model": st.just(name),
                "duration": st.sampled_from(model.seconds),
                "aspectRatio": st.sampled_from(model.shapes_without_picture),
            }
        )
        for name, model in node_type.animators[provider].models.items()
        if model.shapes_without_picture
    )
