"""What the figures mean; `bin/bench WORKLOAD --help` prints it."""

DEMO = """\
Nothing here passes or fails by time: the exit code says only whether everything ran. Measure on a quiet machine; the
load average is the one of the minute before the first measurement.

  set-up        a fresh clone of the last commit, an empty HOME and no package cache: the seconds of its first
                `bin/montage --help`. The megabytes are what this machine's network interface received meanwhile, so
                other traffic counts, and packages that come from a disk or over loopback do not.
  stack start   from nothing to every process ready: ephemeral data, secrets, certificates, a new PostgreSQL cluster.
                Three rounds; only the first may find cold files. Target: a median of 5 s.
  demo          `bin/demo`, from its start to the finished film on disk; the stop comes after that.
                Target: 45 s on two cores. With --rounds the median.
  floor         one bare FFmpeg that decodes that film once and encodes it once, with the settings of media_lambda.
                The demo encodes segments and speaker as well, and draws, speaks, joins, mixes and composes.
  ratio         demo / floor. Compare this between machines, not the seconds.
  nodes         seconds of each node's execution by the API, which include waiting for a free processor.
  peak          per process with all its children (the executor with its tools, Lambda with its functions): the
                highest sum of resident memory that samples at 10 Hz have seen, or the highest mark that the kernel
                kept for a single one of them, if that is more. Memory shared between processes counts in each, which
                makes PostgreSQL look larger than it is. `all` is the highest sum at one moment. Linux only.

With --json the last line of standard output is one object: workload, floor (s), ratio, load_average, cores, set_up_mb,
set_up_s, stack_start_s {min, median, max}, demo_s, nodes {id: s}, peak_mib {process: MiB}; null for what was
not measured.
"""

THROUGHPUT = """\
Nothing here passes or fails by time. Exit code 0: it was measured; 1: something did not run; 2: the system did not do
what the workload says, so that figures would mean nothing.

A whole stack of its own, of real processes: mutual TLS everywhere, PostgreSQL and JetStream as they come, with files.
The pipelines are imported before the clock starts. Each of three rounds runs 200 of them, ten nodes on five levels,
each node with a nonce of its own; the client calls RunPipeline and looks into the database for the end.

  w1            nodes that do nothing and answer about 200 bytes.
  w2            each node is handed to a vendor outside, which calls back through the gateway over HTTPS, with its
                capability, 5 ms later. The vendor is part of the measuring client.
  w3            16 clients (--in-flight: as many) that import pipelines, look at them and their nodes, change and
                delete them. It counts calls, not nodes; its floor are transactions of one node.
  w4            w1 over work that was done before: every node is completed from the artifact table.
  --in-flight   so many pipelines at the same time; without it all 200 are submitted at once.

  --growth N    after the rounds N laps of 200 pipelines each: 500 of them are a million nodes.
  --within S    begin no lap of the growth after S seconds; `nodes` says how far it got.
  --history N   after them one lap over N rows of the past, a third each of executions, events and artifacts.

  nodes/s       nodes by the seconds from the first call to the last end.
  floor         the rows of a node's life written by bare asyncpg into the same server, at the best of batch sizes 1,
                16, 64 and 256 and of 1, 2 and 4 connections; measured again before each round.
  ratio         nodes/s by floor. Compare this between machines, not the nodes.
  alone         of 100 pipelines, one after the other, from the call to the end.
  under load    the same of the pipelines of the rounds, waiting included.
  per node      transactions that wrote, and syncs of the write-ahead log by the services' sessions.
  CPU s / 1000  processor seconds by 1,000 nodes, per process with its children. `all` leaves out `client`: the
                measuring process itself and the supervisor of the stack.
  peak          the most memory that was resident at a time, per process. Linux only.

Before anything is printed it is checked from outside the services: as many SUCCEEDED executions as nodes, no other
execution, both events of each, no gap in any sequence, as many messages in WORK, no reuse (w4: only reuse), outputs
that name the executor's process, no unlogged table, fsync and synchronous_commit on, and enough syncs of the log for
what was committed.

With --json the last line of standard output is one object: workload, in_flight, nodes, nodes_per_s, floor,
floor_nodes_per_s, floor_batch, floor_connections, ratio, alone_ms_p50, alone_ms_p99, loaded_ms_p50, loaded_ms_p99,
cpu_s_per_1000 {process: s}, peak_mib {process: MiB}, transactions_per_node, wal_syncs_per_node, work_messages,
reuse_hits, grown [{condition, rows, nodes, nodes_per_s, ratio, resident_mib {process: MiB}}], load_average, cores.
What was measured in each round is {min, median, max}; `ratio` of a grown lap is to the rounds' median (of the
growth, that of its last three laps); `resident_mib` says by how much more is resident after it than before.
"""

REPLICAS = """\
Exit code 2 when a node was not executed exactly once, or when two transactions waited for each other.

W1, 200 pipelines at once, in three rounds. In each first with one pipeline service and one executor, then with more of
both beside them, on the same database, queue and store: the client calls the pipeline services in turn, and each has
about as many executors. The further ones are started anew in each round, so that both meet the machine alike.

  one, many     nodes by the seconds from the first call to the last end.
  ratio         many / one, of the medians. At least 0.9 is promised: side by side they do not hinder each other. On as
                few processors as one of each fills, more of them cannot do more.
  floor         in the JSON: `one`.

With --json the last line of standard output is one object: workload, replicas, executors, floor, one_nodes_per_s,
many_nodes_per_s {min, median, max}, ratio, deadlocks, load_average, cores.
"""

