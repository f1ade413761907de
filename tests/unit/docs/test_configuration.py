"""docs/configuration.md is what the classes say that read the settings, and they say something of each."""

import pytest

from deploy.configuration import NO_UNIT, PROGRAMS, meanings, page
from media_lambda.settings import VARIABLES
from tests.unit.docs.pages import names, plain, read, rows, section

PAGE = read("docs/configuration.md")


def test_page_is_the_one_that_gen_writes() -> None:
    assert page() == PAGE


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_setting_says_what_it_does(program: str) -> None:
    settings = PROGRAMS[program]

    assert settings.model_fields.keys() - meanings(settings).keys() == set()
    assert names(section(PAGE, program), "Variable") == [settings.variable_of(name) for name in settings.model_fields]


def test_variables_of_the_media_function_are_listed() -> None:
    assert names(section(PAGE, "Media function"), "Variable") == list(VARIABLES)


@pytest.mark.parametrize(
    ("variable", "cells"),
    [
        ("PIPELINE_LISTEN", ("host:port", NO_UNIT, "required")),
        ("PIPELINE_MAX_START_TO_CLOSE_S", ("number, more than 0", "seconds", "none")),
        ("EXECUTOR_S3_ACCESS_KEY_FILE", ("secret file", NO_UNIT, "none")),
        ("EXECUTOR_LOG_LEVEL", ("debug, info, warning, error", NO_UNIT, "info")),
        ("GATEWAY_PEER_PER_S", ("number, at least 0", "a second", "2000")),
        ("GATEWAY_BODY_LIMIT_BYTES", ("whole number, at least 1024, at most 1048576", "bytes", "65536")),
    ],
)
def test_row_says_type_unit_and_default(variable: str, cells: tuple[str, ...]) -> None:
    (row,) = (row for row in rows(PAGE, "Variable") if plain(row[0]) == variable)

    assert tuple(map(plain, row[1:4])) == cells
