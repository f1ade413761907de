"""A service that starts before its database."""

import asyncio
from urllib.parse import urlsplit

import asyncpg
import pytest

from devstack.layout import ENGINE_ROLE
from pipeline_service.store.pool import open_pool
from tests.chaos.proxy import Proxy
from tests.e2e.house import until_true
from tests.integration.pipeline.conftest import Database


async def test_pool_waits_for_a_server_that_is_away_and_opens_when_it_comes(database: Database) -> None:
    server = urlsplit(database.urls[ENGINE_ROLE])
    async with Proxy() as nobody_yet:
        url = server._replace(netloc=f"{ENGINE_ROLE}@{nobody_yet.address}").geturl()
        opening = asyncio.create_task(open_pool(url, password=database.passwords[ENGINE_ROLE], size=1))
        await until_true(lambda: nobody_yet.refused >= 2)
        assert not opening.done()

        nobody_yet.target = (str(server.hostname), server.port or 0)
        pool = await opening

        assert await pool.fetchval("SELECT 1") == 1
        await pool.close()


async def test_pool_does_not_wait_where_the_password_is_wrong(database: Database) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await open_pool(database.urls[ENGINE_ROLE], password="wrong", size=1)
