"""A function of the user's own."""

from pipeline_service.domain.ids import TaskQueue
from pipeline_service.domain.node_types.base import Field, FieldKind, NodeType, Slot
from pipeline_service.domain.states import MediaType

KINDS = ("tooling-job", "test-run", "chatgpt-response", "ai-analysis")
"""Families of results that have a callback route of their own."""

INVOKE_LAMBDA = NodeType(
    name="invoke-lambda",
    description="Runs a function of your own on AWS Lambda.",
    makes=MediaType.JSON,
    makes_field="outputType",
    slots={
        "any": Slot(
            accepts=tuple(MediaType), multiple=True, max_count=64, description="Material that the function may read."
        ),
    },
    fields={
        "functionName": Field(
            kind=FieldKind.STRING,
            required=True,
            pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$",
            pattern_words="the name that the operator gave the function, no ARN",
            description="Name of the function in the operator's list.",
        ),
        "payload": Field(kind=FieldKind.OBJECT, description="Handed to the function as it is."),
        "outputType": Field(
            kind=FieldKind.STRING,
            default=MediaType.JSON.value,
            allowed=tuple(kind.value for kind in MediaType),
            description="What the function makes.",
        ),
        "kind": Field(
            kind=FieldKind.STRING,
            allowed=KINDS,
            description="Family in which the result is reported; without one, as media functions do.",
        ),
        "timeoutSeconds": Field(
            kind=FieldKind.INTEGER,
            default=900,
            minimum=1,
            maximum=86_400,
            affects_output=False,
            description="How long after its invocation the result may come, s.",
        ),
    },
    queues={"": TaskQueue("lambda")},
    timeout_field="timeoutSeconds",
)
