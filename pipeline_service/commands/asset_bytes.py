"""The bytes of assets: those that a document holds are stored, those that it names must be there."""

from collections.abc import Sequence

from pipeline_service.commands.errors import InvalidDocument
from pipeline_service.commands.ports import Artifacts, Store
from pipeline_service.domain.document import DocumentNode, Violation
from pipeline_service.domain.ids import NodeId, Owner
from pipeline_service.domain.keys import asset_key
from pipeline_service.domain.states import MediaType
from pipeline_service.domain.values import Output

_CONTENT_TYPES = {MediaType.TEXT: "text/plain; charset=utf-8", MediaType.JSON: "application/json"}


async def asset_outputs(
    store: Store, artifacts: Artifacts, owner: Owner, nodes: Sequence[DocumentNode]
) -> dict[NodeId, Output]:
    """The artifacts of assets whose bytes are given. Raises InvalidDocument for bytes that were never uploaded."""
    given = {asset_key(owner, one.sha256, one.extension) for node in nodes if (one := node.asset) and one.sha256}
    await store.note_assets(given)
    outputs: dict[NodeId, Output] = {}
    missing: list[Violation] = []
    for index, node in enumerate(nodes):
        asset = node.asset
        if asset is None or not asset.sha256:
            continue
        key = asset_key(owner, asset.sha256, asset.extension)
        if node.content is not None:
            size, content_type = len(node.content), _CONTENT_TYPES[asset.type]
        else:
            facts = await artifacts.head(key)
            if facts is None:
                place = f"nodes[{index}].asset.source"
                missing.append(Violation(field=place, description="these bytes were never uploaded"))
                continue
            size, content_type = facts.size_bytes, facts.content_type
        outputs[node.id] = Output(
            type=asset.type, s3_key=key, size_bytes=size, content_type=content_type, sha256=asset.sha256
        )
    if missing:
        raise InvalidDocument(missing)
    return outputs


async def put_contents(artifacts: Artifacts, owner: Owner, nodes: Sequence[DocumentNode]) -> None:
    """Store the bytes that a document itself holds. They lie under their digest, so a repeat changes nothing."""
    for node in nodes:
        if node.asset is not None and node.content is not None:
            key = asset_key(owner, node.asset.sha256, node.asset.extension)
            await artifacts.put(key, node.content, content_type=_CONTENT_TYPES[node.asset.type])
