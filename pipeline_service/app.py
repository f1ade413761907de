"""Wires the pipeline service, top to bottom."""

import asyncio
import random
from datetime import timedelta

from montage.v1 import (
    callback_service_pb2,
    callback_service_pb2_grpc,
    execution_service_pb2,
    execution_service_pb2_grpc,
    node_service_pb2_grpc,
    pipeline_service_pb2,
    pipeline_service_pb2_grpc,
    webhook_service_pb2_grpc,
)

from pipeline_service.artifacts import S3Artifacts
from pipeline_service.capabilities import Capabilities
from pipeline_service.chores import forget_requests, sweep_queue, tell_overview
from pipeline_service.commands.assets import Assets
from pipeline_service.commands.batcher import Batcher
from pipeline_service.commands.control import Control
from pipeline_service.commands.filling import Filler
from pipeline_service.commands.identifiers import uuid7
from pipeline_service.commands.nodes import Nodes
from pipeline_service.commands.pipelines import Pipelines
from pipeline_service.commands.places import Places
from pipeline_service.commands.reconcile import Reconciler
from pipeline_service.commands.reporting import Reporter
from pipeline_service.commands.runs import Runs
from pipeline_service.commands.sealing import Sealer
from pipeline_service.commands.signalling import Signals
from pipeline_service.commands.sweeping import Sweeper
from pipeline_service.commands.timers import Timers
from pipeline_service.commands.waking import Waker
from pipeline_service.commands.windows import Windows
from pipeline_service.config import Settings
from pipeline_service.dependencies import Dependencies
from pipeline_service.domain.engine.working_set import Rules
from pipeline_service.domain.ids import TaskQueue
from pipeline_service.domain.node_types import Catalogue, build_catalogue, paid_vendors
from pipeline_service.domain.states import Alarm
from pipeline_service.journal import LoggedJournal
from pipeline_service.lookout import look_out
from pipeline_service.metrics import Metrics
from pipeline_service.operating import operating_services
from pipeline_service.platforms import new_webhooks
from pipeline_service.relay.backlog import StreamBacklog
from pipeline_service.relay.controls import Controls
from pipeline_service.relay.publisher import Publisher
from pipeline_service.relay.slots import Slots
from pipeline_service.seal_log import SealLog
from pipeline_service.serving import VERSION, grpc_server
from pipeline_service.spans import EndedSpans, Observing
from pipeline_service.store.pool import Plans, Pool, Pools, open_pool
from pipeline_service.store.postgres import PostgresStore
from pipeline_service.store.reads import PostgresReader
from pipeline_service.store.requests import PostgresRequests
from pipeline_service.store.roles import check_roles
from pipeline_service.store.schema import wait_for_schema
from pipeline_service.store.seals import PostgresSeals
from pipeline_service.store.structures import StructureCache
from pipeline_service.transport.callbacks import CallbackServicer
from pipeline_service.transport.executions import ExecutionServicer
from pipeline_service.transport.nodes import NodeServicer
from pipeline_service.transport.owners import Owners
from pipeline_service.transport.patterns import PATTERNS
from pipeline_service.transport.pipelines import PipelineServicer
from pipeline_service.transport.repeats import Repeats
from pipeline_service.transport.uncovered import Uncovered
from pipeline_service.transport.watch import Pace
from pipeline_service.transport.watchers import Watchers
from pipeline_service.transport.webhooks import WebhookServicer
from servicekit import nats_client
from servicekit.config import read_secret
from servicekit.failpoints import Failpoints
from servicekit.grpc_server import Register
from servicekit.lifecycle import Lifecycle
from servicekit.nats_waiting import WaitingConnection
from servicekit.object_store import ObjectStore
from servicekit.ops_listener import OpsListener
from servicekit.s3 import StoreAddress
from servicekit.telemetry import exporting_tracer, new_metrics_registry
from servicekit.tls import TlsFiles
from servicekit.tokens import TokenIssuer, load_issuer_keys
from servicekit.validation import MessageValidator

WAITERS_EVERY_S = 5.0
"""How often waiters are looked for whose wake was missed: a rare race, and the look costs as much as they are many."""

OVERVIEW_EVERY_S = 5.0
"""How often metrics tell what the database knows of all replicas together."""


