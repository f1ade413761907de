"""Wires the executor, top to bottom: what it talks to, what it can do, where its work comes from."""

import uuid
from dataclasses import replace

from montage.v1.credential_service_pb2_grpc import CredentialServiceStub
from montage.v1.execution_service_pb2_grpc import ExecutionServiceStub
from nats.aio.client import Client
from nats.aio.msg import Msg
from prometheus_client import CollectorRegistry, Gauge

from executor_service.completion.owners_keys import OwnersKeys
from executor_service.completion.reports import ExecutionReports
from executor_service.config import ExecutorSettings
from executor_service.consumer.announcing import Announcer
from executor_service.consumer.consumer import QueueConsumer
from executor_service.consumer.drain import RELEASE_S, drain
from executor_service.executors.executor import Executors
from executor_service.executors.invoke_lambda import InvokeLambda
from executor_service.executors.lambda_media import MediaFunction
from executor_service.executors.registry import build_executors
from executor_service.functions import own_functions
from executor_service.integrations.aws_lambda import LambdaAddress, LambdaFunctions
from executor_service.integrations.fetch import Fetcher
from executor_service.runner.attempt import Tools
from executor_service.runner.metrics import RunnerMetrics
from executor_service.runner.runner import Runner
from executor_service.runner.workspace import Workspace
from executor_service.task import ExecutionId
from executor_service.vendors import Vendors
from servicekit import nats_client
from servicekit.clock import SystemClock
from servicekit.failpoints import Failpoints
from servicekit.grpc_client import ServiceChannel
from servicekit.lifecycle import Lifecycle
from servicekit.nats_client import NatsAddress
from servicekit.nats_waiting import WaitingConnection
from servicekit.object_store import ObjectStore
from servicekit.ops_listener import OpsListener
from servicekit.s3 import StoreAddress
from servicekit.telemetry import exporting_tracer, new_metrics_registry
from servicekit.tls import TlsFiles

VERSION = "1"
STOP_OVERHEAD_S = RELEASE_S + 7.0
"""What an orderly stop needs besides the grace for running work."""
_CONTROL = "control."


async def start(settings: ExecutorSettings, life: Lifecycle) -> None:
    """Start all parts; `life` stops them in reverse order, the consumers first."""
    registry = new_metrics_registry(service="executor", version=VERSION)
    # Traces come with the work: none begins here.
    tracer = life.hold(
        exporting_tracer(settings.otlp_endpoint, share=0.0, service="executor", version=VERSION, registry=registry)
    )
    clock = SystemClock()
    tls = TlsFiles(cert=settings.tls_cert_file, key=settings.tls_key_file, ca=settings.tls_ca_file)

    workspace = Workspace(settings.work_dir)
    life.on_stop(workspace.aclose)
    store = ObjectStore(_store_address(settings))
    life.on_stop(store.close)
    functions = LambdaFunctions(_lambda_address(settings))
    life.on_stop(functions.close)
    public_store = _public_store(settings, life)
    vendors = Vendors(settings, life, store=store, public_store=public_store, clock=clock)
    invoke_lambda = InvokeLambda(own_functions(settings, life), public_store or store)
    channel = await life.enter(ServiceChannel(str(settings.pipeline_addr), tls=tls))
    reports = ExecutionReports(ExecutionServiceStub(channel))
    life.on_stop(reports.close)
    worker = f"executor-{uuid.uuid4().hex[:8]}"
    metrics = RunnerMetrics(registry)
    connection = WaitingConnection(
        _nats_address(settings, tls), name=worker, on_error=lambda kind: metrics.nats_errors.labels(kind=kind).inc()
    )
    nats = connection.client
    life.on_stop(lambda: nats_client.close(nats))

    runner = Runner(
        Tools(
            reports=reports,
            owners_keys=OwnersKeys(CredentialServiceStub(channel)),
            executors=_executors(settings, store, functions, invoke_lambda, vendors),
            workspace=workspace,
            clock=clock,
            metrics=metrics,
            tracer=tracer,
            failpoints=Failpoints.parse(settings.failpoints),
        )
    )
    connection.at_first(lambda: _listen_to_control(nats, runner))
    await _start_ops(settings, life, registry, nats=nats, channel=channel, store=store)
    life.spawn("nats", connection.run())

    busy = Gauge("executor_busy_slots", "Deliveries in work, by task queue.", ["queue"], registry=registry)
    consumers = [
        QueueConsumer(nats, queue, slots=slots, handle=runner.handle, clock=clock, busy=busy)
        for queue, slots in settings.queues().items()
    ]
    for consumer in consumers:
        life.spawn(f"consume {consumer.queue}", connection.once_connected(consumer.run))
    announcer = Announcer(nats, worker=worker, slots=settings.queues())
    life.spawn("announce", connection.once_connected(announcer.run))
    life.on_stop(lambda: drain(consumers, runner, grace_s=settings.drain_s))
    life.on_stop(announcer.withdraw)


def _executors(
    settings: ExecutorSettings,
    store: ObjectStore,
    functions: LambdaFunctions,
    invoke_lambda: InvokeLambda,
    vendors: Vendors,
) -> Executors:
    media = MediaFunction(functions, function_name=settings.media_function, bucket=settings.s3_bucket)
    return build_executors(
        store=store,
        media_function=media,
        invoke_lambda=invoke_lambda,
        fetcher=Fetcher(),
        paid=vendors.paid(),
        test_paid=vendors.test_paid(),
    )


async def _listen_to_control(nats: Client, runner: Runner) -> None:
    """`control.<execution>` says that something changed; what, the next heartbeat's answer tells."""

    async def on_control(message: Msg) -> None:
        runner.look_after(ExecutionId(message.subject.removeprefix(_CONTROL)))

    await nats.subscribe(f"{_CONTROL}*", cb=on_control)


async def _start_ops(
    settings: ExecutorSettings,
    life: Lifecycle,
    registry: CollectorRegistry,
    *,
    nats: Client,
    channel: ServiceChannel,
    store: ObjectStore,
) -> None:
    ops = OpsListener(
        host=settings.ops_listen.host,
        port=settings.ops_listen.port,
        registry=registry,
        checks={
            "nats": lambda: nats_client.check_connected(nats),
            "pipeline": channel.channel_ready,
            "store": store.check,
        },
    )
    await ops.start()
    life.on_stop(ops.stop)


def _store_address(settings: ExecutorSettings) -> StoreAddress:
    return StoreAddress(
        bucket=settings.s3_bucket,
        region=settings.s3_region,
        endpoint=settings.s3_endpoint,
        access_key_file=settings.s3_access_key_file,
        secret_key_file=settings.s3_secret_key_file,
    )


def _public_store(settings: ExecutorSettings, life: Lifecycle) -> ObjectStore | None:
    """The same bucket under the name that the internet knows; it only signs addresses."""
    if settings.public_s3_endpoint is None:
        return None
    public = ObjectStore(replace(_store_address(settings), endpoint=settings.public_s3_endpoint))
    life.on_stop(public.close)
    return public


def _lambda_address(settings: ExecutorSettings) -> LambdaAddress:
    return LambdaAddress(
        region=settings.s3_region,
        endpoint=settings.lambda_endpoint,
        access_key_file=settings.s3_access_key_file,
        secret_key_file=settings.s3_secret_key_file,
    )


def _nats_address(settings: ExecutorSettings, tls: TlsFiles) -> NatsAddress:
    return NatsAddress(
        url=settings.nats_url,
        user=settings.nats_user,
        password_file=settings.nats_password_file,
        inbox_prefix=f"_INBOX_{settings.nats_user}",
        tls=tls,
    )
