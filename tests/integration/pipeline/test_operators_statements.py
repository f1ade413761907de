"""The statements that docs/operations.md tells operators to run can be run on the schema."""

import re
from pathlib import Path

import asyncpg
import pytest

from tests.integration.pipeline.conftest import Database

PAGE = Path(__file__).parents[3] / "docs" / "operations.md"
STATEMENTS = re.findall(r"```sql\n(.+?);\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda text: " ".join(text.split()[:2]))
async def test_statement_of_an_operator_fits_the_schema(database: Database, statement: str) -> None:
    owner = await asyncpg.connect(database.owner_url, password=database.owner_password)
    try:
        assert await owner.fetch(f"EXPLAIN {statement}")
    finally:
        await owner.close()
