"""A script that is spoken."""

from datetime import timedelta

from pipeline_service.domain.ids import TaskQueue
from pipeline_service.domain.node_types.base import LOCAL, Field, FieldKind, NodeType, Slot, provider_field
from pipeline_service.domain.states import MediaType

_QUEUES = {**LOCAL, "elevenlabs": TaskQueue("elevenlabs")}
_VOICES = (
    "narrator", "narrator-deep", "american", "british", "scottish", "german", "french", "spanish", "italian",
)  # fmt: skip
# What the local vendor speaks in one go: some 20 minutes.
_MAX_TEXT = 20_000

VOICEOVER = NodeType(
    name="generate-voiceover",
    description="Speaks a script.",
    makes=MediaType.AUDIO,
    slots={
        "script": Slot(accepts=(MediaType.TEXT,), description="What is spoken; else `text`, else the title."),
    },
    fields={
        "provider": provider_field(_QUEUES),
        "voiceId": Field(
            kind=FieldKind.STRING,
            allowed_by_provider={"local": _VOICES},
            required_by=frozenset({"elevenlabs"}),
            description="The vendor's name of the voice; elevenlabs needs one.",
        ),
        "modelId": Field(kind=FieldKind.STRING, description="The vendor's name of the model."),
        "stability": Field(kind=FieldKind.NUMBER, minimum=0, maximum=1, description="Evenness of the voice."),
        "similarityBoost": Field(kind=FieldKind.NUMBER, minimum=0, maximum=1, description="Closeness to the original."),
        "text": Field(
            kind=FieldKind.STRING, max_length=_MAX_TEXT, description="What is spoken, when no script is connected."
        ),
    },
    queues=_QUEUES,
    paid=frozenset({"elevenlabs"}),
    start_to_close=timedelta(minutes=10),
    title_is_prompt=True,
    prompt_slot="script",
    prompt_field="text",
)
