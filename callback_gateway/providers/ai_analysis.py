"""What a model found in some material: POST /spi/ai_analysis."""

import msgspec

from callback_gateway.providers import results
from callback_gateway.providers.json_body import decode
from callback_gateway.report import Report

EXAMPLES = results.examples("ai_analysis")


class Body(msgspec.Struct):
    """`{"ai_analysis": {"status", "output", "metadata"}}`."""

    ai_analysis: results.Result


def parse(body: bytes) -> Report:
    """Raises MalformedReport, UnacceptableReport."""
    return results.report_of(decode(body, Body, max_depth=results.MAX_DEPTH).ai_analysis)
