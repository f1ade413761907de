"""Methods of the contract that this version of the service does not do yet; each says so with a reason."""

from typing import NoReturn

from google.protobuf.message import Message

from servicekit.grpc_handlers import Context


class NotImplementedYet(Exception):
    """The contract has the method, the service does not do it yet."""

    def __init__(self) -> None:
        super().__init__("This version of the service does not do that yet")


async def _refuse(_self: object, _request: Message, _context: Context) -> NoReturn:
    raise NotImplementedYet


class UnimplementedPipelineMethods:
    """Of PipelineService."""

    PlanPipeline = _refuse
