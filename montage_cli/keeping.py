"""`montage credentials`: secrets of owners at vendors."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import click

from montage_cli import output
from montage_cli.errors import ExitCode
from montage_cli.session import Session


@dataclass(frozen=True, kw_only=True)
class Secret:
    """One that is to be kept."""

    owner: str
    vendor: str
    value: str = field(repr=False)
    expire_time: datetime | None


def read_value(source: Path | BinaryIO) -> str:
    """A secret without the line end. Raises UsageError for what cannot be read as text."""
    try:
        content = source.read_bytes() if isinstance(source, Path) else source.read()
        return content.decode().rstrip("\r\n")
    except OSError as error:
        raise click.UsageError(f"cannot read {source}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise click.UsageError("the secret is not UTF-8 text") from None


async def put(session: Session, secret: Secret) -> ExitCode:
    kept = await session.client.put_credential(
        secret.owner, secret.vendor, secret.value, expire_time=secret.expire_time
    )
    if not session.answer(output.as_json(kept), names=[_name(kept.owner, kept.vendor)]):
        session.say(f"kept {_name(kept.owner, kept.vendor)}, version {kept.version}")
    return ExitCode.DONE


async def delete(session: Session, owner: str, vendor: str) -> ExitCode:
    await session.client.delete_credential(owner, vendor)
    if not session.answer({"owner": owner, "vendor": vendor}, names=[_name(owner, vendor)]):
        session.say(f"forgot {_name(owner, vendor)}")
    return ExitCode.DONE


async def list_(session: Session, owner: str) -> ExitCode:
    found = [one async for one in session.client.list_credentials(owner)]
    names = [_name(one.owner, one.vendor) for one in found]
    if not session.answer({"credentials": [output.as_json(one) for one in found]}, names=names):
        rows = [
            (
                one.owner,
                one.vendor,
                str(one.version),
                output.local_time(one.create_time),
                output.local_time(one.last_use_time) or "-",
                output.local_time(one.expire_time) or "-",
            )
            for one in found
        ]
        output.write_table(("OWNER", "VENDOR", "VERSION", "PUT", "LAST USE", "EXPIRES"), rows)
    return ExitCode.DONE


def _name(owner: str, vendor: str) -> str:
    return f"credentials/{owner}/{vendor}"
