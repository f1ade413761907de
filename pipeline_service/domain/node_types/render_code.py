"""Code that types itself."""

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
from pipeline_service.domain.states import MediaType

_QUEUES = {**LOCAL, "remotion": TaskQueue("remotion")}

RENDER_CODE = NodeType(
    name="render-code",
    description="Types code onto a screen.",
    makes=MediaType.VIDEO,
    slots={
        "config": Slot(
            accepts=(MediaType.JSON, MediaType.TEXT),
            min_count=1,
            description="The code, as JSON with title, language and code, or as plain text.",
        ),
    },
    fields={
        "provider": provider_field(_QUEUES),
        "width": side_field("width", 1280),
        "height": side_field("height", 720),
        "fps": Field(kind=FieldKind.INTEGER, default=30, minimum=10, maximum=60, description="Frames per second."),
        "theme": Field(
            kind=FieldKind.STRING,
            allowed_by_provider={"local": ("dark", "light")},
            description="Name of the colour theme.",
        ),
    },
    queues=_QUEUES,
    paid=frozenset({"remotion"}),
    start_to_close=timedelta(minutes=15),
)
