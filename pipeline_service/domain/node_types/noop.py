"""A node type that does nothing, for tests and benchmarks."""

from datetime import timedelta

from pipeline_service.domain.ids import TaskQueue
from pipeline_service.domain.node_types.base import Field, FieldKind, NodeType, Slot, provider_field
from pipeline_service.domain.states import MediaType

_VENDORS = ("ledger", "ledger-blind")
"""Fake vendors that charge: one that knows the key of a submission, and one that knows none and tells nothing."""
_QUEUES = {"local": TaskQueue("noop")} | {vendor: TaskQueue(vendor) for vendor in _VENDORS}

NOOP = NodeType(
    name="noop",
    description="Does nothing, or fails, or takes its time. Exists only with PIPELINE_TEST_TYPES=1.",
    makes=MediaType.JSON,
    slots={
        "after": Slot(
            accepts=tuple(MediaType), multiple=True, max_count=64, description="Nodes that must be complete before."
        ),
    },
    fields={
        "provider": provider_field(_QUEUES),
        "nonce": Field(kind=FieldKind.STRING, description="Makes the digest unique."),
        "seconds": Field(kind=FieldKind.NUMBER, default=0, minimum=0, maximum=600, description="How long it takes."),
        "fail": Field(kind=FieldKind.STRING, description="Error class to fail with."),
        "note": Field(kind=FieldKind.STRING, affects_output=False, description="A remark that changes nothing."),
        "inline": Field(kind=FieldKind.BOOLEAN, description="Answers in its report, without a claim and an object."),
        "vendor": Field(kind=FieldKind.STRING, description="host:port of a test's vendor, which calls back."),
    },
    queues=_QUEUES,
    unclaimed_field="inline",
    paid=frozenset(_VENDORS),
    start_to_close=timedelta(minutes=15),
)
