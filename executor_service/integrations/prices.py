"""Prices of vendors that do not state what a job cost: `prices.toml` beside this file."""

import functools
import tomllib
from importlib import resources
from typing import Any


def cost_micros(vendor: str, model: str, units: float | None) -> int | None:
    """Millionths of a US dollar for so many units; None for a model without a price, or for units that nobody knows."""
    price = _prices().get(vendor, {}).get(model)
    if price is None or units is None:
        return None
    return round(units * int(price["micros"]))


@functools.cache
def _prices() -> dict[str, dict[str, dict[str, Any]]]:
    text = resources.files(__package__).joinpath("prices.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
