"""How long a refusal takes says nothing about what was wrong."""

import random
import statistics
import time
from collections import defaultdict
from pathlib import Path

import pytest

from tests.integration.gateway.raw import RawCaller, connected
from tests.integration.gateway.rig import Rig, running
from tests.unit.gateway.capabilities import PATH, KeyPair, just_expired

NUMBER = 5_000
TOLERANCE = 0.05


def forgeries(rig: Rig) -> dict[str, str]:
    """Of each kind one, as it stands in the query. All are about as long: who sends less also waits less."""
    token = rig.keys.issue()
    middle = len(token) // 3
    return {
        "none": f"pad={token}",
        "garbage": f"cap={'A' * len(token)}",
        "flipped body": f"cap={token[:middle]}{'A' if token[middle] != 'A' else 'B'}{token[middle + 1 :]}",
        "cut off": f"cap={token[:-1]}",
        # Under a key of nobody's; the HMAC, which is the pipeline service's to check, is right.
        "right HMAC, wrong Ed25519": f"cap={KeyPair.make('k1').issue()}",
        "unknown key id": f"cap={KeyPair.make('k9').issue()}",
        "other audience": f"cap={rig.keys.issue(audience='read')}",
        "forged and expired": f"cap={KeyPair.make('k1').issue(exp=just_expired())}",
    }


async def seconds(caller: RawCaller, query: str) -> float:
    request = f"POST {PATH}?{query} HTTP/1.1\r\nHost: gateway\r\nContent-Length: 0\r\n\r\n".encode()
    began = time.perf_counter()
    await caller.send(request)
    answer = await caller.answer()
    took = time.perf_counter() - began
    assert answer.startswith(b"HTTP/1.1 401 ")
    return took


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_medians_of_all_kinds_of_refusals_are_alike(tmp_path: Path) -> None:
    async with running(tmp_path, GATEWAY_PEER_PER_S="0") as rig, connected(rig) as caller:
        queries = forgeries(rig)
        order = [kind for kind in queries for _ in range(NUMBER)]
        random.Random(1).shuffle(order)
        took: dict[str, list[float]] = defaultdict(list)
        for kind in order:
            took[kind].append(await seconds(caller, queries[kind]))

    medians = {kind: statistics.median(all_of) * 1e6 for kind, all_of in took.items()}
    usual = statistics.median(medians.values())
    print({kind: round(median) for kind, median in medians.items()}, "µs")
    assert {kind: median for kind, median in medians.items() if abs(median / usual - 1) > TOLERANCE} == {}
