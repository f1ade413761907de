"""Makes a draft's shadow equal to what its pipeline is now."""

from collections.abc import Callable
from uuid import UUID

from pipeline_service.domain.drafts import draft_catalogue, draft_document, draft_id
from pipeline_service.domain.engine.editing import apply_import
from pipeline_service.domain.engine.working_set import WorkingSet
from pipeline_service.domain.ids import PipelineUid
from pipeline_service.domain.node_types import Catalogue
from pipeline_service.domain.states import EventType
from pipeline_service.domain.structure import ImportPlan, build_structure, plan_import


def lay_out_draft(
    ws: WorkingSet,
    original: PipelineUid,
    shadow: PipelineUid,
    *,
    title: str = "",
    version: str = "",
    catalogue: Catalogue,
    new_uid: Callable[[], UUID],
    actor: str,
) -> ImportPlan | None:
    """Decide what the shadow of a pipeline becomes; None when it is that already.

    A shadow that is not in the working set is laid out from nothing. Uploaded assets are complete in it as well.
    """
    structure = ws.structures[original]
    if shadow not in ws.structures:
        name = draft_id(structure.pipeline_id)
        ws.structures[shadow] = build_structure(shadow, pipeline_id=name, version=0, specs=())
        ws.sequences[shadow] = 0
        ws.owners[shadow] = ws.owners[original]
    document = draft_document(structure, catalogue, title=title, version=version)
    plan = plan_import(document, ws.structures[shadow], catalogue=draft_catalogue(catalogue), new_uid=new_uid)
    if not (plan.added or plan.rewritten or plan.removed):
        return None
    ws.record(EventType.PIPELINE_IMPORTED, shadow, actor=actor)
    made = {spec.id: ws.nodes[spec.uid].output for spec in structure.nodes.values() if spec.asset and spec.asset.sha256}
    outputs = {spec.uid: made.get(spec.id) for spec in plan.structure.nodes.values()}
    uploaded = {uid: output for uid, output in outputs.items() if output is not None}
    apply_import(ws, plan, uploaded=uploaded, actor=actor)
    return plan
