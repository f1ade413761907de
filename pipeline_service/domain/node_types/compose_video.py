"""One film small inside another."""

from pipeline_service.domain.node_types.base import (
    FFMPEG,
    LAMBDA_TIME,
    Field,
    FieldKind,
    NodeType,
    Slot,
    loudness_field,
    provider_field,
)
from pipeline_service.domain.states import MediaType

# Pixels of the overlay before it is scaled; the executor asks for no more.
_MAX_CROP = 16_384


def _crop(description: str, *, minimum: int) -> Field:
    return Field(kind=FieldKind.INTEGER, minimum=minimum, maximum=_MAX_CROP, description=description)


COMPOSE_VIDEO = NodeType(
    name="compose-video",
    description="Lays one video over another, picture in picture.",
    makes=MediaType.VIDEO,
    slots={
        "background": Slot(accepts=(MediaType.VIDEO,), min_count=1, description="The large picture; sets the length."),
        "overlay": Slot(accepts=(MediaType.VIDEO,), min_count=1, description="The small picture."),
    },
    fields={
        "provider": provider_field(FFMPEG),
        "rounded": Field(
            kind=FieldKind.BOOLEAN, required=True, description="Whether the small picture has round corners."
        ),
        "cropTop": _crop("Pixels cut off the overlay's top.", minimum=0),
        "cropLeft": _crop("Pixels cut off the overlay's left.", minimum=0),
        "cropWidth": _crop("Width that is kept of the overlay, px.", minimum=16),
        "cropHeight": _crop("Height that is kept of the overlay, px.", minimum=16),
        "position": Field(
            kind=FieldKind.STRING,
            default="bottom-right",
            allowed=("top-left", "top-right", "bottom-left", "bottom-right", "center"),
            description="Where the small picture sits.",
        ),
        "scale": Field(
            kind=FieldKind.NUMBER,
            default=0.3,
            minimum=0.05,
            maximum=1,
            description="Overlay width as a share of the background's.",
        ),
        "loudness": loudness_field(
            default=None, description="Loudness of the whole, LUFS; as it comes out when absent."
        ),
    },
    queues=FFMPEG,
    start_to_close=LAMBDA_TIME,
    revision=2,
)
