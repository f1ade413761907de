"""Makes the bucket of a new store: `python ensure_bucket.py ENDPOINT BUCKET REGION ACCESS_KEY_FILE SECRET_KEY_FILE`.

Safe to repeat. The services never make a bucket themselves: on AWS it exists before they do.
"""

import asyncio
import sys
from pathlib import Path

from servicekit.object_store import ObjectStore
from servicekit.s3 import StoreAddress


async def ensure(address: StoreAddress) -> None:
    store = ObjectStore(address)
    try:
        await store.ensure_bucket()
    finally:
        await store.close()


if __name__ == "__main__":
    endpoint, bucket, region, access_key_file, secret_key_file = sys.argv[1:]
    asyncio.run(
        ensure(
            StoreAddress(
                bucket=bucket,
                region=region,
                endpoint=endpoint,
                access_key_file=Path(access_key_file),
                secret_key_file=Path(secret_key_file),
            )
        )
    )
