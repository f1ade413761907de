"""Whose memory is whose, from a /proc made of files."""

from pathlib import Path

from benchmarks.memory import MODULES, MemorySampler, name_of
from devstack.process_table import PYTHON_PROCESSES

DEMO = ("python", "-P", "-m", "devstack", "demo")
NURSERY = ("python", "-I", "-S", "/x/devstack/nursery.py", "3")
EXECUTOR = ("python", "-m", "executor_service")
KIB = 1024


def put(
    proc: Path, pid: int, *, parent: int, command: tuple[str, ...], resident_kb: int, highest_kb: int | None = None
) -> None:
    folder = proc / str(pid)
    folder.mkdir(parents=True, exist_ok=True)
    mark = f"VmHWM:\t{resident_kb if highest_kb is None else highest_kb:>8} kB\n"
    (folder / "status").write_text(f"Name:\tx\nPPid:\t{parent}\n{mark}VmRSS:\t{resident_kb:>8} kB\n")
    (folder / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in command))


def a_stack(proc: Path) -> None:
    put(proc, 1, parent=0, command=("init",), resident_kb=9000)
    put(proc, 10, parent=1, command=DEMO, resident_kb=50)
    put(proc, 11, parent=10, command=NURSERY, resident_kb=10)
    put(proc, 20, parent=11, command=EXECUTOR, resident_kb=100)
    put(proc, 21, parent=20, command=("python", "-m", "executor_service.voice"), resident_kb=40)
    put(proc, 22, parent=21, command=("ffmpeg", "-i", "x"), resident_kb=300)
    put(proc, 30, parent=11, command=("unshare", "--user", "--", "/x/bin/postgres", "-D", "pg"), resident_kb=20)
    put(proc, 31, parent=30, command=("postgres: checkpointer",), resident_kb=5)


def test_sampler_sums_each_process_with_everything_below_it(tmp_path: Path) -> None:
    a_stack(tmp_path)
    sampler = MemorySampler(10, proc=tmp_path)

    sampler.sample()
    sampler.sample()

    assert sampler.peak_bytes == {
        "demo": 60 * KIB,
        "executor": 440 * KIB,
        "postgres": 25 * KIB,
        "all": 525 * KIB,
    }


def test_sampler_keeps_the_highest_sum_of_all_looks(tmp_path: Path) -> None:
    a_stack(tmp_path)
    sampler = MemorySampler(10, proc=tmp_path)
    sampler.sample()
    sampler.sample()
    put(tmp_path, 22, parent=21, command=("ffmpeg", "-i", "x"), resident_kb=10)

    sampler.sample()

    assert sampler.peak_bytes["executor"] == 440 * KIB


def test_high_water_mark_of_one_process_counts_when_the_looks_missed_it(tmp_path: Path) -> None:
    a_stack(tmp_path)
    put(tmp_path, 20, parent=11, command=EXECUTOR, resident_kb=100, highest_kb=900)
    sampler = MemorySampler(10, proc=tmp_path)

    sampler.sample()
    sampler.sample()

    assert sampler.peak_bytes["executor"] == 900 * KIB
    assert sampler.peak_bytes["all"] == 525 * KIB


def test_child_that_still_shows_its_parents_memory_is_not_counted(tmp_path: Path) -> None:
    a_stack(tmp_path)
    sampler = MemorySampler(10, proc=tmp_path)
    sampler.sample()
    put(tmp_path, 23, parent=20, command=EXECUTOR, resident_kb=100_000)
    sampler.sample()
    put(tmp_path, 23, parent=20, command=("ffmpeg", "-version"), resident_kb=1)

    sampler.sample()
    sampler.sample()

    assert sampler.peak_bytes["executor"] == 441 * KIB


def test_sampler_without_proc_finds_nothing(tmp_path: Path) -> None:
    sampler = MemorySampler(10, proc=tmp_path / "missing")

    sampler.sample()

    assert sampler.peak_bytes == {}


def test_every_python_process_of_a_stack_has_its_own_name() -> None:
    for process in PYTHON_PROCESSES:
        arguments = [process.name] if process.name in ("migrate", "internal") else ["--listen", "127.0.0.1:1"]
        assert name_of(["python", "-m", process.module, *arguments]) == process.name
    assert MODULES["montage_cli"] == "cli"


def test_unknown_program_is_other() -> None:
    assert name_of(["/usr/bin/true"]) == "other"
