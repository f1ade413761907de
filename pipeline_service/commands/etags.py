"""Etags: over structure only, so that a run never makes an editor's copy stale."""

from pipeline_service.commands.errors import EtagMismatch
from pipeline_service.domain.digest import etag_of
from pipeline_service.domain.ids import PipelineUid
from pipeline_service.domain.model import NodeSpec
from pipeline_service.domain.values import JsonValue


def pipeline_etag(uid: PipelineUid, structure_version: int) -> str:
    """Changes with every edit of a node."""
    return etag_of({"uid": str(uid), "version": structure_version})


def node_etag(spec: NodeSpec) -> str:
    """Changes with title, labels, inputs, config and asset of the node."""
    inputs: dict[str, JsonValue] = {slot: [str(uid) for uid in sources] for slot, sources in spec.inputs.items()}
    asset: JsonValue = [spec.asset.type, spec.asset.sha256, spec.asset.url] if spec.asset else None
    return etag_of(
        {
            "uid": str(spec.uid),
            "title": spec.title,
            "labels": dict(spec.labels),
            "inputs": inputs,
            "config": dict(spec.config),
            "asset": asset,
        }
    )


def check_etag(given: str, present: str) -> None:
    """Raises EtagMismatch when an etag was given that is not the present one."""
    if given and given != present:
        raise EtagMismatch(f"the etag is '{given}', the present one '{present}'")
