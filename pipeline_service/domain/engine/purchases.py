"""What is bought for an execution, and what becomes of it: never two of the same thing while one is open.

A purchase is INTENDED in the commit that hands the work to a worker, so before the vendor is asked. From then on only a
definite refusal of the vendor opens the way to another one.
"""

from datetime import timedelta

from pipeline_service.domain.engine.reports import Learned
from pipeline_service.domain.engine.vendors import vendor_took_it
from pipeline_service.domain.engine.working_set import Artifact, Rules, WorkingSet
from pipeline_service.domain.ids import Claim, PurchaseId
from pipeline_service.domain.model import Execution
from pipeline_service.domain.purchase import Purchase
from pipeline_service.domain.replacing import replace
from pipeline_service.domain.states import Buys, EventType, PurchaseOutcome, PurchaseState
from pipeline_service.domain.vendor_limit import SHARED, SLOT_LEASE

POLL_FIRST = timedelta(seconds=15)
"""When a vendor is asked, if its worker does not say when."""
WORKER_MAY_SAY = timedelta(minutes=2)
"""How long a worker whose execution was ended under it has to tell of its submission: two leases."""
THINKING_TIME = timedelta(seconds=5)
"""How long after a cancel its vendor is left to go on: who waited for the same work takes it over by then."""
_STATE_AFTER = {
    PurchaseOutcome.SUBMITTED: PurchaseState.SUBMITTED,
    PurchaseOutcome.REFUSED: PurchaseState.REFUSED,
    PurchaseOutcome.UNKNOWN: PurchaseState.UNKNOWN,
    PurchaseOutcome.FAILED: PurchaseState.SETTLED,
}
_EVENT_OF = {
    PurchaseState.INTENDED: EventType.PURCHASE_INTENDED,
    PurchaseState.SUBMITTED: EventType.PURCHASE_SUBMITTED,
    PurchaseState.UNKNOWN: EventType.PURCHASE_UNKNOWN,
    PurchaseState.SETTLED: EventType.PURCHASE_SETTLED,
    PurchaseState.REFUSED: EventType.PURCHASE_REFUSED,
}


def purchase_of(ws: WorkingSet, execution: Execution) -> Purchase | None:
    """The purchase that an execution is attached to, or was."""
    return ws.purchases.get(execution.purchase_id) if execution.purchase_id else None


def open_purchase(ws: WorkingSet, execution: Execution) -> Purchase | None:
    """The purchase that a claim of the execution would go on with; None where it would intend another one."""
    attached = purchase_of(ws, execution)
    if attached is not None and attached.state.is_open:
        return attached
    if execution.buys is Buys.ANEW:
        return None
    equal = [one for one in _equal_purchases(ws, execution) if one.state.is_open]
    return max(equal, key=lambda one: one.draw, default=None)


def attach(ws: WorkingSet, execution: Execution, claim: Claim, *, rules: Rules, actor: str) -> Execution:
    """Give claimed work its purchase: the open one of equal work, else a new one, intended with this commit."""
    if execution.buys is Buys.NOTHING:
        return execution
    purchase = open_purchase(ws, execution)
    if purchase is None:
        purchase = _intend(ws, execution, rules=rules, actor=actor)
    else:
        # Whoever had it before may have been cut off between the vendor's yes and its report.
        unsure = 0 if purchase.state is PurchaseState.SUBMITTED else 1
        purchase = replace(purchase, possible_submissions=purchase.possible_submissions + unsure)
    ws.put(
        replace(
            purchase,
            execution_id=execution.id,
            pipeline_uid=execution.pipeline_uid,
            claim=claim,
            lease_until=None,
            next_poll_at=None,
            called_off=False,
            slot_until=ws.now + SLOT_LEASE,
        )
    )
    return replace(execution, purchase_id=purchase.id)


def credential_of(ws: WorkingSet, execution: Execution) -> str:
    """Whose key a claim would submit with: a purchase keeps the one that it was begun with."""
    purchase = open_purchase(ws, execution)
    return ws.credential_at_vendor(execution) if purchase is None else purchase.credential or SHARED


def holds_slot(ws: WorkingSet, execution: Execution) -> bool:
    """Whether its purchase counts as submitted already."""
    purchase = open_purchase(ws, execution)
    return purchase is not None and purchase.slot_until is not None and purchase.slot_until > ws.now


def keep_slot(ws: WorkingSet, execution: Execution) -> None:
    """A worker is still at it. Most signs of life come long before the slot would expire, and change nothing."""
    purchase = purchase_of(ws, execution)
    if purchase is not None and purchase.slot_until is not None and purchase.slot_until < ws.now + SLOT_LEASE / 2:
        ws.put(replace(purchase, slot_until=ws.now + SLOT_LEASE))


def delivered_meanwhile(ws: WorkingSet, execution: Execution) -> Artifact | None:
    """What a vendor delivered for equal work after the execution was queued; work by force is bought all the same."""
    if execution.buys is not Buys.ONCE or open_purchase(ws, execution) is not None:
        return None
    return ws.delivered.get((ws.owners[execution.pipeline_uid], execution.work_digest))


def learn(ws: WorkingSet, execution: Execution, claim: Claim, learned: Learned | None, *, actor: str) -> None:
    """Note what a worker learned of a purchase, also after its execution ended."""
    purchase = purchase_of(ws, execution)
    if learned is None or purchase is None or purchase.claim != claim or not purchase.state.is_open:
        return
    known = replace(
        purchase,
        job_id=learned.job_id or purchase.job_id,
        cost_micros=purchase.cost_micros if learned.cost_micros is None else learned.cost_micros,
    )
    _moved(ws, execution, known, _STATE_AFTER[learned.outcome], actor=actor)
    if learned.outcome is PurchaseOutcome.SUBMITTED and purchase.state is not PurchaseState.SUBMITTED:
        vendor_took_it(ws, purchase)
    if not execution.state.is_active:
        let_go(ws, ws.executions[execution.id], next_poll_after=learned.next_poll_after)


