"""What `--set KEY=VALUE` means: the title, a label (`labels.team`), or a config field, read as the node's type says."""

import json
from collections.abc import Mapping, MutableMapping, Sequence

from google.protobuf import json_format, struct_pb2
from montage.v1 import node_type_pb2, resources_pb2

from montage_cli.client import MontageClient
from montage_cli.errors import MontageError, Status
from montage_cli.names import last_id

TITLE = "title"
_LABEL = "labels."
_KINDS: Mapping[int | None, str] = {
    node_type_pb2.CONFIG_FIELD_KIND_INTEGER: "a whole number",
    node_type_pb2.CONFIG_FIELD_KIND_NUMBER: "a number",
    node_type_pb2.CONFIG_FIELD_KIND_BOOLEAN: "true or false",
    node_type_pb2.CONFIG_FIELD_KIND_OBJECT: "a JSON object",
}


async def apply_settings(
    client: MontageClient, node: resources_pb2.Node, given: Mapping[str, str], unset: Sequence[str] = ()
) -> list[str]:
    """Change `node` in place; answers the fields of the contract that changed, for an update mask.

    A text field takes the value as it is typed; the others take JSON (`2`, `true`). Raises MontageError, as does an
    unknown type; an unknown field is left to the service, which knows what may have been meant.
    """
    changed = []
    if TITLE in given:
        node.title = given[TITLE]
        changed.append(TITLE)
    if change_labels(node.labels, given, unset):
        changed.append("labels")
    fields = {key: value for key, value in given.items() if key != TITLE and not is_label(key)}
    unset = [key for key in unset if not is_label(key)]
    if fields or unset:
        kinds = await _kinds(client, node.type)
        config = json_format.MessageToDict(node.config)
        # A node that is still to be made has no name.
        whose = last_id(node.name) or node.type
        config |= {key: _value(text, kinds.get(key), f"{whose}: config.{key}") for key, text in fields.items()}
        missing = [key for key in unset if key not in config]
        if missing:
            raise _nothing_to_unset(missing[0])
        kept = {key: value for key, value in config.items() if key not in unset}
        node.config.CopyFrom(json_format.ParseDict(kept, struct_pb2.Struct()))
        changed.append("config")
    return changed


def is_label(key: str) -> bool:
    """Whether this names a label, as filters do: `labels.team`."""
    return key.startswith(_LABEL)


def change_labels(labels: MutableMapping[str, str], given: Mapping[str, str], unset: Sequence[str]) -> bool:
    """Change `labels` in place by those of the keys that name labels; whether there were any. Raises MontageError."""
    wanted = {key.removeprefix(_LABEL): value for key, value in given.items() if is_label(key)}
    unwanted = [key.removeprefix(_LABEL) for key in unset if is_label(key)]
    for key in unwanted:
        if key not in labels:
            raise _nothing_to_unset(f"{_LABEL}{key}")
        del labels[key]
    labels.update(wanted)
    return bool(wanted or unwanted)


def labels_told(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels by the keys that `--set` takes."""
    return {f"{_LABEL}{key}": value for key, value in labels.items()}


def _nothing_to_unset(key: str) -> MontageError:
    return MontageError(f"'{key}' is not set; nothing to unset", status=Status.INVALID_ARGUMENT)


async def _kinds(client: MontageClient, node_type: str) -> Mapping[str, int]:
    found = await client.get_node_type(f"nodeTypes/{node_type}")
    return {field.name: field.kind for field in found.config_fields}


def _value(text: str, kind: int | None, place: str) -> object:
    if kind == node_type_pb2.CONFIG_FIELD_KIND_STRING:
        return text
    try:
        return json.loads(text)
    except ValueError as err:
        if kind is None:
            return text
        message = f"{place}: expected {_KINDS.get(kind, 'JSON')}, found '{text}'"
        raise MontageError(message, status=Status.INVALID_ARGUMENT) from err
