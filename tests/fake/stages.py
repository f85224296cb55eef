"""Stages that only copy digests, so that the graph can be tested in milliseconds.

What a stage does beyond that comes from the environment: FAKE_DELAY seconds of work before its
files appear, and FAKE_TROUBLE, `STAGE=KIND`, a way to fail.

A stage imports what it needs, and no more: thousands of these processes run in the tests.
"""

from __future__ import annotations

import atexit
import ctypes
import errno
import hashlib
import json
import os
import signal
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parents[2]))

from rnnlite_pipeline.config.chosen import CHOSEN, Chosen
from rnnlite_pipeline.config.conversion import Scheme
from rnnlite_pipeline.config.part import BATCHES, Part
from rnnlite_pipeline.errors import NotConvertible, SourceError, StageError, VerificationFailed
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.stages.process import STAGES, main
from rnnlite_pipeline.steps import step


def import_source(config: Any, out: Path) -> None:
    """Copies the source."""
    _begin("import", out)
    write_atomically(out / ".work" / "source.tflite", _content(config.resolve(config.source.path)))
    write_atomically(out / ".work" / "source.json", b"{}\n")


def search(config: Any, out: Path) -> None:
    """Chooses by the environment, as a machine might: FAKE_CHOICE, or float16."""
    del config
    _begin("search", out)
    chosen = Chosen(cast(Scheme, os.environ.get("FAKE_CHOICE", "float16")), ("dense",))
    write_atomically(out / CHOSEN, chosen.as_json())
    write_atomically(out / "search.json", b"{}\n")


def reference(config: Any, out: Path) -> None:
    """The candidate in float."""
    from rnnlite_pipeline.config.chosen import ANSWERS, IN_FLOAT

    del config
    _begin("reference", out)
    _leave(out, IN_FLOAT, drop=0.0)
    write_atomically(out / ANSWERS, b"answers\n")


def candidate(config: Any, out: Path, chosen: Chosen) -> None:
    """Any other one: dynamic_range loses too much unless its layer `dense` stays in float."""
    del config
    _begin(f"candidate-{chosen}".replace(" ", "-"), out)
    lost = chosen.scheme == "dynamic_range" and "dense" not in chosen.skip
    _leave(out, chosen, drop=0.5 if lost else 0.0)


def _leave(out: Path, chosen: Chosen, drop: float) -> None:
    from rnnlite_pipeline.config.chosen import CANDIDATES
    from rnnlite_pipeline.quantize.search import Trial, stored

    layers = ("lstm", "dense")
    trial = Trial(chosen.scheme, chosen.skip, "", 1, drop, 1.0, drop, layers)
    path = out / CANDIDATES / chosen.called
    write_atomically(path.with_suffix(".tflite"), str(chosen).encode())
    write_atomically(path.with_suffix(".json"), stored(trial))


def inspect(config: Any, out: Path) -> None:
    """Says which source it saw."""
    _begin("inspect", out)
    seen = _read(out / ".work" / "source.tflite").decode()
    write_atomically(out / "inspect.json", json.dumps({"name": config.name, "seen": seen}).encode())
    write_atomically(out / "inspect.txt", f"a table of {seen}\n".encode())


def convert(config: Any, out: Path, dump_passes: Path | None = None) -> None:
    """Makes an empty model that tells the source and how it is to be lowered."""
    from rnnlite_pipeline.graph.ir import Model, Subgraph
    from rnnlite_pipeline.graph.write import write_model

    _begin("convert", out)
    if dump_passes:
        write_atomically(dump_passes / "index.txt", b"passes\n", at_once=True)
    told = _read(out / ".work" / "source.tflite").decode() + config.recurrent.bidirectional
    told += config.quantization.scheme
    empty = Model([Subgraph("main")], description=told)
    write_atomically(out / ".work" / "converted.tflite", write_model(empty))


def describe(config: Any, out: Path) -> None:
    """Leaves the model as it is."""
    del config
    _begin("describe", out)
    write_atomically(out / "model.tflite", _read(out / ".work" / "converted.tflite"))


def batch(config: Any, out: Path, part: Part) -> None:
    """Runs nothing."""
    del config
    _begin(f"batch-{part.number}", out)
    write_atomically(out / BATCHES / f"{part.called}.npz", str(part).encode())


