"""What the contract has and this version of the service does not do yet."""


class NotImplementedYet(Exception):
    """The contract has it, the service does not do it yet."""

    def __init__(self) -> None:
        super().__init__("This version of the service does not do that yet")
