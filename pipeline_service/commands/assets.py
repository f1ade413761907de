"""Registers the bytes of assets before they are uploaded."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline_service.commands.errors import ArtifactMismatch
from pipeline_service.commands.ports import Artifacts, Store, Upload
from pipeline_service.domain.ids import Owner
from pipeline_service.domain.keys import asset_key

_EXTENSION = re.compile(r"[a-z0-9]{1,10}")


@dataclass(frozen=True, kw_only=True)
class RegisteredAsset:
    """Where an asset's bytes belong, and how to bring them there."""

    source: str
    """Reference for documents."""
    key: str
    upload: Upload | None
    """None when the bytes are there already."""


class Assets:
    """The use cases of material that users give."""

    def __init__(self, *, store: Store, artifacts: Artifacts) -> None:
        self._store = store
        self._artifacts = artifacts

    async def register(
        self, owner: Owner, *, sha256: str, size_bytes: int, content_type: str, file_name: str
    ) -> RegisteredAsset:
        """Answer where bytes belong, with a presigned upload bound to length and checksum unless they are there.

        Raises ArtifactMismatch when bytes of that digest are there with another length: then the request is wrong.
        """
        suffix = PurePosixPath(file_name).suffix.removeprefix(".").lower()
        extension = suffix if _EXTENSION.fullmatch(suffix) else "bin"
        key = asset_key(owner, sha256, extension)
        source = f"asset:sha256/{sha256}.{extension}"
        await self._store.note_assets([key])
        found = await self._artifacts.head(key)
        if found is not None:
            if found.size_bytes != size_bytes:
                raise ArtifactMismatch(
                    f"bytes with that sha256 have length {found.size_bytes}, the request says {size_bytes}"
                )
            return RegisteredAsset(source=source, key=key, upload=None)
        upload = await self._artifacts.presign_put(key, sha256=sha256, size_bytes=size_bytes, content_type=content_type)
        return RegisteredAsset(source=source, key=key, upload=upload)