def verify(config: Any, out: Path, pipeline: Any) -> None:
    """Passes every model, unless told to fail it as the real stage does; logs the parts it has."""
    del config, pipeline
    model = _read(out / "model.tflite")
    try:
        _begin("verify", out)
    except VerificationFailed:
        (out / "model.tflite").replace(out / "model.failed.tflite")
        raise
    print(*sorted(path.read_text() for path in (out / BATCHES).glob("*.npz")), flush=True)
    told = {
        "passed": True,
        "model_sha256": hashlib.sha256(model).hexdigest(),
        "max_abs_error": 1e-7,
        "accuracy": [],
    }
    write_atomically(out / "verification.json", json.dumps(told).encode())
    if os.environ.get("FAKE_TROUBLE") != "verify=forgets":
        write_atomically(out / ".work" / "report.html", b"<p>passed")


def report(config: Any, out: Path) -> None:
    """Shows what a benchmark said, if there is one."""
    del config
    _begin("report", out)
    benchmark = out / "benchmark.json"
    said = json.loads(_read(benchmark))["bytes"] if benchmark.exists() else "not measured"
    page = _read(out / ".work" / "report.html") + f", {said}".encode()
    write_atomically(out / "report.html", page)


def measure(config: Any, out: Path) -> None:
    """Measures the length of the model."""
    del config
    _begin("benchmark", out)
    told = {"bytes": len(_read(out / "model.tflite"))}
    write_atomically(out / "benchmark.json", json.dumps(told).encode())
    write_atomically(out / "benchmark.txt", b"a table\n")


def _content(path: Path) -> bytes:
    """What the source of a project holds (`keras_file`)."""
    with zipfile.ZipFile(path) as archive:
        return archive.read("model.weights.h5")


def _read(path: Path) -> bytes:
    return path.read_bytes()


def _begin(stage: str, out: Path) -> None:
    with (out.parent / "runs").open("a", encoding="utf-8") as runs:
        runs.write(f"{stage} {out.name}\n")
    print(f"working on {stage}", flush=True)
    step("pretending", 1, 1)
    time.sleep(float(os.environ.get("FAKE_DELAY", "0")))
    where, _, kind = os.environ.get("FAKE_TROUBLE", "").partition("=")
    if where == stage:
        _trouble(kind)


#: Ways to end after all is written; a process whose heap a library corrupted often dies there.
_AT_EXIT: dict[str, Callable[[], object]] = {
    "abort at exit": os.abort,
    "segfault at exit": lambda: ctypes.string_at(0),
    "killed at exit": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "status 3 at exit": lambda: os._exit(3),
    "slow exit": lambda: time.sleep(1),
}


#: What a machine that lacks something makes libraries raise.
_FAULTS = {
    "library": ImportError("libfoo.so.3: cannot open shared object file: No such file"),
    "no tensorflow": ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow"),
    "memory": MemoryError("std::bad_alloc"),
}


def _trouble(kind: str) -> None:
    if kind in _AT_EXIT:
        atexit.register(_AT_EXIT[kind])
        return
    if kind == "forgets":
        return
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "segfault":
        ctypes.string_at(0)
    if kind == "refused":
        raise NotConvertible("The layer `odd` cannot be converted.", "Replace it.")
    if kind == "gate":
        raise VerificationFailed("accuracy is 0.5, and 0.9 was asked for.")
    if kind == "misfit":
        key = ("verification", "data", "random", "seed")
        raise StageError("verification.data: does not fit.", "Give another.", key)
    if kind in _FAULTS:
        raise _FAULTS[kind]
    if kind == "wrapped":
        raise SourceError("The file cannot be read.") from _FAULTS["no tensorflow"]
    if kind == "full":
        raise OSError(errno.ENOSPC, "No space left on device", "model.tflite")
    raise ValueError(f"{kind}\nwith a second line")


#: The function of each stage that is not the real one.
FAKES = {
    "import": "import_source",
    "search": "search",
    "reference": "reference",
    "candidate": "candidate",
    "inspect": "inspect",
    "convert": "convert",
    "describe": "describe",
    "batch": "batch",
    "verify": "verify",
    "report": "report",
    "benchmark": "measure",
}

if __name__ == "__main__":
    fakes = {name: f"__main__:{function}" for name, function in FAKES.items()}
    assert set(STAGES) - set(fakes) == {"package"}  # the real one
    sys.exit(main(sys.argv[1:], {**STAGES, **fakes}))
