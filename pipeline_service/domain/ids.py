"""Identifiers. Names speak ids, edges and rows speak uids."""

from typing import NewType
from uuid import UUID

Owner = NewType("Owner", str)
PipelineId = NewType("PipelineId", str)
PipelineUid = NewType("PipelineUid", UUID)
NodeId = NewType("NodeId", str)
NodeUid = NewType("NodeUid", UUID)
RunId = NewType("RunId", UUID)
ExecutionId = NewType("ExecutionId", UUID)
Claim = NewType("Claim", UUID)
PurchaseId = NewType("PurchaseId", UUID)
TaskQueue = NewType("TaskQueue", str)

NO_CLAIM = Claim(UUID(int=0))
"""Of a report from outside that knows no claim. No worker has it."""
