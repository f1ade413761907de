"""Sound put to a picture."""

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

MIX_AUDIO = NodeType(
    name="mix-audio",
    description="Puts an audio track onto a video.",
    makes=MediaType.VIDEO,
    slots={
        "video": Slot(accepts=(MediaType.VIDEO,), min_count=1, description="The picture, and the sound that is kept."),
        "audio": Slot(accepts=(MediaType.AUDIO,), min_count=1, description="The track that is added."),
    },
    fields={
        "provider": provider_field(FFMPEG),
        "mode": Field(
            kind=FieldKind.STRING,
            default="mix",
            allowed=("replace", "mix", "duck"),
            description="Replace the sound, mix with it, or duck below it.",
        ),
        "audioVolume": Field(
            kind=FieldKind.NUMBER, default=1, minimum=0, maximum=2, description="Loudness of the added track."
        ),
        "loudness": loudness_field(
            default=None, description="Loudness of the whole, LUFS; as it comes out when absent."
        ),
    },
    queues=FFMPEG,
    start_to_close=LAMBDA_TIME,
    revision=2,
)
