"""Node types whose output a vendor generates."""

from datetime import timedelta

from pipeline_service.domain.node_types.base import LOCAL, Field, FieldKind, NodeType, Slot, provider_field
from pipeline_service.domain.states import MediaType

# Encoders want even sizes of at least 128; 4096 is what H.264 level 5.1 carries.
_MIN_SIDE, _MAX_SIDE = 128, 4096

VOICEOVER = NodeType(
    name="generate-voiceover",
    description="Speaks a script.",
    makes=MediaType.AUDIO,
    slots={
        "script": Slot(accepts=(MediaType.TEXT,), description="What is spoken; else `text`, else the title."),
    },
    fields={
        "provider": provider_field(LOCAL),
        "voiceId": Field(kind=FieldKind.STRING, description="The vendor's name of the voice."),
        "modelId": Field(kind=FieldKind.STRING, description="The vendor's name of the model."),
        "stability": Field(kind=FieldKind.NUMBER, minimum=0, maximum=1, description="Evenness of the voice."),
        "similarityBoost": Field(kind=FieldKind.NUMBER, minimum=0, maximum=1, description="Closeness to the original."),
        "text": Field(kind=FieldKind.STRING, description="What is spoken, when no script is connected."),
    },
    queues=LOCAL,
    start_to_close=timedelta(minutes=5),
    title_is_prompt=True,
    prompt_slot="script",
    prompt_field="text",
)

TALKING_HEAD = NodeType(
    name="generate-talking-head",
    description="Lets an avatar speak an audio track.",
    makes=MediaType.VIDEO,
    slots={
        "audio": Slot(accepts=(MediaType.AUDIO,), min_count=1, description="What the avatar speaks."),
        "background": Slot(accepts=(MediaType.IMAGE,), description="Picture behind the avatar."),
    },
    fields={
        "provider": provider_field(LOCAL),
        "avatarId": Field(kind=FieldKind.STRING, required=True, description="The vendor's name of the avatar."),
        "width": Field(
            kind=FieldKind.INTEGER, default=1280, minimum=_MIN_SIDE, maximum=_MAX_SIDE, description="Picture width, px."
        ),
        "height": Field(
            kind=FieldKind.INTEGER, default=720, minimum=_MIN_SIDE, maximum=_MAX_SIDE, description="Picture height, px."
        ),
    },
    queues=LOCAL,
    start_to_close=timedelta(minutes=60),
)

ANIMATION = NodeType(
    name="generate-animation",
    description="Makes a moving picture from a prompt or a still.",
    makes=MediaType.VIDEO,
    slots={
        "prompt": Slot(accepts=(MediaType.TEXT,), description="What is shown; else the field, else the title."),
        "referenceImage": Slot(accepts=(MediaType.IMAGE,), description="Still that is brought to life."),
    },
    fields={
        "provider": provider_field(LOCAL),
        "model": Field(kind=FieldKind.STRING, description="The vendor's name of the model."),
        "duration": Field(kind=FieldKind.NUMBER, default=4, minimum=1, maximum=60, description="Length in seconds."),
        "aspectRatio": Field(
            kind=FieldKind.STRING, default="16:9", allowed=("16:9", "9:16", "1:1"), description="Shape of the picture."
        ),
        "prompt": Field(kind=FieldKind.STRING, description="What is shown, when no prompt is connected."),
    },
    queues=LOCAL,
    start_to_close=timedelta(minutes=20),
    title_is_prompt=True,
    prompt_slot="prompt",
    prompt_field="prompt",
    prompt_not_needed_with="referenceImage",
)

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
        "provider": provider_field(LOCAL),
        "width": Field(
            kind=FieldKind.INTEGER, default=1280, minimum=_MIN_SIDE, maximum=_MAX_SIDE, description="Picture width, px."
        ),
        "height": Field(
            kind=FieldKind.INTEGER, default=720, minimum=_MIN_SIDE, maximum=_MAX_SIDE, description="Picture height, px."
        ),
        "fps": Field(kind=FieldKind.INTEGER, default=30, minimum=10, maximum=60, description="Frames per second."),
        "theme": Field(kind=FieldKind.STRING, description="Name of the colour theme."),
    },
    queues=LOCAL,
    start_to_close=timedelta(minutes=15),
)
