"""Node types that FFmpeg does, in the media function."""

from datetime import timedelta

from pipeline_service.domain.node_types.base import FFMPEG, Field, FieldKind, NodeType, Slot, provider_field
from pipeline_service.domain.states import MediaType

# A function of AWS Lambda ends after 15 minutes; one more is for the queue before it and the callback behind it.
_LAMBDA = timedelta(minutes=16)

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
    },
    queues=FFMPEG,
    start_to_close=_LAMBDA,
)

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
            kind=FieldKind.STRING, default="cut", allowed=("cut", "fade"), description="How parts meet."
        ),
    },
    queues=FFMPEG,
    start_to_close=_LAMBDA,
)

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
        "cropTop": Field(kind=FieldKind.INTEGER, minimum=0, description="Pixels cut off the overlay's top."),
        "cropLeft": Field(kind=FieldKind.INTEGER, minimum=0, description="Pixels cut off the overlay's left."),
        "cropWidth": Field(kind=FieldKind.INTEGER, minimum=16, description="Width that is kept of the overlay, px."),
        "cropHeight": Field(kind=FieldKind.INTEGER, minimum=16, description="Height that is kept of the overlay, px."),
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
    },
    queues=FFMPEG,
    start_to_close=_LAMBDA,
)
