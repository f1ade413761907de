"""Contexts are carried as they are; spans are made of sampled ones, where somebody collects them."""

import pytest

from servicekit.tracing import Kind, Span, Tracer, below, current_context, is_sampled, read_context, trace_id_of

TRACE, ABOVE = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = f"00-{TRACE}-{ABOVE}-01"
UNSAMPLED = f"00-{TRACE}-{ABOVE}-00"


@pytest.fixture
def told() -> list[Span]:
    return []


@pytest.fixture
def tracer(told: list[Span]) -> Tracer:
    return Tracer(told.append)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"00-{TRACE}-{ABOVE}",
        f"ff-{TRACE}-{ABOVE}-01",
        f"00-{'0' * 32}-{ABOVE}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{ABOVE}-01",
        f"00-{TRACE}-{ABOVE}-0g",
    ],
)
def test_header_that_nobody_can_follow_is_no_context(header: str) -> None:
    assert read_context(header) == ""


@pytest.mark.parametrize("header", [SAMPLED, UNSAMPLED, f"01-{TRACE}-{ABOVE}-03-and-more"])
def test_header_of_a_known_or_later_version_is_a_context(header: str) -> None:
    assert trace_id_of(read_context(header)) == TRACE


def test_span_inside_a_span_is_its_child_and_of_the_same_trace(tracer: Tracer, told: list[Span]) -> None:
    with tracer.span("outer", parent=SAMPLED, kind=Kind.SERVER) as outer:
        inside = tracer.span("inner", parent=current_context(), kind=Kind.CLIENT)
        with inside:
            pass

    inner_span, outer_span = told
    assert (outer_span.trace_id, outer_span.parent_id) == (TRACE, ABOVE)
    assert (inner_span.trace_id, inner_span.parent_id) == (TRACE, outer_span.span_id)
    assert outer == below(SAMPLED, outer_span.span_id)
    assert outer_span.start_ns <= inner_span.start_ns <= inner_span.end_ns <= outer_span.end_ns


def test_context_is_that_of_the_caller_again_after_a_span(tracer: Tracer) -> None:
    with tracer.span("outer", parent=SAMPLED, kind=Kind.SERVER):
        assert current_context() != ""

    assert current_context() == ""


def test_span_that_an_error_leaves_has_its_name(tracer: Tracer, told: list[Span]) -> None:
    with pytest.raises(ValueError, match="broken"), tracer.span("fails", parent=SAMPLED, kind=Kind.INTERNAL):
        raise ValueError("broken")

    assert told[0].error == "ValueError"


def test_unsampled_context_is_handed_on_without_a_span(tracer: Tracer, told: list[Span]) -> None:
    with tracer.span("quiet", parent=UNSAMPLED, kind=Kind.SERVER) as context:
        assert context == current_context() == UNSAMPLED

    assert tracer.record("quiet", parent=UNSAMPLED, kind=Kind.INTERNAL, start_ns=1) == UNSAMPLED
    assert told == []


def test_process_without_a_sink_hands_sampled_contexts_on() -> None:
    with Tracer().span("nobody collects", parent=SAMPLED, kind=Kind.SERVER) as context:
        assert context == SAMPLED


def test_first_span_of_a_trace_has_none_above_it(tracer: Tracer, told: list[Span]) -> None:
    with tracer.span("first", parent=tracer.begin(), kind=Kind.CLIENT, is_first=True):
        pass

    assert told[0].parent_id == ""


@pytest.mark.parametrize(("share", "sampled"), [(0.0, False), (1.0, True)])
def test_share_decides_about_traces_that_begin_here(told: list[Span], share: float, *, sampled: bool) -> None:
    assert is_sampled(Tracer(told.append, share=share).begin()) is sampled


def test_trace_that_begins_where_nobody_collects_has_an_id_and_no_spans() -> None:
    begun = Tracer().begin()

    assert read_context(begun) == begun
    assert not is_sampled(begun)


def test_record_under_a_chosen_id_is_the_parent_of_what_follows(tracer: Tracer, told: list[Span]) -> None:
    context = tracer.record("run", parent=SAMPLED, span_id="1" * 16, kind=Kind.INTERNAL, start_ns=1, end_ns=5)

    tracer.record("execution", parent=context, kind=Kind.INTERNAL, start_ns=2, end_ns=3)
    assert [(span.name, span.parent_id, span.end_ns) for span in told] == [
        ("run", ABOVE, 5),
        ("execution", "1" * 16, 3),
    ]
