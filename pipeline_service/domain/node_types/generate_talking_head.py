"""An avatar that speaks."""

from datetime import timedelta

from pipeline_service.domain.ids import TaskQueue
from pipeline_service.domain.node_types.base import (
    LOCAL,
    Field,
    FieldKind,
    NodeType,
    Slot,
    provider_field,
    side_field,
)
from pipeline_service.domain.node_types.vendor_makes import SCREENS
from pipeline_service.domain.states import MediaType

_QUEUES = {**LOCAL, "heygen": TaskQueue("heygen")}
_AVATARS = ("rowan", "juniper", "maple", "linden")

TALKING_HEAD = NodeType(
    name="generate-talking-head",
    description="Lets an avatar speak an audio track.",
    makes=MediaType.VIDEO,
    slots={
        "audio": Slot(accepts=(MediaType.AUDIO,), min_count=1, description="What the avatar speaks."),
        "background": Slot(accepts=(MediaType.IMAGE,), description="Picture behind the avatar."),
    },
    fields={
        "provider": provider_field(_QUEUES),
        "avatarId": Field(
            kind=FieldKind.STRING,
            required=True,
            allowed_by_provider={"local": _AVATARS},
            description="The vendor's name of the avatar.",
        ),
        "width": side_field("width", 1280),
        "height": side_field("height", 720),
    },
    queues=_QUEUES,
    paid=frozenset({"heygen"}),
    start_to_close=timedelta(minutes=60),
    screens=SCREENS,
)
