"""Is what was recorded what was reported, by whom it was asked of, and in time?"""

import hashlib
import json
from collections.abc import Iterator, Mapping

from tests.chaos.evidence import Evidence


def stale_results(evidence: Evidence) -> Iterator[str]:
    """Every result that came late, or from somebody else, and was taken."""
    yield from _stale_callbacks(evidence)
    yield from _foreign_results(evidence)
    yield from _foreign_purchases(evidence)


def _stale_callbacks(evidence: Evidence) -> Iterator[str]:
    """What was recorded is what the vendor said, and nothing else that it said was taken."""
    executions = {row["id"]: row for row in evidence.executions}
    for line in evidence.history:
        if line["what"] != "called_back" or line["answer"] != "ok":
            continue
        execution = executions.get(line["execution"])
        if execution is None or execution["state"] != "SUCCEEDED":
            yield f"a callback was taken for {line['execution']}, which did not succeed"
        elif execution["sha256"] != line["sha256"]:
            yield f"a callback was taken for {line['execution']} that says something else than its result"


def _foreign_results(evidence: Evidence) -> Iterator[str]:
    """What a node has was made by an execution of its own, under that one's prefix."""
    made = {(row["node"], row["spec_digest"]): row for row in evidence.executions if row["state"] == "SUCCEEDED"}
    for node in evidence.nodes:
        if node["status"] != "completed" or node["type"] == "asset":
            continue
        maker = made.get((node["uid"], node["done_spec"]))
        if maker is None or maker["sha256"] != node["sha256"] or maker["s3_key"] != node["s3_key"]:
            yield f"the output of {node['pipeline']}/{node['id']} is not what its execution made"
        elif maker["s3_key"]:
            prefix = f"pipelines/{node['pipeline_uid']}/nodes/{node['uid']}/executions/{maker['id']}/"
            if not maker["s3_key"].startswith(f"{prefix}{maker['result_claim']}/"):
                yield f"the output of {node['pipeline']}/{node['id']} lies outside of its execution's prefix"


def _foreign_purchases(evidence: Evidence) -> Iterator[str]:
    """What was bought is what the node got: the vendor makes equal bytes of equal work."""
    expected = {line["work"]["nonce"]: expected_sha256(line["work"]) for line in evidence.bill}
    for node in evidence.nodes:
        is_bought = node["status"] == "completed" and node["provider"] == "ledger"
        if is_bought and expected.get(node["nonce"]) != node["sha256"]:
            yield f"the output of {node['pipeline']}/{node['id']} is not what the vendor made for it"


def expected_sha256(work: Mapping[str, object]) -> str:
    """Of what the vendor makes of some work, said once more in words of our own."""
    of = hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()
    return hashlib.sha256(json.dumps({"made_by": "ledger", "of": of}).ljust(200).encode()).hexdigest()
