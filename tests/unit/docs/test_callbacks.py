"""docs/callbacks.md shows bodies that the gateway takes."""

import json
import re
from typing import Any

import pytest

from callback_gateway.report import Failure, Output, Progress
from callback_gateway.routes.families import FAMILIES, Family
from tests.unit.docs.pages import read

PAGE = read("docs/callbacks.md")
EXAMPLES = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


def families_of(body: dict[str, Any]) -> list[Family]:
    """Those whose bodies have all of its fields."""
    return [family for family in FAMILIES if set(body) <= set(family.provider.Body.__struct_fields__)]


@pytest.mark.parametrize("body", EXAMPLES, ids=lambda body: next(iter(body)))
def test_example_is_a_report(body: dict[str, Any]) -> None:
    families = families_of(body)

    assert families
    for family in families:
        report = family.provider.parse(json.dumps(body).encode())
        assert isinstance(report.outcome, Output | Failure | Progress)


def test_every_family_has_an_example_and_a_route() -> None:
    shown = {family.name for body in EXAMPLES for family in families_of(body)}

    assert shown == {family.name for family in FAMILIES}
    assert [family.path for family in FAMILIES[1:] if f"`{family.method} {family.path}`" not in PAGE] == []
