"""Films one after the other."""

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

MERGE_VIDEOS = NodeType(
    name="merge-videos",
    description="Joins videos one after the other.",
    makes=MediaType.VIDEO,
    slots={
        "segments": Slot(
            accepts=(MediaType.VIDEO,), multiple=True, min_count=2, max_count=64, description="The parts, in order."
        ),
    },
    fields={
        "provider": provider_field(FFMPEG),
        "transition": Field(
            kind=FieldKind.STRING, default="cut", allowed=("cut", "crossfade", "fade"), description="How parts meet."
        ),
        "loudness": loudness_field(default=-16, description="Loudness of the whole, LUFS."),
    },
    queues=FFMPEG,
    start_to_close=LAMBDA_TIME,
    revision=2,
)
