"""What the tool itself costs: processes, imports, digests; warm, and with a new process a stage.

    PYTHONPATH=. python benchmarks/tool.py [--short] [--configs N] [--rounds N] [--old TREE]
                                           [--part PART]... [--json]

Each figure is the median of some rounds, in which both ways take turns: as the command is, with
forks of processes that have imported (`warm`), and with a new process for each stage (`cold`); with
`--old` the second way is the command of another tree of this project, an older commit, say. CPU
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.tasks.plan import Plan, plans_of
from rnnlite_pipeline.tasks.reporter import Telling
from rnnlite_pipeline.tasks.run import run_stages
from rnnlite_pipeline.tasks.table import makes

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "examples" / "digits" / "models"


@dataclass(frozen=True)
class Way:
    """A way to run the command.

    Attributes:
        program: What is run; the command's words come after it.
        tree: The folder with the code.
        options: What makes it quiet.
    """

    program: tuple[str, ...]
    tree: Path = ROOT
    options: tuple[str, ...] = ("-q",)


#: The command as it is.
WARM = Way((sys.executable, "-m", "rnnlite_pipeline"))

#: The same where a system has no forks to give.
_IN_NEW_PROCESSES = """
import sys
from rnnlite_pipeline.cli import main
from rnnlite_pipeline.tasks import warm
warm.possible = lambda: False
sys.exit(main(sys.argv[1:]))
"""
COLD = Way((sys.executable, "-c", _IN_NEW_PROCESSES))

#: What is measured.
PARTS = ("validate", "nothing", "release", "many")

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
    parser.add_argument("--old", type=Path, help="another tree, beside which this one is measured")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    configs, rounds = (2, 1) if options.short else (options.configs, options.rounds)
    other = Way(WARM.program, options.old.resolve(), ()) if options.old else COLD
    parts = options.part or PARTS
    before, memory = os.getloadavg()[0], Memory()
    with tempfile.TemporaryDirectory(prefix="rnnlite-") as folder, _bytecode(Path(folder)):
        figures: list[Figure] = []
        asked = Asked(Path(folder), configs, rounds, other)
        for figure in (f for part in parts for f in _FIGURES[part](asked, memory)):
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


@dataclass(frozen=True)
class Asked:
    """What is to be measured, and where.

    Attributes:
        folder: An empty folder.
        configs: The number of releases at once.
        rounds: How often each figure is measured.
        other: What stands beside the command.
    """

    folder: Path
    configs: int
    rounds: int
    other: Way

    def names(self, count: int) -> list[str]:
        """So many configs, which are written."""
        names = [f"digits-{k}" for k in range(count)]
        for name in names:
            _write_config(self.folder, name)
        return names


def _validate(asked: Asked, _memory: Memory) -> Iterator[Figure]:
    names = asked.names(1)
    _run(asked.folder, WARM, "validate", names)  # writes the bytecode
    costs = [_run(asked.folder, WARM, "validate", names) for _ in range(5 * asked.rounds)]
    yield Figure("validate", Cost.middle(costs), goal="0.3 s")


def _nothing(asked: Asked, _memory: Memory) -> Iterator[Figure]:
    names = asked.names(UP_TO_DATE)
    _up_to_date(asked.folder, names)
    _run(asked.folder, WARM, "convert", names)  # writes the bytecode
    costs = [_run(asked.folder, WARM, "convert", names) for _ in range(3 * asked.rounds)]
    yield Figure(f"nothing to do, {UP_TO_DATE} configs", Cost.middle(costs), goal="1 s")


def _releases(asked: Asked, _memory: Memory) -> Iterator[Figure]:
    one, few = asked.names(1), asked.names(2)
    _write_bytecode(asked, one)
    costs: dict[tuple[Way, int], list[Cost]] = {}
    for _ in range(asked.rounds):
        for way in (WARM, asked.other):
            for names in (one, few):
                cost = _release(asked.folder, way, names, 1)
                costs.setdefault((way, len(names)), []).append(cost)
    middle = {key: Cost.middle(each) for key, each in costs.items()}
    warm, other = (middle[way, 1] for way in (WARM, asked.other))
    yield Figure("release of the digits, the first", warm, other)
    warm, other = (middle[way, 2] - middle[way, 1] for way in (WARM, asked.other))
    yield Figure("release of the digits, after the first", warm, other, "5 s")


def _write_bytecode(asked: Asked, names: Sequence[str]) -> None:
    """TensorFlow's takes longer than a release; it is there from the first one on."""
    for way in (WARM, asked.other):
        _release(asked.folder, way, names, 1)


def _many(asked: Asked, memory: Memory) -> Iterator[Figure]:
    names = asked.names(asked.configs)
    _write_bytecode(asked, names[:1])
    warm: list[Cost] = []
    other: list[Cost] = []
    for _ in range(asked.rounds):
        with _watched(memory):
            warm.append(_release(asked.folder, WARM, names, 2))
        other.append(_release(asked.folder, asked.other, names, 2))
    what = f"{len(names)} releases, -n 2"
    yield Figure(what, Cost.middle(warm), Cost.middle(other), "a quarter")


_FIGURES: Mapping[str, Callable[[Asked, Memory], Iterator[Figure]]] = {
    "validate": _validate,
    "nothing": _nothing,
    "release": _releases,
    "many": _many,
}


def _write_config(folder: Path, name: str) -> None:
    source = MODELS / "digits-bilstm.keras"
    text = (
        f"name: {name}\nversion: 1.0.0\nsource: {{format: keras, path: {source}}}\n"
        f"verification: {{data: {{path: {MODELS / 'digits-test.npz'}}}}}\n"
    )
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def _release(folder: Path, way: Way, names: Sequence[str], jobs: int) -> Cost:
    shutil.rmtree(folder / "build", ignore_errors=True)
    return _run(folder, way, "package", names, "-n", str(jobs))


def _run(folder: Path, way: Way, command: str, names: Sequence[str], *options: str) -> Cost:
    words = [*way.program, command, *way.options, *(f"{name}.yaml" for name in names), *options]
    environment = {**os.environ, "PYTHONPATH": str(way.tree)}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(words, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(took, cpu)


class _Noted:
    """Brings a stage up to date by files that only stand for its results."""

    def fetch(self, group: str, plan: Plan) -> str:
        """Nothing is kept elsewhere."""
        del group, plan
        return ""

    def __call__(self, group: str, plan: Plan, run: Callable[[], None]) -> str:
        """Writes the files; nothing runs."""
        del run
        for path in makes(group, plan):
            write_atomically(path, b"{}")
        return ""


def _up_to_date(folder: Path, names: Sequence[str]) -> None:
    """Notes each stage of a conversion as done, with files that only stand for its results."""
    build = folder / "build"
    plans = [plan for name in names for plan in plans_of(folder / f"{name}.yaml", build)]
    build.mkdir()
    quiet = Telling(quiet=True)
    done = run_stages("convert", plans, build, 1, telling=quiet, bring=_Noted())
    assert done.status == 0


@contextmanager
def _bytecode(folder: Path) -> Iterator[None]:
    """Keeps bytecode, as an installed package does, whatever this environment says of it."""
    before = dict(os.environ)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
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
