"""The fake vendor of tests and fault runs: jobs over plain HTTP on this machine. Knows nothing of ours."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

TIMEOUT_S = 5.0
_REFUSALS = range(400, 500)
_IN_DOUBT = frozenset({408, 425})


class LedgerRefused(Exception):
    """The vendor definitely did not accept it."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the vendor answers {status}")
        self.status = status


class LedgerAway(Exception):
    """No answer, or none that decides anything: what was sent may have been accepted."""


@dataclass(frozen=True, kw_only=True)
class Job:
    id: str
    status: str
    """`running`, `done` or `failed`; another word means that it still runs."""
    reason: str = ""
    cost_micros: int | None = None


class Ledger:
    """One of the two vendors behind one address."""

    def __init__(self, base_url: str, *, knows_keys: bool) -> None:
        """One that does not know keys finds no job by them either."""
        self.knows_keys = knows_keys
        self._client = httpx.AsyncClient(
            base_url=f"{base_url}/{'keyed' if knows_keys else 'blind'}", timeout=TIMEOUT_S, trust_env=False
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def submit(self, work: Mapping[str, object], *, key: str) -> Job:
        """Raises LedgerRefused, LedgerAway."""
        return _job((await self._ask("POST", "/jobs", json=dict(work), headers={"Idempotency-Key": key})).json())

    async def find(self, key: str) -> Job | None:
        """The job of a submission, or None. Raises LedgerAway, and LedgerRefused where keys are unknown."""
        found = (await self._ask("GET", "/jobs", params={"key": key})).json()["jobs"]
        return _job(found[0]) if found else None

    async def job(self, job_id: str) -> Job:
        """Raises LedgerRefused for a job that the vendor does not know, LedgerAway."""
        return _job((await self._ask("GET", f"/jobs/{job_id}")).json())

    async def result(self, job_id: str) -> bytes:
        """Raises LedgerRefused, LedgerAway."""
        return (await self._ask("GET", f"/jobs/{job_id}/result")).content

    async def _ask(self, method: str, path: str, **options: object) -> httpx.Response:
        try:
            answer = await self._client.request(method, path, **options)  # type: ignore[arg-type]
        except httpx.HTTPError as error:
            raise LedgerAway(type(error).__name__) from error
        if answer.status_code in _REFUSALS and answer.status_code not in _IN_DOUBT:
            raise LedgerRefused(answer.status_code)
        if not answer.is_success:
            raise LedgerAway(f"the vendor answers {answer.status_code}")
        return answer


def _job(body: Mapping[str, object]) -> Job:
    cost = body.get("cost_micros")
    return Job(
        id=str(body["id"]),
        status=str(body["status"]),
        reason=str(body.get("reason", "")),
        cost_micros=cost if isinstance(cost, int) else None,
    )
