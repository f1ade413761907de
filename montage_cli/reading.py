"""`montage list` and `montage get`: what the service knows by name."""

from dataclasses import dataclass

from montage_cli import output
from montage_cli.errors import ExitCode
from montage_cli.names import Name
from montage_cli.session import Session


@dataclass(frozen=True, kw_only=True)
class ListOrder:
    """What of a list is wanted, and in which order; both in the words of the contract."""

    where: str
    order_by: str


async def list_(session: Session, name: Name | None, order: ListOrder) -> ExitCode:
    """The pipelines, or the nodes of the one that is named."""
    if name is None:
        listed = session.client.list_pipelines(where=order.where, order_by=order.order_by)
        pipelines = [pipeline async for pipeline in listed]
        found = {"pipelines": [output.as_json(pipeline) for pipeline in pipelines]}
        if not session.answer(found, names=[pipeline.name for pipeline in pipelines]):
            output.write_pipelines(pipelines)
    else:
        listed_nodes = session.client.list_nodes(name.pipeline, where=order.where, order_by=order.order_by)
        nodes = [node async for node in listed_nodes]
        found = {"nodes": [output.node_as_json(node) for node in nodes]}
        if not session.answer(found, names=[node.name for node in nodes]):
            output.write_nodes(nodes)
    return ExitCode.DONE


async def get(session: Session, name: Name) -> ExitCode:
    if name.run is not None:
        run = await session.client.get_run(name.run)
        if not session.answer(output.as_json(run), names=[run.name]):
            output.write_run(run)
    elif name.execution is not None:
        execution = await session.client.get_execution(name.execution)
        if not session.answer(output.as_json(execution), names=[execution.name]):
            output.write_pairs(output.execution_facts(execution))
    elif name.node is not None:
        node = await session.client.get_node(name.node)
        if not session.answer(output.node_as_json(node), names=[node.name]):
            output.write_pairs(output.node_facts(node))
    else:
        await _get_pipeline(session, name.pipeline)
    return ExitCode.DONE


async def _get_pipeline(session: Session, name: str) -> None:
    """The pipeline with its nodes; by name, the nodes only."""
    pipeline = await session.client.get_pipeline(name)
    nodes = [node async for node in session.client.list_nodes(name)]
    found = {"pipeline": output.as_json(pipeline), "nodes": [output.node_as_json(node) for node in nodes]}
    if not session.answer(found, names=[node.name for node in nodes]):
        output.write_pairs(output.pipeline_facts(pipeline))
        output.write_nodes(nodes)
