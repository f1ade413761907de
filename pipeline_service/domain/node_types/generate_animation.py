"""A moving picture from words or a still."""

from datetime import timedelta

from pipeline_service.domain.ids import TaskQueue
from pipeline_service.domain.node_types.base import (
    LOCAL,
    RETIRED,
    Field,
    FieldKind,
    NodeType,
    Slot,
    provider_field,
)
from pipeline_service.domain.node_types.vendor_makes import ANIMATORS
from pipeline_service.domain.states import MediaType

_QUEUES = {**LOCAL, "runway": TaskQueue("runway"), "veo3": TaskQueue("veo3")}
# What the local vendor can set in type on one screen.
_MAX_PROMPT = 2000

ANIMATION = NodeType(
    name="generate-animation",
    description="Makes a moving picture from a prompt or a still.",
    makes=MediaType.VIDEO,
    slots={
        "prompt": Slot(accepts=(MediaType.TEXT,), description="What is shown; else the field, else the title."),
        "referenceImage": Slot(accepts=(MediaType.IMAGE,), description="Still that is brought to life."),
    },
    fields={
        "provider": provider_field(_QUEUES, refused={"stability": RETIRED}),
        "model": Field(kind=FieldKind.STRING, description="The vendor's name of the model."),
        "duration": Field(kind=FieldKind.NUMBER, default=4, minimum=1, maximum=60, description="Length in seconds."),
        "aspectRatio": Field(
            kind=FieldKind.STRING, default="16:9", allowed=("16:9", "9:16", "1:1"), description="Shape of the picture."
        ),
        "prompt": Field(
            kind=FieldKind.STRING, max_length=_MAX_PROMPT, description="What is shown, when no prompt is connected."
        ),
    },
    queues=_QUEUES,
    paid=frozenset({"runway", "veo3"}),
    start_to_close=timedelta(minutes=20),
    title_is_prompt=True,
    prompt_slot="prompt",
    prompt_field="prompt",
    prompt_not_needed_with="referenceImage",
    animators=ANIMATORS,
)