async def start(settings: Settings, life: Lifecycle) -> None:
    """Start every part. What was started last is stopped first: calls are drained before what serves them."""
    registry = new_metrics_registry(service="pipeline", version=VERSION)
    metrics = Metrics(registry)
    tracer = life.hold(
        exporting_tracer(
            settings.otlp_endpoint, share=settings.trace_share, service="pipeline", version=VERSION, registry=registry
        )
    )
    tls = TlsFiles(cert=settings.tls_cert_file, key=settings.tls_key_file, ca=settings.tls_ca_file)
    catalogue = build_catalogue(with_test_types=settings.test_types)
    slots = Slots()
    concurrency = settings.concurrency(paid_vendors(catalogue))
    windows = Windows(
        fixed=settings.windows(),
        slots=slots.of,
        concurrency={TaskQueue(vendor): concurrency[vendor] for vendor in paid_vendors(catalogue)},
    )
    rules = _rules(settings, catalogue, windows)

    pools = await _open_database(settings)
    life.on_stop(pools.close)
    await wait_for_schema(pools.engine)
    await check_roles(pools)
    object_store = ObjectStore(_store_address(settings))
    life.on_stop(object_store.close)
    connection = WaitingConnection(_nats_address(settings, tls), name="pipeline", on_error=metrics.nats_error)
    nats = connection.client
    life.on_stop(lambda: nats_client.close(nats))
    connection.at_first(lambda: slots.listen(nats))
    life.spawn("nats", connection.run())

    failpoints = Failpoints.parse(settings.failpoints)
    store = PostgresStore(
        pools,
        structures=StructureCache(),
        concurrency=concurrency,
        on_deadlock=lambda: metrics.raise_alarm(Alarm.DEADLOCK),
        crash_point=failpoints.hit,
    )
    pages = await _open_pages(settings)
    life.on_stop(pages.close)
    reader = PostgresReader(pages)
    artifacts = S3Artifacts(object_store)
    watchers = Watchers()
    controls = Controls(nats)
    places = Places(store)
    wakes = asyncio.Event()
    journal = LoggedJournal(
        watchers,
        controls=controls,
        raise_alarm=metrics.raise_alarm,
        places=places,
        wakes=wakes,
        windows=windows,
        spans=EndedSpans(tracer),
    )
    queues = sorted({queue for node_type in catalogue.values() for queue in node_type.queues.values()})
    publisher = Publisher(
        nats,
        queues=queues,
        replicas=settings.nats_replicas,
        published=metrics.published,
        tracer=tracer,
        crash_point=failpoints.hit,
    )
    batcher = Batcher(
        store=store,
        rules=rules,
        publisher=publisher,
        journal=journal,
        observer=Observing(metrics, tracer),
        crash_point=failpoints.hit,
    )
    reporter = Reporter(places=places, artifacts=artifacts, batcher=batcher, crash_point=failpoints.hit)
    reconciler = Reconciler(artifacts=artifacts, reporter=reporter, crash_point=failpoints.hit)
    timers = Timers(
        store=store,
        batcher=batcher,
        reconcile=reconciler.reconcile,
        can_publish=publisher.has_queue,
        crash_point=failpoints.hit,
    )
    pipelines = Pipelines(store=store, reader=reader, artifacts=artifacts, rules=rules, journal=journal)
    runs = Runs(store=store, rules=rules, batcher=batcher, publisher=publisher, journal=journal)
    nodes = Nodes(store=store, reader=reader, artifacts=artifacts, rules=rules, publisher=publisher, journal=journal)
    control = Control(store=store, rules=rules, publisher=publisher, journal=journal)
    capabilities = Capabilities(
        TokenIssuer(load_issuer_keys(settings.capability_keys_file)),
        gateway_url=settings.gateway_url,
        internal_url=settings.internal_url,
    )
    webhooks = new_webhooks(settings, metrics, pool=pools.engine)
    owners = Owners.load(settings.owners_file)
    requests = PostgresRequests(pools.engine)
    repeats = Repeats(requests, crash_point=failpoints.hit)

    life.spawn("relay", connection.once_connected(publisher.run))
    life.spawn("controls", connection.once_connected(controls.run))
    life.spawn("batcher", batcher.run())
    filler = Filler(store=store, batcher=batcher, windows=windows, crash_point=failpoints.hit)
    sweeper = Sweeper(store=store, backlog=StreamBacklog(nats.jetstream()))
    life.spawn("sweeping", connection.once_connected(lambda: sweep_queue(sweeper, metrics)))
    life.spawn("forgetting", forget_requests(requests))
    waker = Waker(store=store, batcher=batcher, crash_point=failpoints.hit)
    interval_s = settings.timer_interval_s
    life.spawn("timers", look_out("timers", timers.tick, metrics, interval_s=interval_s))
    life.spawn("waker", look_out("waker", waker.tick, metrics, interval_s=interval_s, bell=wakes))
    life.spawn("filler", look_out("filler", filler.tick, metrics, interval_s=interval_s, bell=windows.bell))
    if settings.seal_interval_s:
        seal_log = SealLog(metrics)
        sealer = Sealer(
            seals=PostgresSeals(pools.engine), sealed=seal_log.sealed, gap=seal_log.gap, crash_point=failpoints.hit
        )
        life.spawn("sealer", look_out("sealer", sealer.tick, metrics, interval_s=settings.seal_interval_s))
    life.spawn(
        "overview",
        look_out("overview", lambda: tell_overview(store, pools.engine, metrics), metrics, interval_s=OVERVIEW_EVERY_S),
    )
    life.spawn("waiters", look_out("waiters", waker.sweep, metrics, interval_s=WAITERS_EVERY_S))

    validator = MessageValidator(
        (
            pipeline_service_pb2.ImportPipelineRequest,
            pipeline_service_pb2.RunPipelineRequest,
            execution_service_pb2.ReportExecutionsRequest,
            execution_service_pb2.ExecutionReport,
            callback_service_pb2.ReportExternalsRequest,
            callback_service_pb2.ReportExternalRequest,
        ),
        patterns=PATTERNS,
    )

    def count_report(kind: str, answer: str) -> None:
        metrics.reports.labels(kind=kind, answer=answer).inc()

    services: list[Register] = [
        lambda server: pipeline_service_pb2_grpc.add_PipelineServiceServicer_to_server(
            PipelineServicer(
                pipelines=pipelines,
                control=control,
                runs=runs,
                assets=Assets(store=store, artifacts=artifacts),
                reader=reader,
                owners=owners,
                watchers=watchers,
                pace=Pace(heartbeat_s=settings.watch_heartbeat_s, send_timeout_s=settings.watch_send_timeout_s),
                repeats=repeats,
            ),
            server,
        ),
        lambda server: node_service_pb2_grpc.add_NodeServiceServicer_to_server(
            NodeServicer(
                nodes=nodes,
                control=control,
                reader=reader,
                artifacts=artifacts,
                owners=owners,
                catalogue=catalogue,
                store=store,
                repeats=repeats,
            ),
            server,
        ),
        lambda server: execution_service_pb2_grpc.add_ExecutionServiceServicer_to_server(
            ExecutionServicer(
                reporter=reporter,
                capabilities=capabilities,
                rules=rules,
                validator=validator,
                count=count_report,
                tracer=tracer,
            ),
            server,
        ),
        lambda server: callback_service_pb2_grpc.add_CallbackServiceServicer_to_server(
            CallbackServicer(
                reporter=reporter,
                signals=Signals(store=store, batcher=batcher),
                webhooks=webhooks,
                uncovered=Uncovered(places) if settings.compatibility_callbacks else None,
                capabilities=capabilities,
                validator=validator,
                count=count_report,
                tracer=tracer,
            ),
            server,
        ),
        lambda server: webhook_service_pb2_grpc.add_WebhookServiceServicer_to_server(WebhookServicer(webhooks), server),
        *operating_services(settings, metrics, pool=pools.engine, artifacts=artifacts, capabilities=capabilities),
    ]
    server = grpc_server(settings, tls, services, metrics, validator, tracer)
    await server.start()
    life.on_stop(server.stop)
    life.on_stop(watchers.close)
    checks = {
        "database": lambda: _check_database(pools),
        "nats": lambda: nats_client.check_connected(nats),
        "work_queue": publisher.check_queue,
        "store": object_store.check,
    }
    life.spawn("dependencies", Dependencies(checks, set_serving=server.set_serving).run())
    ops = OpsListener(host=settings.ops_listen.host, port=settings.ops_listen.port, registry=registry, checks=checks)
    await ops.start()
    life.on_stop(ops.stop)


