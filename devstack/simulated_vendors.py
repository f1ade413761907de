"""Simulated vendors beside a stack: nodes of every paid provider run, and nothing is paid."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from devstack.layout import repository_root, write_private
from devstack.supervisor import StartFailed

_MODULES = "tests.fakes.vendors"
_START_S = 30.0
_POLL_INTERVAL_S = "1"
_REMOTION = {
    "region": "us-east-1",
    "function": "remotion-render-4-0-527-mem2048mb-disk2048mb-120sec",
    "serve_url": "https://remotionlambda-useast1-simulated.s3.us-east-1.amazonaws.com/sites/code/index.html",
    "bucket": "remotionlambda-useast1-simulated",
    "composition": "Code",
    "access_key": "simulated",
    "secret_key": "simulated",
}
"""The one account that the simulated Remotion knows."""


@dataclass(frozen=True, kw_only=True)
class SimulatedVendors:
    """Running vendors."""

    addresses: Mapping[str, str]
    bills: Path
    """Folder with one file for each vendor; a line for everything that would be paid."""
    settings: Mapping[str, str]
    """Of an executor that buys from them."""


@asynccontextmanager
async def simulated_vendors() -> AsyncIterator[SimulatedVendors]:
    """Start them all; they end with this context, or with this process. Raises StartFailed."""
    async with AsyncExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="montage-vendors-")))
        key, account, public = folder / "key", folder / "google.json", folder / "google.pem"
        remotion = folder / "remotion.json"
        write_private(key, "simulated")
        _make_service_account(account, public)
        write_private(remotion, json.dumps(_REMOTION))
        named = dict.fromkeys(("heygen", "elevenlabs", "runway", "remotion"), "simulated")
        keys = {**named, "veo": str(public)}
        processes = {
            vendor: await cleanup.enter_async_context(_running(vendor, key_of_vendor, folder))
            for vendor, key_of_vendor in keys.items()
        }
        addresses = {vendor: await _address_of(process, vendor) for vendor, process in processes.items()}
        settings = _settings(addresses, key=key, account=account, remotion=remotion)
        yield SimulatedVendors(addresses=addresses, bills=folder, settings=settings)


@asynccontextmanager
async def _running(vendor: str, key: str, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """One vendor. It ends when its standard input does, so that none outlives a killed parent."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", f"{_MODULES}.{vendor}", "--bill", str(folder / f"{vendor}.jsonl"), "--key", key, "--until-input-ends"),
        cwd=repository_root(),
        env={},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):  # a Ctrl-C reaches it, too
            process.kill()
        await process.wait()


async def _address_of(process: asyncio.subprocess.Process, vendor: str) -> str:
    if process.stdout is None:
        raise RuntimeError("the vendor was started without its pipe")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_START_S):
            address = (await process.stdout.readline()).decode().strip()
            if address:
                return address
    raise StartFailed(f"the simulated vendor '{vendor}'", "did not start", last_words=())


def _settings(addresses: Mapping[str, str], *, key: Path, account: Path, remotion: Path) -> dict[str, str]:
    return {
        "EXECUTOR_ALLOW_LOOPBACK_VENDORS": "1",
        "EXECUTOR_HEYGEN_API_KEY_FILE": str(key),
        "EXECUTOR_HEYGEN_BASE_URL": addresses["heygen"],
        "EXECUTOR_HEYGEN_POLL_INTERVAL_S": _POLL_INTERVAL_S,
        "EXECUTOR_ELEVENLABS_API_KEY_FILE": str(key),
        "EXECUTOR_ELEVENLABS_BASE_URL": addresses["elevenlabs"],
        "EXECUTOR_RUNWAY_API_KEY_FILE": str(key),
        "EXECUTOR_RUNWAY_BASE_URL": addresses["runway"],
        "EXECUTOR_RUNWAY_POLL_INTERVAL_S": _POLL_INTERVAL_S,
        "EXECUTOR_GOOGLE_CREDENTIALS_FILE": str(account),
        "EXECUTOR_GOOGLE_TOKEN_URL": f"{addresses['veo']}/token",
        "EXECUTOR_VEO_BASE_URL": addresses["veo"],
        "EXECUTOR_VEO_POLL_INTERVAL_S": _POLL_INTERVAL_S,
        "EXECUTOR_REMOTION_CREDENTIALS_FILE": str(remotion),
        "EXECUTOR_REMOTION_BASE_URL": addresses["remotion"],
        "EXECUTOR_REMOTION_POLL_INTERVAL_S": _POLL_INTERVAL_S,
    }


def _make_service_account(account: Path, public: Path) -> None:
    """An account that only the simulated Veo knows."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    content = {
        "type": "service_account",
        "project_id": "simulated",
        "private_key_id": "1",
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "client_email": "montage@simulated.iam.gserviceaccount.com",
    }
    write_private(account, json.dumps(content))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
