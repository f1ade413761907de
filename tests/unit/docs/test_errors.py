"""docs/errors.md tells every reason of the contract once, and which of them code sends."""

import re

import grpc
from montage.v1 import errors_pb2

from tests.unit.docs.pages import ROOT, plain, read, rows, section

TABLE = rows(section(read("docs/errors.md"), "Reasons"), "Reason")
EVERY = [name.removeprefix("ERROR_REASON_") for name in errors_pb2.ErrorReason.keys()[1:]]
NEVER_SENT = "none"


def test_errors_has_one_row_for_each_reason_of_the_contract() -> None:
    assert sorted(plain(row[0]) for row in TABLE) == sorted(EVERY)


def test_errors_rows_tell_code_meaning_and_what_to_do() -> None:
    known = {code.name for code in grpc.StatusCode} | {NEVER_SENT}

    for row in TABLE:
        _, code, meaning, what_to_do = row
        assert code in known, row
        assert meaning, row
        assert what_to_do, row


def test_errors_that_have_a_code_are_those_that_code_sends() -> None:
    paths = [path for folder in ("pipeline_service", "servicekit") for path in sorted((ROOT / folder).rglob("*.py"))]
    code = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    # The service makes these of what was looked for.
    made = {f"{kind.upper().replace(' ', '_')}_NOT_FOUND" for kind in re.findall(r'NotFound\("([a-z ]+)"', code)}

    sent = {plain(row[0]) for row in TABLE if row[1] != NEVER_SENT}

    assert sent == {name for name in EVERY if f'"{name}"' in code} | made
