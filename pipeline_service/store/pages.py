"""One page of a list as a statement."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pipeline_service.commands.views import Listed
from pipeline_service.domain.lists import Cursor, Listing, Page
from pipeline_service.store.codec import Row
from pipeline_service.store.filters import Column, Parameters, condition

View = TypeVar("View")


@dataclass(frozen=True, kw_only=True)
class ListStatement:
    """A list: what is selected, by which columns it is filtered and ordered."""

    listing: Listing
    columns: str
    """What is selected of a row."""
    source: str
    """FROM and WHERE, with as many parameters as the list has arguments of its own."""
    filters: Mapping[str, Column]
    """By field."""
    orders: Mapping[str, str]
    """Expressions by field. With the tie each is unique, and has an index."""
    tie: str = ""

    def of(self, page: Page, *arguments: object) -> tuple[str, list[object]]:
        """The statement of a page and its parameters. It asks for one row more than the page has."""
        parameters = Parameters(*arguments)
        order = page.order or self.listing.default
        keys = [self.orders[order.field], *([self.tie] if self.tie else [])]
        conditions = [condition(page.filter, self.filters, parameters)] if page.filter else []
        if page.after:
            places = ", ".join(parameters.add(value) for value in page.after)
            conditions.append(f"({', '.join(keys)}) {'<' if order.descending else '>'} ({places})")
        direction = " DESC" if order.descending else ""
        statement = (
            f"SELECT {self.columns}, {', '.join(f'{key} AS key_{number}' for number, key in enumerate(keys))}"
            f" {self.source}{''.join(f' AND {one}' for one in conditions)}"
            f" ORDER BY {', '.join(key + direction for key in keys)} LIMIT {parameters.add(page.limit + 1)}"
        )
        return statement, parameters.values

    def listed(self, rows: Sequence[Row], page: Page, view: Callable[[Row], View]) -> Listed[View]:
        """The rows of a page, each with its place."""
        shown = rows[: page.limit]
        return Listed(
            items=[view(row) for row in shown],
            places=[self._place(row) for row in shown],
            has_more=len(rows) > page.limit,
        )

    def _place(self, row: Row) -> Cursor:
        return tuple(row[f"key_{number}"] for number in range(2 if self.tie else 1))
