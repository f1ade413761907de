"""Reads `order_by`."""

from pipeline_service.domain.lists.errors import InvalidOrder
from pipeline_service.domain.lists.fields import Listing
from pipeline_service.domain.lists.values import Order
from pipeline_service.domain.violations import did_you_mean, spelled

_DIRECTIONS = ("asc", "desc")


def read_order(text: str, listing: Listing) -> Order:
    """`field` or `field desc`; the list's own order when empty. Raises InvalidOrder."""
    words = text.split()
    if not words:
        return listing.default
    field, *direction = words
    if "," in text or len(direction) > 1 or any(word not in _DIRECTIONS for word in direction):
        raise InvalidOrder(f"expected '<field>' or '<field> desc', found '{text[:80]}'")
    if field not in listing.orders:
        hint = did_you_mean(field, listing.orders) or f"; there are {spelled(listing.orders)}"
        raise InvalidOrder(f"there is no order by '{field[:80]}'{hint}")
    return Order(field=field, descending=direction == ["desc"])
