"""Makes a film from Python, in the clone and with a running bin/dev: .venv/bin/python examples/client.py."""

import asyncio
import os
from pathlib import Path

from montage_cli.client import MontageClient
from montage_cli.connection import find_connection

CLIP = {"id": "clip", "type": "generate-animation", "title": "Hello", "config": {"provider": "local", "duration": 2}}


async def main() -> None:
    async with MontageClient(find_connection(os.environ, folder=Path.cwd(), repository=Path.cwd())) as client:
        pipeline = (await client.import_pipeline({"id": "from-python", "nodes": [CLIP]})).pipeline
        run = await client.run(pipeline.name)
        async for update in client.watch(pipeline.name, after_sequence=pipeline.last_sequence):
            if update.HasField("event"):
                print(update.event.node or update.event.run, update.event.new_state)
            if (await client.get_run(run.name)).HasField("end_time"):
                break
        print(await client.download(f"{pipeline.name}/nodes/clip", Path("out/clip.mp4")))


asyncio.run(main())
