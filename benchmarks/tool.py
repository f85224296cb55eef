"""What the tool itself costs: processes, imports, digests; warm, and with a new process a stage.

    PYTHONPATH=. python benchmarks/tool.py [--short] [--configs N] [--rounds N] [--json]

Each figure is the median of some rounds, in which both ways take turns: as the command is, with
forks of processes that have imported (`warm`), and with a new process for each stage (`cold`). CPU
seconds are those of the command and all its processes: they say more than the clock does where
other programs run, but grow as well, as caches are shared. So the load of the machine is told with
the figures, and how long ten million additions take in Python; where the load is more than the
number of processors, times tell little, and the ratios of the CPU seconds most.

Memory is that of Linux' smaps_rollup: of the process that forks its resident set, and of a fork
what it shares with nobody, both at their largest.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.tasks.plan import Plan, plans_of
from rnnlite_pipeline.tasks.reporter import Telling
from rnnlite_pipeline.tasks.run import run_stages
from rnnlite_pipeline.tasks.table import GROUPS

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "examples" / "digits" / "models"

#: The command as it is.
WARM = (sys.executable, "-m", "rnnlite_pipeline")

#: The same where a system has no forks to give.
_IN_NEW_PROCESSES = """
import sys
from rnnlite_pipeline.cli import main
from rnnlite_pipeline.tasks import warm
warm.possible = lambda: False
sys.exit(main(sys.argv[1:]))
"""
COLD = (sys.executable, "-c", _IN_NEW_PROCESSES)

#: The configs of the no-op.
UP_TO_DATE = 200

#: Seconds between two looks at the memory.
_LOOK = 0.1


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds of the clock and of processors."""

    seconds: float
    cpu: float

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.seconds - other.seconds, self.cpu - other.cpu)

    @classmethod
    def middle(cls, costs: Sequence[Cost]) -> Cost:
        """The medians."""
        return cls(median(c.seconds for c in costs), median(c.cpu for c in costs))


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    what: str
    warm: Cost
    cold: Cost | None = None
    goal: str = ""


@dataclass
class Memory:
    """The largest values that were seen, in MB."""

    server: float = 0.0
    fork: float = 0.0
    all: float = 0.0


@dataclass(frozen=True)
class Machine:
    """How busy and how fast it was: its load before and after, and the time of `_additions`."""

    load: tuple[float, float]
    processors: int
    additions: float


def main() -> int:
    """Measures, and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_AS_WRITTEN)
    parser.add_argument("--short", action="store_true", help="2 configs, 1 round")
    parser.add_argument("--configs", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    configs, rounds = (2, 1) if options.short else (options.configs, options.rounds)
    before, memory = os.getloadavg()[0], Memory()
    with tempfile.TemporaryDirectory(prefix="rnnlite-") as folder, _bytecode(Path(folder)):
        figures: list[Figure] = []
        for figure in _figures(Path(folder), configs, rounds, memory):
            figures.append(figure)
            if not options.json:
                _print_figure(figure, heading=len(figures) == 1)
    machine = Machine((before, os.getloadavg()[0]), os.cpu_count() or 1, _additions())
    if options.json:
        told = {"figures": [asdict(f) for f in figures], "memory": asdict(memory)}
        print(json.dumps({**told, "machine": asdict(machine)}, indent=2))
    else:
        _print_machine(memory, machine)
    return 0


def _additions() -> float:
    """CPU seconds of ten million additions."""
    began, total = time.process_time(), 0
    for k in range(10_000_000):
        total += k
    return time.process_time() - began


def _figures(folder: Path, configs: int, rounds: int, memory: Memory) -> Iterator[Figure]:
    names = [f"digits-{k}" for k in range(UP_TO_DATE)]
    for name in names:
        _write_config(folder, name)
    one, few, many = names[:1], names[:2], names[:configs]
    _run(folder, WARM, "validate", one)  # writes the bytecode
    validate = [_run(folder, WARM, "validate", one) for _ in range(5 * rounds)]
    yield Figure("validate", Cost.middle(validate), goal="0.3 s")

    _up_to_date(folder, names)
    nothing = [_run(folder, WARM, "convert", names) for _ in range(3 * rounds)]
    yield Figure(f"nothing to do, {UP_TO_DATE} configs", Cost.middle(nothing), goal="1 s")

    costs: dict[tuple[str, int], list[Cost]] = {}
    for _ in range(rounds):
        for way, program in (("warm", WARM), ("cold", COLD)):
            for asked in (one, few):
                cost = _release(folder, program, asked, 1)
                costs.setdefault((way, len(asked)), []).append(cost)
    middle = {key: Cost.middle(each) for key, each in costs.items()}
    yield Figure("release of the digits, the first", middle["warm", 1], middle["cold", 1])
    after = {way: middle[way, 2] - middle[way, 1] for way in ("warm", "cold")}
    yield Figure("release of the digits, after the first", after["warm"], after["cold"], "5 s")

    costs = {}
    for _ in range(rounds):
        with _watched(memory):
            costs.setdefault(("warm", 0), []).append(_release(folder, WARM, many, 2))
        costs.setdefault(("cold", 0), []).append(_release(folder, COLD, many, 2))
    middle = {key: Cost.middle(each) for key, each in costs.items()}
    what = f"{len(many)} releases, -n 2"
    yield Figure(what, middle["warm", 0], middle["cold", 0], "a quarter")


def _write_config(folder: Path, name: str) -> None:
    source = MODELS / "digits-bilstm.keras"
    text = (
        f"name: {name}\nversion: 1.0.0\nsource: {{format: keras, path: {source}}}\n"
        f"verification: {{data: {{path: {MODELS / 'digits-test.npz'}}}}}\n"
    )
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def _release(folder: Path, program: Sequence[str], names: Sequence[str], jobs: int) -> Cost:
    shutil.rmtree(folder / "build", ignore_errors=True)
    return _run(folder, program, "package", names, "-n", str(jobs))


def _run(
    folder: Path, program: Sequence[str], command: str, names: Sequence[str], *options: str
) -> Cost:
    words = [*program, command, "-q", *(f"{name}.yaml" for name in names), *options]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(words, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(took, cpu)


def _up_to_date(folder: Path, names: Sequence[str]) -> None:
    """Notes each stage of a conversion as done, with files that only stand for its results."""

    def bring(group: str, plan: Plan, run: Callable[[], None], parts: Callable[[], None]) -> str:
        del run, parts
        for path in GROUPS[group].makes(plan):
            write_atomically(path, b"{}")
        return ""

    build = folder / "build"
    plans = [plan for name in names for plan in plans_of(folder / f"{name}.yaml", build)]
    build.mkdir()
    quiet = Telling(quiet=True)
    done = run_stages("convert", plans, build, 1, telling=quiet, bring=bring)
    assert done.status == 0


@contextmanager
def _bytecode(folder: Path) -> Iterator[None]:
    """Keeps bytecode, as an installed package does, whatever this environment says of it."""
    before = dict(os.environ)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    os.environ["PYTHONPATH"] = str(ROOT)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _watched(memory: Memory) -> Iterator[None]:
    """Looks at the memory of the processes that this one has started."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK):
            _look(memory)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


