"""The description of the interface says what the tables say."""

from openapi_spec_validator import validate

from callback_gateway.routes.families import FAMILIES
from callback_gateway.routes.openapi import description
from callback_gateway.routes.webhooks import PLATFORMS, VENDORS

SOURCES = (*VENDORS, *PLATFORMS)
DESCRIPTION = description(SOURCES)


def test_description_is_valid_openapi() -> None:
    validate(DESCRIPTION)


def test_every_route_is_described_and_no_other() -> None:
    described = {(method, path) for path, item in DESCRIPTION["paths"].items() for method in item}

    callbacks = {(family.method.lower(), family.path) for family in FAMILIES}
    assert described == callbacks | {("post", f"/spi/webhooks/{source}") for source in SOURCES}


def test_every_body_has_an_example_for_each_of_its_kinds() -> None:
    for family in FAMILIES:
        body = DESCRIPTION["paths"][family.path][family.method.lower()]["requestBody"]["content"]["application/json"]
        assert {name: one["value"] for name, one in body["examples"].items()} == family.provider.EXAMPLES


def test_unconfigured_vendors_are_not_described() -> None:
    assert [path for path in description(PLATFORMS)["paths"] if "heygen" in path] == []


def test_answers_that_tell_when_to_come_back_say_so() -> None:
    for item in DESCRIPTION["paths"].values():
        for operation in item.values():
            told = {status for status, one in operation["responses"].items() if "Retry-After" in one.get("headers", {})}
            assert told == {"429", "503"}
