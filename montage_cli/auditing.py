"""`montage audit`: what is on record, and whether it is as it was recorded."""

from dataclasses import dataclass

import click
from montage.v1 import audit_service_pb2 as api

from montage_cli import output
from montage_cli.errors import ExitCode
from montage_cli.session import Session
from montage_cli.text import counted

_SHA256_HEX = 64


@dataclass(frozen=True, kw_only=True)
class Head:
    """The end of the chain as somebody saw it."""

    number: int
    sha256: str

    @classmethod
    def parse(cls, text: str) -> "Head":
        """`NUMBER:SHA256`, as `verify` prints it. Raises UsageError."""
        number, _, sha256 = text.partition(":")
        if not number.isdecimal() or len(sha256) != _SHA256_HEX or set(sha256) - set("0123456789abcdef"):
            raise click.UsageError(f"expected NUMBER:SHA256 as 'montage audit verify' prints it, found '{text}'")
        return cls(number=int(number), sha256=sha256)

    def __str__(self) -> str:
        return f"{self.number}:{self.sha256}"


async def verify(session: Session, expected: Head | None) -> ExitCode:
    """Hold the whole record against its seals, and the chain against an end of it that was seen before."""
    rows = 0
    async for answer in session.client.verify_seals():
        rows += answer.rows
        if answer.HasField("fault"):
            return _tell_fault(session, answer.fault)
    if expected is not None:
        seen = await session.client.verify_seals_behind(expected.number, bytes.fromhex(expected.sha256))
        if seen.HasField("fault"):
            return _tell_fault(session, seen.fault)
    head = Head(number=answer.number, sha256=answer.sha256.hex())
    if not session.answer({"head": str(head), "rows": rows, "unsealedRows": answer.unsealed_rows}):
        sealed = f"{counted(rows, 'row')} in {counted(head.number, 'seal')}: as sealed"
        session.say(f"{sealed}; too young to be sealed: {answer.unsealed_rows}")
        session.say(f"head {head}")
    return ExitCode.DONE


async def list_(session: Session, most: int) -> ExitCode:
    records = []
    async for one in session.client.list_audit_records():
        records.append(one)
        if len(records) == most:
            break
    if not session.answer({"records": [output.as_json(one) for one in records]}, names=[one.name for one in records]):
        rows = [
            (output.local_time(one.create_time), one.action, one.actor, one.subject, one.outcome) for one in records
        ]
        output.write_table(("TIME", "ACTION", "ACTOR", "SUBJECT", "OUTCOME"), rows)
    return ExitCode.DONE


def _tell_fault(session: Session, fault: api.AuditFault) -> ExitCode:
    kind = output.word_of(api.AuditFaultKind, fault.kind)
    if not session.answer({"fault": output.as_json(fault)}):
        session.complain(f"{kind}: {fault.row}: {fault.description}")
    return ExitCode.RUN_FAILED
