"""A job of a tool, for example of an analysis or a linter: PATCH /spi/tooling_jobs/{id}."""

import msgspec

from callback_gateway.providers import results
from callback_gateway.providers.json_body import decode
from callback_gateway.report import Report

EXAMPLES = results.examples("tooling_job")


class Body(msgspec.Struct):
    """`{"tooling_job": {"status", "output", "metadata"}}`."""

    tooling_job: results.Result


def parse(body: bytes) -> Report:
    """Raises MalformedReport, UnacceptableReport."""
    return results.report_of(decode(body, Body, max_depth=results.MAX_DEPTH).tooling_job)
