"""Etags: over structure only, so that a run never makes an editor's copy stale."""

import orjson

from pipeline_service.commands.errors import EtagMismatch
from pipeline_service.domain.digest import etag_of
from pipeline_service.domain.ids import PipelineUid
from pipeline_service.domain.model import NodeSpec


def pipeline_etag(uid: PipelineUid, structure_version: int) -> str:
    """Changes with every edit, of the pipeline itself as of its nodes."""
    return etag_of(f"{uid}/{structure_version}")


def node_etag(spec: NodeSpec) -> str:
    """Changes with title, labels, retry, inputs, config and asset of the node."""
    inputs = {slot: [str(uid) for uid in sources] for slot, sources in spec.inputs.items()}
    asset = [spec.asset.type, spec.asset.sha256, spec.asset.url] if spec.asset else None
    parts = [str(spec.uid), spec.title, spec.labels, spec.retry, inputs, spec.config, asset]
    return etag_of(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS).decode())


def check_etag(given: str, present: str) -> None:
    """Raises EtagMismatch when an etag was given that is not the present one."""
    if given and given != present:
        raise EtagMismatch(f"the etag is '{given}', the present one '{present}'")
