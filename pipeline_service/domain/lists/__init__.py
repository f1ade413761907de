"""What a list may be asked for: filters and orders of each list, read and checked."""

from pipeline_service.domain.lists.errors import InvalidFilter, InvalidOrder
from pipeline_service.domain.lists.fields import EVENTS, EXECUTIONS, NODES, PIPELINES, RUNS, Kind, Listing
from pipeline_service.domain.lists.filters import read_filter
from pipeline_service.domain.lists.orders import read_order
from pipeline_service.domain.lists.values import Cursor, Filter, Order, Page

__all__ = [
    "EVENTS",
    "EXECUTIONS",
    "NODES",
    "PIPELINES",
    "RUNS",
    "Cursor",
    "Filter",
    "InvalidFilter",
    "InvalidOrder",
    "Kind",
    "Listing",
    "Order",
    "Page",
    "read_filter",
    "read_order",
]
