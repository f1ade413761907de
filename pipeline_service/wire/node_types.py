"""Node types, so that an editor can draw its forms."""

from montage.v1 import node_type_pb2

from pipeline_service.domain.node_types import Field, NodeType, Slot
from pipeline_service.wire.values import media_type_number, struct


def node_type_message(node_type: NodeType) -> node_type_pb2.NodeType:
    message = node_type_pb2.NodeType(
        name=f"nodeTypes/{node_type.name}",
        description=node_type.description,
        makes=media_type_number(node_type.makes),
        slots=[_slot(name, slot) for name, slot in node_type.slots.items()],
        config_fields=[_field(name, field) for name, field in node_type.fields.items()],
        revision=node_type.revision,
        max_attempts=node_type.retry.max_attempts,
    )
    message.start_to_close.FromTimedelta(node_type.start_to_close)
    return message


def _slot(name: str, slot: Slot) -> node_type_pb2.Slot:
    return node_type_pb2.Slot(
        name=name,
        description=slot.description,
        accepts=[media_type_number(kind) for kind in slot.accepts],
        min_count=slot.min_count,
        max_count=slot.max_count,
    )


def _field(name: str, field: Field) -> node_type_pb2.ConfigField:
    return node_type_pb2.ConfigField(
        name=name,
        description=field.description,
        kind=f"CONFIG_FIELD_KIND_{field.kind.upper()}",
        required=field.required,
        allowed_values=field.allowed,
        minimum=field.minimum,
        maximum=field.maximum,
        default_value=struct({"default": field.default}).fields["default"] if field.default is not None else None,
        affects_output=field.affects_output,
        values_by_provider=[
            node_type_pb2.ProviderValues(provider=provider, values=values)
            for provider, values in field.allowed_by_provider.items()
        ],
        refused_values=[node_type_pb2.RefusedValue(value=value, reason=why) for value, why in field.refused.items()],
        multiple_of=field.multiple_of,
        max_length=field.max_length,
        pattern=field.pattern,
    )