def _look(memory: Memory) -> None:
    parents, commands = _processes()
    servers = {
        pid for pid, command in commands.items() if b"rnnlite_pipeline.stages.server" in command
    }
    total = 0.0
    for pid in commands:
        if not _descends(pid, parents):
            continue
        sizes = _sizes(pid)
        total += sizes.get("Pss", 0.0)
        if parents[pid] in servers:
            own = sizes.get("Private_Clean", 0.0) + sizes.get("Private_Dirty", 0.0)
            memory.fork = max(memory.fork, own)
        elif pid in servers:
            memory.server = max(memory.server, sizes.get("Rss", 0.0))
    memory.all = max(memory.all, total)


def _processes() -> tuple[dict[int, int], dict[int, bytes]]:
    """The parent and the command of each process."""
    parents, commands = dict[int, int](), dict[int, bytes]()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            commands[int(folder.name)] = (folder / "cmdline").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        parents[int(folder.name)] = int(stat[1])
    return parents, commands


def _descends(pid: int, parents: dict[int, int]) -> bool:
    while pid in parents and parents[pid] != os.getpid():
        pid = parents[pid]
    return pid in parents


def _sizes(pid: int) -> dict[str, float]:
    """The lines of smaps_rollup, in MB."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    words = [line.replace(":", "").split() for line in lines]
    return {word[0]: int(word[1]) / 1024 for word in words}


def _print_figure(figure: Figure, *, heading: bool) -> None:
    if heading:
        print(f"{'':42}{'warm':>8}{'CPU':>8}{'cold':>8}{'CPU':>8}{'part':>7}{'CPU':>7}  goal")
    line = f"{figure.what:42}{figure.warm.seconds:8.2f}{figure.warm.cpu:8.2f}"
    if cold := figure.cold:
        parts = (figure.warm.seconds / cold.seconds, figure.warm.cpu / cold.cpu)
        line += f"{cold.seconds:8.2f}{cold.cpu:8.2f}{parts[0]:7.2f}{parts[1]:7.2f}"
    print(f"{line:88}  {figure.goal}", flush=True)


def _print_machine(memory: Memory, machine: Machine) -> None:
    print(
        f"memory: the process that forks {memory.server:.0f} MB, a fork's own {memory.fork:.0f} MB,"
        f" all together {memory.all:.0f} MB"
    )
    busy = max(machine.load) > machine.processors
    print(
        f"load {machine.load[0]:.1f} to {machine.load[1]:.1f}, {machine.processors} processors"
        f"{' (other programs ran)' if busy else ''}; 10 million additions {machine.additions:.2f} s"
    )


_AS_WRITTEN = argparse.RawDescriptionHelpFormatter

if __name__ == "__main__":
    sys.exit(main())
