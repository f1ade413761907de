"""What a language model answered: POST /spi/chatgpt_responses."""

import msgspec

from callback_gateway.providers import results
from callback_gateway.providers.json_body import decode
from callback_gateway.report import Report

EXAMPLES = results.examples("chatgpt_response")


class Body(msgspec.Struct):
    """`{"chatgpt_response": {"status", "output", "metadata"}}`."""

    chatgpt_response: results.Result


def parse(body: bytes) -> Report:
    """Raises MalformedReport, UnacceptableReport."""
    return results.report_of(decode(body, Body, max_depth=results.MAX_DEPTH).chatgpt_response)