def settle(ws: WorkingSet, execution: Execution, *, cost_micros: int | None, actor: str) -> None:
    """The result is there: the purchase is over. One that serves another execution by now is left to its polls."""
    purchase = purchase_of(ws, execution)
    if purchase is not None and purchase.state.is_open and purchase.execution_id == execution.id:
        if purchase.state is not PurchaseState.SUBMITTED:
            vendor_took_it(ws, purchase)
        cost = purchase.cost_micros if cost_micros is None else cost_micros
        _moved(ws, execution, replace(purchase, cost_micros=cost), PurchaseState.SETTLED, actor=actor)


def doubt(ws: WorkingSet, execution: Execution, claim: Claim, *, actor: str) -> None:
    """A worker gave up without a word of the purchase: it may have been accepted."""
    purchase = purchase_of(ws, execution)
    if purchase is not None and purchase.claim == claim and purchase.state is PurchaseState.INTENDED:
        _moved(ws, execution, purchase, PurchaseState.UNKNOWN, actor=actor)


def let_go(ws: WorkingSet, execution: Execution, *, next_poll_after: timedelta | None = None) -> None:
    """The execution ended: its open purchase is asked about until the vendor's last word.

    One that was perhaps never submitted is asked about later: its worker may yet say.
    """
    purchase = purchase_of(ws, execution)
    if purchase is None or not purchase.state.is_open or purchase.execution_id != execution.id:
        return
    if purchase.state is PurchaseState.SUBMITTED:
        due = purchase.ask_at(ws.now + (next_poll_after or timedelta(0)), now=ws.now)
        ws.put(replace(purchase.counted(due), claim=None, lease_until=None, next_poll_at=due))
    else:
        ws.put(replace(purchase, next_poll_at=ws.now + WORKER_MAY_SAY))


def call_off(ws: WorkingSet, execution: Execution) -> None:
    """A user cancelled the execution: its vendor is asked to stop, unless somebody takes the purchase over before."""
    purchase = purchase_of(ws, execution)
    if purchase is None or not purchase.state.is_open or purchase.execution_id != execution.id:
        return
    called_off = replace(purchase, called_off=True)
    if purchase.state is PurchaseState.SUBMITTED:
        called_off = replace(called_off, next_poll_at=ws.now + THINKING_TIME)
    ws.put(called_off)


def found_by_a_person(ws: WorkingSet, execution: Execution, *, job_id: str, actor: str) -> None:
    """The vendor has it as this job: it is asked about at once."""
    purchase = purchase_of(ws, execution)
    if purchase is not None:
        until = ws.now + SLOT_LEASE
        known = replace(purchase, job_id=job_id, claim=None, lease_until=None, next_poll_at=ws.now, slot_until=until)
        _moved(ws, execution, known, PurchaseState.SUBMITTED, actor=actor)


def closed_by_a_person(ws: WorkingSet, execution: Execution, *, actor: str) -> None:
    """The vendor never accepted it: equal work may be bought again."""
    purchase = purchase_of(ws, execution)
    if purchase is not None:
        _moved(ws, execution, purchase, PurchaseState.REFUSED, actor=actor)


def hand_over(ws: WorkingSet, ended: Execution, attempt: Execution) -> None:
    """The next attempt goes on with the open purchase of the one before: what the vendor yet delivers is its result."""
    purchase = purchase_of(ws, ended)
    if purchase is not None and purchase.state.is_open and purchase.execution_id == ended.id:
        ws.put(replace(purchase, execution_id=attempt.id))


def _intend(ws: WorkingSet, execution: Execution, *, rules: Rules, actor: str) -> Purchase:
    before = purchase_of(ws, execution)
    newest = max((one.draw for one in _equal_purchases(ws, execution)), default=-1)
    again = newest + 1 if execution.buys is Buys.ANEW else max(newest, 0)
    purchase = Purchase(
        id=PurchaseId(rules.new_id()),
        owner=ws.owners[execution.pipeline_uid],
        work_digest=execution.work_digest,
        draw=before.draw if before is not None else again,
        vendor=execution.work.provider,
        credential=ws.credential_at_vendor(execution),
        state=PurchaseState.INTENDED,
        execution_id=execution.id,
        pipeline_uid=execution.pipeline_uid,
        intend_time=ws.now,
    )
    ws.put(purchase)
    _record(ws, execution, purchase, old_state="", actor=actor)
    return purchase


def _equal_purchases(ws: WorkingSet, execution: Execution) -> list[Purchase]:
    owner = ws.owners[execution.pipeline_uid]
    wanted = (owner, execution.work_digest)
    return [one for one in ws.purchases.values() if (one.owner, one.work_digest) == wanted]


def _moved(ws: WorkingSet, execution: Execution, purchase: Purchase, state: PurchaseState, *, actor: str) -> Purchase:
    """The purchase in another state; over, it belongs to nobody and is not asked about."""
    moved = replace(purchase, state=state)
    if not state.is_open:
        moved = replace(moved, claim=None, lease_until=None, next_poll_at=None, slot_until=None)
    ws.put(moved)
    if state is not purchase.state:
        _record(ws, execution, moved, old_state=purchase.state, actor=actor)
    return moved


def _record(ws: WorkingSet, execution: Execution, purchase: Purchase, *, old_state: str, actor: str) -> None:
    ws.record(
        _EVENT_OF[purchase.state],
        execution.pipeline_uid,
        actor=actor,
        execution=execution,
        old_state=old_state,
        new_state=purchase.state,
        message=purchase.job_id,
    )