GATEWAY = """\
Nothing here passes or fails by time. Exit code 2: a callback was not recorded.

2,000 executions that a worker has claimed and left wait for the callback that ends them, in each of three rounds; the
measuring client sends it with its capability and some 200 bytes of output over connections that it keeps open.

  callbacks/s   answered 200: verified, and committed. HTTPS and a capability for each, one call over gRPC for many.
  p50, p99      of a callback, from its first byte to its answer.
  floor         the same reports for as many other executions, in calls of 64 over gRPC, two at a time, with the
                gateway's identity: the same commits without HTTP.
  ratio         callbacks/s by floor, in the same round.
  CPU s / 1000  processor seconds by 1,000 callbacks, per process. `client` is the measuring process; it shares the
                processors with what it measures.
  alike         one callback, sent 1,000 times at once. `effects`: how often its result was recorded. 1 is promised.
  overload      ten times the callers for 5 s, each sending as fast as it is answered, without heed of Retry-After:
                answers by status. Then the time until 20 callbacks in a row, on connections of their own, were answered
                200 within 250 ms. At most 10 s is promised.

Buckets of addresses and executions are off: one machine is one address.

With --json the last line of standard output is one object: workload, connections, callbacks_per_s, p50_ms, p99_ms,
floor (reports/s), ratio, cpu_s_per_1000 {process: s}, alike_effects, alike_statuses {status: number},
overload_statuses {status: number}, overload_shed, recovered_s, load_average, cores.
"""

FAIR = """\
Exit code 2 when the 2,000 nodes were done before the small pipelines that were to be measured behind them.

A small pipeline is a chain of five nodes that take a second each, in an executor with 16 slots.

  alone         three of them, one after the other, while nothing else runs.
  behind        three of them, one after the other, each submitted while a pipeline of 2,000 such nodes, submitted
                before, runs and has more nodes to run than fit.
  ratio         behind / alone, of the medians. At most 3 is promised.
  floor         in the JSON: what the five nodes take by themselves, in milliseconds.

With --json the last line of standard output is one object: workload, floor, alone_ms {min, median, max}, behind_ms
{min, median, max}, ratio, load_average, cores.
"""

TELEMETRY = """\
Exit code 2 when spans are missing. Nothing here passes or fails by time.

One stack, whose services tell their spans to a file. Laps of 100 pipelines of w1, in turn such whose callers want all
spans told and such whose callers want none; each kind goes first as often as the other.

  with traces   processor seconds of the services, Postgres and NATS for 1,000 nodes, all spans told: median (range).
  without       the same where trace ids are carried and no span is told.
  spans         how many were told of a node.
  cost          with traces / without, of the medians. At most 8 % is promised.

With --json the last line of standard output is one object: workload, floor (without), cpu_s_per_1000_nodes,
cpu_s_per_1000_nodes_without, spans, ratio, load_average, cores.
"""

API = """\
Nothing here passes or fails by time. A stack of its own: the pipeline service over mutual TLS with every check of its
requests, PostgreSQL as it comes. Callers share one connection and call again as soon as they are answered.

  create        ImportPipeline of a new pipeline with ten nodes in a chain.
  get           GetNode.
  list          ListPipelines, 25 of some hundred.
  update        UpdateNode, another title.

  by CPU s      calls by the processor seconds of the service's process alone: client and PostgreSQL do not count.
                Compare this on a machine that does something else as well.
  floor         the statements of the same call, recorded from the service's own code, run by as many callers of bare
                asyncpg on the same server; their values are prepared in Python as well.
  ratio         calls/s by floor/s. Compare this between machines.
  stmts         statements of a call, those that begin and end its transaction included.

With --json the last line of standard output is one object: workload, callers, floor {call: calls/s}, ratio {call},
load_average, cores, and for each call {calls_per_s, calls_per_cpu_s, p50_ms, p99_ms, floor_p50_ms, floor_p99_ms,
statements}.
"""

MEDIA = """\
Nothing here passes or fails by time. Clips are made first; each film is then made by the media function, as AWS Lambda
runs it but with a store on this machine, and by one command of FFmpeg, in turns.

  merge_copied  ten clips in full HD that fit together: pictures are copied, sounds joined and levelled.
  merge_encoded ten clips of different sizes, shapes and rates.
  mix           a voice over a film, levelled.
  compose       a film small in the corner of another, both heard, levelled.
  code_screen   20 s of typed code. FFmpeg alone decodes that film and encodes it again; drawing is our own.

  ours          seconds inside the function, from the first byte read to the last byte written: download, probing,
                FFmpeg, a look at the output, its contact sheet, upload. For code_screen all of drawing and encoding.
  floor         seconds of the command that is printed: same preset, quality and threads, from file to file. It
                levels by loudnorm in one pass, as a single command must; we measure first and apply one gain.
  ratio         ours / floor; at most 1.15 is promised for films that are encoded. Compare this between machines.
  fixed         the rest of the function's process: start, imports, manifest, callback.
  CPU s         processor seconds of the whole process, fixed costs included, and of the command: what to look at on a
                machine that does something else as well.
  peak          the most memory that was resident at one moment, of the function with all that it starts, for these
                clips and for those of a quarter of the length, and of the command. Linux only.
  last columns  difference of the lengths of both films, s; likeness of all their pictures (SSIM).

With --json the last line of standard output is one object: workload, floor {film: s}, ratio {film}, load_average,
cores, clip_s, and for each film {seconds, floor_s, ratio, cpu_s, floor_cpu_s, cpu_ratio, fixed_s, peak_mib,
short_peak_mib, floor_peak_mib, encoded_s, copy_speed_up, copy_cpu_speed_up, length_difference_s, ssim}; null for what
was not measured.
"""
