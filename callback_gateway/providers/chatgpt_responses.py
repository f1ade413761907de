"""What a language model answered: POST /spi/chatgpt_responses."""

import msgspec

from callback_gateway.providers import results
from callback_gateway.providers.json_body import decode
from callback_gateway.report import Report

EXAMPLES = results.examples("chatgpt_response")


class Body(msgspec.Struct):
    """`{"chatgpt_response": {"status", "output", "metadata"}}`."""

    chatgpt_response: results.Result | None = None


def parse(body: bytes) -> Report:
    """Raises MalformedReport, UnacceptableReport."""
    decoded = decode(body, Body, max_depth=results.MAX_DEPTH)
    return results.report_of(decoded.chatgpt_response, family="chatgpt_response")
