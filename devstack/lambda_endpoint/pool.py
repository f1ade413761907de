"""The workers of one function, and what waits for them."""

import threading

import structlog

from devstack.lambda_endpoint.due_queue import DueQueue
from devstack.lambda_endpoint.invocation import Task
from devstack.lambda_endpoint.runtime_api import RuntimeApi
from devstack.lambda_endpoint.worker import Function, StoppedError, Worker

_MAX_WAITING = 10_000


class Pool:
    """Runs tasks on a fixed number of workers, whose processes start when they are first needed."""

    def __init__(self, function: Function, *, workers: int, api: RuntimeApi) -> None:
        self._queue: DueQueue[Task] = DueQueue(max_items=_MAX_WAITING)
        self._workers = [Worker(function, api) for _ in range(workers)]
        self._threads = [
            threading.Thread(target=self._serve, args=(worker,), name=f"{function.name}-{index}", daemon=True)
            for index, worker in enumerate(self._workers)
        ]
        self._log = structlog.get_logger()

    def start(self) -> None:
        """Begin to run tasks."""
        for thread in self._threads:
            thread.start()

    def submit(self, task: Task, *, delay_s: float = 0.0, is_forced: bool = False) -> None:
        """Run `task` when a worker is free. Raises QueueFullError unless `is_forced`."""
        self._queue.put(task, delay_s=delay_s, is_forced=is_forced)

    def stop(self) -> None:
        """Kill the processes; tasks that had not ended stay unfinished."""
        self._queue.close()
        for worker in self._workers:
            worker.stop()
        for thread in self._threads:
            thread.join()

    def _serve(self, worker: Worker) -> None:
        while (task := self._queue.get()) is not None:
            try:
                task.finish(worker.run(task))
            except StoppedError:
                return
            except Exception:
                # One task that cannot be read or booked must not take the worker's thread with it.
                self._log.exception("task_not_booked", request_id=task.request_id)