def _rules(settings: Settings, catalogue: Catalogue, windows: Windows) -> Rules:
    cap = settings.max_start_to_close_s
    return Rules(
        catalogue=catalogue,
        lease=timedelta(seconds=settings.lease_s),
        new_id=uuid7,
        chance=random.random,
        max_start_to_close=timedelta(seconds=cap) if cap is not None else None,
        room=windows.room,
    )


async def _open_database(settings: Settings) -> Pools:
    size = settings.database_connections
    engine, edit = read_secret(settings.database_password_file), read_secret(settings.edit_database_password_file)
    return Pools(
        engine=await open_pool(settings.database_url, password=engine, size=size),
        edit=await open_pool(settings.edit_database_url, password=edit, size=size),
    )


async def _open_pages(settings: Settings) -> Pool:
    """What clients are shown has connections of its own: pages are planned one by one, and no batch waits for them."""
    size, password = settings.database_connections, read_secret(settings.database_password_file)
    return await open_pool(settings.database_url, password=password, size=size, plans=Plans.AS_ASKED)


def _store_address(settings: Settings) -> StoreAddress:
    return StoreAddress(
        bucket=settings.s3_bucket,
        region=settings.s3_region,
        endpoint=settings.s3_endpoint,
        access_key_file=settings.s3_access_key_file,
        secret_key_file=settings.s3_secret_key_file,
    )


def _nats_address(settings: Settings, tls: TlsFiles) -> nats_client.NatsAddress:
    return nats_client.NatsAddress(
        url=settings.nats_url,
        user=settings.nats_user,
        password_file=settings.nats_password_file,
        inbox_prefix=f"_INBOX_{settings.nats_user}",
        tls=tls,
    )


async def _check_database(pools: Pools) -> None:
    for pool in (pools.engine, pools.edit):
        await pool.fetchval("SELECT 1")
