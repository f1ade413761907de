"""Why a filter or an order cannot be read."""


class InvalidFilter(ValueError):
    """The filter is not one, or not one of this list."""

    field = "filter"

    def __init__(self, column: int, description: str) -> None:
        self.description = f"column {column}: {description}"
        super().__init__(f"filter: {self.description}")


class InvalidOrder(ValueError):
    """The list has no such order."""

    field = "order_by"

    def __init__(self, description: str) -> None:
        self.description = description
        super().__init__(f"order_by: {description}")
