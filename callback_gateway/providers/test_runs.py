"""A run of tests: POST /spi/test_runs, PATCH /spi/test_runs/{id}."""

import msgspec

from callback_gateway.providers import results
from callback_gateway.providers.json_body import decode
from callback_gateway.report import Report

EXAMPLES = results.examples("test_run")


class Body(msgspec.Struct):
    """`{"test_run": {"status", "output", "metadata"}}`."""

    test_run: results.Result


def parse(body: bytes) -> Report:
    """Raises MalformedReport, UnacceptableReport."""
    return results.report_of(decode(body, Body, max_depth=results.MAX_DEPTH).test_run)
