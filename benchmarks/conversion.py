"""What a conversion costs, in time and memory, beside the stock converter.

    python benchmarks/conversion.py [NAME ...] [--no-verify] [--json FILE] [--keep FOLDER]

Each stage, and TensorFlow's own converter with what it needs of the source, runs in a process of
its own, one after the other. Time is the clock's, and the processor's beside it; the bound is held
to the latter: on a busy machine the clock tells of others' work. Memory is the largest resident set
of the process and of those that it started.

The bound: import and convert take at most `TIMES` the stock converter's time and `SECONDS`; convert
takes at most `COPIES` times the model's size and `MEGABYTES` of memory, and import, in which
TensorFlow runs, at most as much beyond what the stock converter takes. What verify takes is told,
and not bounded: how much it runs is the config's choice.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TIMES, SECONDS = 2.0, 5.0
COPIES, MEGABYTES = 3.0, 600.0

#: What the stock converter is tried with, as `rnnlite_pipeline.sources.stock` calls it.
ATTEMPTS = ("keras", "builtins", "select_tf_ops")

MODELS = Path(__file__).with_name("conversion_models.py")

#: A new process for each stage, and no fork of one that has imported TensorFlow already: its
#: memory would be counted as that of the stage.
_STAGE = (
    "import sys; from pathlib import Path; from rnnlite_pipeline.tasks.child import run_stage;"
    "stage, config, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]);"
    "own = (sys.executable, '-m', 'rnnlite_pipeline.stages.process');"
    "run_stage(stage, config, out, own)"
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


#: The stages in their order; what is bounded, and what is told.
STAGES = ("import", "convert", "describe", "verify")


@dataclass(frozen=True)
class Row:
    """One model: the size of what is converted, and what each process took.

    Attributes:
        name: As `conversion_models.py` calls it.
        model_megabytes: The size of the source's graph as a .tflite file.
        stages: By the stage's name.
        stock: The stock converter's.
    """

    name: str
    model_megabytes: float
    stages: Mapping[str, Cost]
    stock: Cost

    @property
    def seconds(self) -> float:
        """What `rnnlite convert` takes of the processor."""
        return sum(cost.busy for stage, cost in self.stages.items() if stage != "verify")

    @property
    def allowed_seconds(self) -> float:
        """The bound on `seconds`."""
        return TIMES * self.stock.busy + SECONDS

    @property
    def allowed_megabytes(self) -> float:
        """The bound on the memory of the stage convert, in which no TensorFlow runs."""
        return COPIES * self.model_megabytes + MEGABYTES

    @property
    def allowed_to_import(self) -> float:
        """The bound on the memory of the stage import."""
        return self.stock.megabytes + self.allowed_megabytes

    @property
    def failed(self) -> str:
        """What the first process that failed said."""
        return next((c.failed for c in (*self.stages.values(), self.stock) if c.failed), "")

    @property
    def is_bounded(self) -> bool:
        """Whether all bounds hold."""
        return (
            not any(cost.failed for cost in self.stages.values())
            and self.seconds <= self.allowed_seconds
            and self.stages["convert"].megabytes <= self.allowed_megabytes
            and self.stages["import"].megabytes <= self.allowed_to_import
        )

    def __str__(self) -> str:
        cells = [self.name, f"{self.model_megabytes:.1f}"]
        told = [self.stages.get(stage) for stage in ("import", "convert", "verify")]
        for cost in (*told, self.stock):
            cells += (
                [f"{cost.seconds:.1f} ({cost.busy:.1f})", f"{cost.megabytes:.0f}"]
                if cost
                else ["", ""]
            )
        cells += [
            f"{self.seconds / self.stock.busy:.2f}",
            f"{self.seconds:.1f} of {self.allowed_seconds:.1f}",
            f"{self.stages['convert'].megabytes:.0f} of {self.allowed_megabytes:.0f}",
            f"{self.stages['import'].megabytes:.0f} of {self.allowed_to_import:.0f}",
        ]
        verdict = self.failed or ("yes" if self.is_bounded else "NO")
        return "| " + " | ".join([*cells, verdict]) + " |"

    def as_json(self) -> dict[str, Any]:
        """All figures, with what they are held to."""
        return asdict(self) | {
            "seconds": self.seconds,
            "allowed_seconds": self.allowed_seconds,
            "allowed_megabytes": self.allowed_megabytes,
            "allowed_to_import": self.allowed_to_import,
            "bounded": self.is_bounded,
        }


HEAD = (
    "| model | MB | import: s (cpu) | MB | convert: s (cpu) | MB | verify: s (cpu) | MB |"
    " stock: s (cpu) | MB | time / stock | time of the bound | convert: MB of the bound |"
    " import: MB of the bound | bounded |\n" + "| --- " * 15 + "|"
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


def row(name: str, folder: Path, asked: Sequence[str] = STAGES) -> Row:
    """Builds a model, where the folder does not have it yet, and converts it both ways."""
    config, out = folder / f"{name}.yaml", folder / "build" / name
    if not config.exists():
        built = measured([sys.executable, str(MODELS), name, str(folder)])
        assert not built.failed, built.failed
    stages = {
        stage: measured([sys.executable, "-c", _STAGE, stage, str(config), str(out)])
        for stage in asked
    }
    source = out / ".work" / "source.tflite"
    size = source.stat().st_size / 2**20 if source.exists() else 0.0
    return Row(name, size, stages, _stock(config, out))


def main(arguments: Sequence[str]) -> None:
    """Prints the table, and writes the figures where that is asked for."""
    known = importlib.import_module("conversion_models").MODELS
    parser = argparse.ArgumentParser(description="What a conversion costs.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument("--no-verify", action="store_true", help="leaves out the stage verify")
    parser.add_argument("--json", type=Path, metavar="FILE", help="writes all figures")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keeps the models there")
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.names) - set(known)):
        parser.error(f"there is no model {unknown[0]}; expected one of {', '.join(known)}")
    stages = [stage for stage in STAGES if not (asked.no_verify and stage == "verify")]
    print(HEAD, flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as fresh:
        for name in asked.names or known:
            rows.append(row(name, asked.keep or Path(fresh), stages))
            print(rows[-1], flush=True)
    if asked.json:
        beside = asked.json.with_name(asked.json.name + ".new")
        beside.write_text(json.dumps([each.as_json() for each in rows], indent=1) + "\n")
        beside.replace(asked.json)


if __name__ == "__main__":
    main(sys.argv[1:])
