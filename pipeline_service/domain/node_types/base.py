"""What a node type says about itself, and the pieces that several of them share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from pipeline_service.domain.ids import TaskQueue
from pipeline_service.domain.model import RetryPolicy
from pipeline_service.domain.node_types.vendor_makes import Animator, Screen
from pipeline_service.domain.states import MediaType
from pipeline_service.domain.values import JsonValue


class FieldKind(StrEnum):
    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    OBJECT = "object"


@dataclass(frozen=True, kw_only=True)
class Slot:
    """An input of a node type."""

    accepts: tuple[MediaType, ...]
    description: str
    multiple: bool = False
    min_count: int = 0
    """How many nodes it needs; 0 makes it optional."""
    max_count: int = 1


@dataclass(frozen=True, kw_only=True)
class Field:
    """A config field of a node type."""

    kind: FieldKind
    description: str
    required: bool = False
    required_by: frozenset[str] = frozenset()
    """Providers that need it, where not all do."""
    allowed: tuple[str, ...] = ()
    allowed_by_provider: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values by the provider that knows them; a provider that is not named takes any."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Values that people know and that are not taken, each with why."""
    minimum: float | None = None
    maximum: float | None = None
    multiple_of: int | None = None
    max_length: int | None = None
    """Most characters of a text."""
    pattern: str = ""
    """Regular expression that a text must match; empty when any will do."""
    pattern_words: str = ""
    """What the pattern demands, in words that follow `expected`."""
    default: JsonValue = None
    """Used when the document gives none; None leaves the field out."""
    affects_output: bool = True
    """Whether another value would give another output. One that does not is no part of any digest."""


@dataclass(frozen=True, kw_only=True)
class NodeType:
    """Everything the service knows about a kind of node."""

    name: str
    description: str
    makes: MediaType | None
    """What it produces; None when its own data says (assets)."""
    makes_field: str = ""
    """Config field that says what it produces instead, where the user decides."""
    slots: Mapping[str, Slot] = field(default_factory=dict)
    fields: Mapping[str, Field] = field(default_factory=dict)
    queues: Mapping[str, TaskQueue] = field(default_factory=dict)
    """Task queue by provider; its keys are the allowed providers."""
    paid: frozenset[str] = frozenset()
    """Providers that charge: their work is bought under a purchase, at most once at a time."""
    start_to_close: timedelta = timedelta(minutes=15)
    timeout_field: str = ""
    """Config field that says how many seconds it has instead."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    revision: int = 1
    """Grows when the same input would give another output; part of every digest."""
    unclaimed_field: str = ""
    """Config field that, when true, makes the work free, repeatable and over in a moment: it needs no claim."""
    title_is_prompt: bool = False
    """Whether the title stands in for a missing prompt, script or text."""
    prompt_slot: str = ""
    prompt_field: str = ""
    prompt_not_needed_with: str = ""
    """Slot that is enough by itself, for example a picture that is brought to life."""
    animators: Mapping[str, Animator] = field(default_factory=dict)
    """What its providers make of prompt, picture, model, shape and length, where they say; the others make any."""
    screens: Mapping[str, Screen] = field(default_factory=dict)
    """Which sizes its providers make, likewise."""


LOCAL: Mapping[str, TaskQueue] = {"local": TaskQueue("local")}
FFMPEG: Mapping[str, TaskQueue] = {"ffmpeg": TaskQueue("ffmpeg")}
FETCH = TaskQueue("fetch")

# A function of AWS Lambda ends after 15 minutes; one more is for the queue before it and the callback behind it.
LAMBDA_TIME = timedelta(minutes=16)

RETIRED = "was retired by its vendor"


def provider_field(queues: Mapping[str, TaskQueue], *, refused: Mapping[str, str] | None = None) -> Field:
    """The `provider` field that every executable node type has; `refused` are vendors that it cannot offer."""
    return Field(
        kind=FieldKind.STRING,
        required=True,
        allowed=tuple(queues),
        refused=refused or {},
        description="Who does the work.",
    )


def loudness_field(*, default: float | None, description: str) -> Field:
    """How loud the whole becomes, after EBU R 128. Broadcasters ask for -23, phones and the web for -16."""
    return Field(kind=FieldKind.NUMBER, minimum=-31, maximum=-9, default=default, description=description)


def side_field(name: str, default: int) -> Field:
    """A side of a picture that is made anew, in pixels.

    Even, because H.264 halves the planes of colour; below 128 nothing can be read, and 3840 is the width of 4K.
    """
    return Field(
        kind=FieldKind.INTEGER,
        default=default,
        minimum=128,
        maximum=3840,
        multiple_of=2,
        description=f"Picture {name}, px.",
    )
