"""Names as people type them."""

import pytest

from montage_cli.names import InvalidName, Kind, parse_name

RUN = "0194f1d0-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("text", "pipeline", "node", "run"),
    [
        ("welcome", "pipelines/welcome", None, None),
        ("pipelines/welcome", "pipelines/welcome", None, None),
        ("welcome/voice", "pipelines/welcome", "pipelines/welcome/nodes/voice", None),
        ("pipelines/welcome/nodes/voice", "pipelines/welcome", "pipelines/welcome/nodes/voice", None),
        (f"pipelines/welcome/runs/{RUN}", "pipelines/welcome", None, f"pipelines/welcome/runs/{RUN}"),
    ],
)
def test_parse_name_accepts_short_and_full_forms(text: str, pipeline: str, node: str | None, run: str | None) -> None:
    name = parse_name(text)

    assert (name.pipeline, name.node, name.run) == (pipeline, node, run)


def test_parse_name_of_an_execution_names_its_node_too() -> None:
    text = f"pipelines/welcome/nodes/voice/executions/{RUN}"

    name = parse_name(text)

    assert (name.kind, name.execution, name.node) == (Kind.EXECUTION, text, "pipelines/welcome/nodes/voice")


@pytest.mark.parametrize(
    "text", ["", "Welcome", "a/b/c", "-a", "pipelines/", "pipelines/a/nodes/", "a b", "a\n", "../a"]
)
def test_parse_name_refuses_the_rest(text: str) -> None:
    with pytest.raises(InvalidName, match="expected PIPELINE"):
        parse_name(text)
