"""A function of your own for `invoke-lambda`: counts the words of its inputs. Needs nothing but Python's own library.

It reads each input from the address that comes with the event, writes its result once to the one that is meant for
it, and says so at the callback. `docs/functions.md` tells of every field.
"""

import hashlib
import json
import re
import urllib.request
from collections import Counter
from typing import Any

_TIMEOUT_S = 30


def handler(event: dict[str, Any], context: object) -> None:
    """What AWS Lambda calls."""
    del context
    try:
        report = _report(event, _count(event))
    except (KeyError, TypeError, ValueError) as error:
        report = {"error": f"cannot count: {error}", "error_type": "invalid_input"}
    _call_back(event, report)


def _count(event: dict[str, Any]) -> bytes:
    shortest = int(event["payload"].get("shortest", 1))
    words = [word.lower() for source in event["inputs"] for word in re.findall(r"\w+", _text(source))]
    counted = Counter(word for word in words if len(word) >= shortest)
    return json.dumps({"words": len(words), "most": dict(counted.most_common(10))}).encode()


def _text(source: dict[str, Any]) -> str:
    """Small texts come with the event, all others lie behind an address."""
    if "content" in source:
        return str(source["content"])
    with urllib.request.urlopen(source["url"], timeout=_TIMEOUT_S) as answer:
        return str(answer.read().decode())


def _report(event: dict[str, Any], result: bytes) -> dict[str, Any]:
    output, content_type = event["output"], "application/json"
    headers = {**output["headers"], "Content-Type": content_type}
    _send(urllib.request.Request(output["url"], data=result, headers=headers, method="PUT"))
    digest = hashlib.sha256(result).hexdigest()
    facts = {"s3_key": output["s3_key"], "size": len(result), "sha256": digest, "content_type": content_type}
    return {"result": facts}


def _call_back(event: dict[str, Any], report: dict[str, Any]) -> None:
    body = {name: event[name] for name in ("node_uuid", "executor_type", "process_uuid")} | report
    headers = {"Content-Type": "application/json"}
    data = json.dumps(body).encode()
    _send(urllib.request.Request(event["callback_url"], data=data, headers=headers, method=event["callback_method"]))


def _send(request: urllib.request.Request) -> None:
    """An answer that refuses ends the function with an error; Lambda's on-failure destination gets the event."""
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S):
        pass
