"""Where one stack is: its folders, its addresses, and what the world around it adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devstack.addresses import Addresses
from devstack.layout import Layout


@dataclass(frozen=True, kw_only=True)
class Place:
    """One stack's folders and addresses: what the entries of the table are made from."""

    layout: Layout
    addresses: Addresses
    test_types: bool = False
    media_environment: Mapping[str, str] = field(default_factory=dict)
    """Overrides for the media function, which runs below the Lambda endpoint."""
    inherited: Mapping[str, str] = field(default_factory=dict)
    """The environment around the stack, as far as it may add to the settings of our programs."""

    def ready_file(self, process: str) -> Path:
        return self.layout.ready / process
