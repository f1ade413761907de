"""`montage describe`: everything about one node, for whoever wants to know why it is as it is."""

from collections.abc import Sequence

import click
from montage.v1 import resources_pb2 as resources

from montage_cli import output
from montage_cli.canonical import in_order
from montage_cli.errors import ExitCode
from montage_cli.failures import failure_words
from montage_cli.history import write_executions
from montage_cli.names import Name, last_id
from montage_cli.session import Session
from montage_cli.text import last_lines, printable
from montage_cli.yaml_writer import yaml_text

_DETAIL_LINES = 20
_TOLD_BELOW = frozenset({"config", "failure", "details"})


async def describe(session: Session, name: Name) -> ExitCode:
    node = await session.client.get_node(name.node or "")
    attempts = [execution async for execution in session.client.list_executions(node.name)]
    needed = {source for slot in node.inputs for source in slot.nodes}
    sources = [one async for one in session.client.list_nodes(name.pipeline) if one.name in needed] if needed else []
    found = {
        "node": output.node_as_json(node),
        "inputs": [output.node_as_json(source) for source in sources],
        "executions": [output.as_json(execution) for execution in attempts],
    }
    if not session.answer(found, names=[node.name]):
        _write(node, sources, attempts)
    return ExitCode.DONE


def _write(node: resources.Node, sources: Sequence[resources.Node], attempts: Sequence[resources.Execution]) -> None:
    facts = [(key, value) for key, value in output.node_facts(node) if not key.startswith("input ")]
    output.write_pairs([(key, value) for key, value in facts if key not in _TOLD_BELOW])
    if node.inputs:
        click.echo("\ninputs")
        states = {source.name: output.state_of(source) for source in sources}
        rows = [(slot.slot, last_id(one), states.get(one, "missing")) for slot in node.inputs for one in slot.nodes]
        output.write_table(("SLOT", "NODE", "STATE"), rows)
    if node.config.fields:
        click.echo("\nconfig")
        click.echo(printable(yaml_text(in_order(output.as_json(node.config)))), nl=False)
    click.echo("\nattempts" if attempts else "\nnever executed")
    if attempts:
        write_executions(attempts, with_node=False)
    if node.HasField("failure"):
        click.echo(
            f"\nfailure  {printable(f'{node.failure.error_type}: {failure_words(node.failure.message, node.inputs)}')}"
        )
        for line in last_lines(printable(node.failure.details), _DETAIL_LINES):
            click.echo(f"    {line}")
