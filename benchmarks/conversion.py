"""What a conversion costs, in time and memory, beside the stock converter.

    python benchmarks/conversion.py [NAME ...]

Each stage, and TensorFlow's own converter with what it needs of the source, runs in a process of
its own. Time is the clock's, and the processor's beside it; the bound is held to the latter: on a
busy machine the clock tells of others' work. Memory is the largest resident set of the process and
of those that it started.

The bound: import and convert take at most `TIMES` the stock converter's time and `SECONDS`; neither
takes more memory than `COPIES` times the model's size and `MEGABYTES` beyond what the stock
converter takes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TIMES, SECONDS = 2.0, 5.0
COPIES, MEGABYTES = 3.0, 600.0

#: What the stock converter is tried with, as `rnnlite_pipeline.sources.stock` calls it.
ATTEMPTS = ("keras", "builtins", "select_tf_ops")

MODELS = Path(__file__).with_name("conversion_models.py")

_STAGE = (
    "import sys; from pathlib import Path; from rnnlite_pipeline.tasks.child import run_stage;"
    "run_stage(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))"
)

_STOCK = (
    "import json, sys; from pathlib import Path;"
    "from rnnlite_pipeline.sources.stock import stock;"
    "pins = json.loads(sys.argv[4]);"
    "sys.exit(stock(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], pins) or 0)"
)


@dataclass(frozen=True)
class Cost:
    """What one process took.

    Attributes:
        seconds: By the clock.
        busy: Of the processor.
        megabytes: The largest resident set.
        failed: What it said, where it failed.
    """

    seconds: float
    busy: float
    megabytes: float
    failed: str = ""


@dataclass(frozen=True)
class Row:
    """One model: the size of what is converted, and what each process took."""

    name: str
    model_megabytes: float
    opening: Cost
    converting: Cost
    stock: Cost

    @property
    def seconds(self) -> float:
        """What `rnnlite convert` takes of the processor."""
        return self.opening.busy + self.converting.busy

    @property
    def allowed_seconds(self) -> float:
        """The bound on `seconds`."""
        return TIMES * self.stock.busy + SECONDS

    @property
    def allowed_megabytes(self) -> float:
        """The bound on the memory of the stage convert, in which no TensorFlow runs."""
        return COPIES * self.model_megabytes + MEGABYTES

    @property
    def is_bounded(self) -> bool:
        """Whether both bounds hold."""
        at_most = self.allowed_megabytes
        return (
            not (self.opening.failed or self.converting.failed)
            and self.seconds <= self.allowed_seconds
            and self.converting.megabytes <= at_most
            and self.opening.megabytes <= self.stock.megabytes + at_most
        )

    def __str__(self) -> str:
        cells = [self.name, f"{self.model_megabytes:.1f}"]
        for cost in (self.opening, self.converting, self.stock):
            cells += [f"{cost.seconds:.1f} ({cost.busy:.1f})", f"{cost.megabytes:.0f}"]
        cells += [f"{self.seconds:.1f} of {self.allowed_seconds:.1f}"]
        cells += [f"{self.converting.megabytes:.0f} of {self.allowed_megabytes:.0f}"]
        failed = self.opening.failed or self.converting.failed or self.stock.failed
        return "| " + " | ".join([*cells, failed or ("yes" if self.is_bounded else "NO")]) + " |"


HEAD = (
    "| model | MB | import: s (cpu) | MB | convert: s (cpu) | MB | stock: s (cpu) | MB |"
    " time of the bound | memory of the bound | bounded |\n" + "| --- " * 11 + "|"
)


def measured(words: Sequence[str]) -> Cost:
    """Runs a process to its end."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(words, stdout=told, stderr=told)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        told.seek(0)
        lines = told.read().decode(errors="replace").strip().splitlines() or ["no word"]
    failed = lines[-1][:200] if process.returncode else ""
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, failed)


def _stock(config: Path, out: Path) -> Cost:
    """The first attempt that converts; the last one's failure where none does."""
    described = json.loads((out / ".work" / "source.json").read_text())
    pins = {each["name"]: [1, *each["shape"][1:]] for each in described["inputs"]}
    for attempt in ATTEMPTS:
        words = [str(config), str(out), attempt, json.dumps(pins)]
        cost = measured([sys.executable, "-c", _STOCK, *words])
        if not cost.failed:
            break
    return cost


def row(name: str, folder: Path) -> Row:
    """Builds a model, where the folder does not have it yet, and converts it both ways."""
    config, out = folder / f"{name}.yaml", folder / "build" / name
    if not config.exists():
        built = measured([sys.executable, str(MODELS), name, str(folder)])
        assert not built.failed, built.failed
    stages = [
        measured([sys.executable, "-c", _STAGE, stage, str(config), str(out)])
        for stage in ("import", "convert")
    ]
    source = out / ".work" / "source.tflite"
    size = source.stat().st_size / 2**20 if source.exists() else 0.0
    return Row(name, size, *stages, _stock(config, out))


def main(names: Sequence[str]) -> None:
    """Prints the table."""
    from conversion_models import MODELS as known

    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory() as fresh:
        folder = Path(os.environ.get("CONVERSION_MODELS", fresh))
        for name in names or known:
            print(row(name, folder), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
