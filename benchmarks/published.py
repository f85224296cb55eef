"""Converts published models, holds each to its source, and prints a page of what came out.

    python benchmarks/published.py FOLDER... > docs/published.md

What came out is kept in published.json as it comes: a run that was ended goes on where it was, and
a run without a folder prints the page of what is kept. Delete the file to try all models again.

A folder holds model files (.keras, .h5, .tflite, .pb, .meta with its checkpoint, an architecture
as JSON with its weights beside it, folders of SavedModels), or modules of builders. Of a folder
named OWNER+NAME the files are those of github.com/OWNER/NAME. In a module each public function is
a model: it takes no argument and gives a Keras model or a `SourceModel`; its docstring says where
it comes from.

Each model is converted by the passes of `rnnlite convert`, and run beside its source on both sets
of kernels, at batches of 1 and 3, twice; a source that keeps states goes on from its own. Results
may differ by as much as roundings of weights and inputs explain. Then TensorFlow's own converter
has its turn, with an open batch, else with a batch of 1. Converters can crash their process: the
models of one folder or module share a process, and one that ends it is told so.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rnnlite_pipeline.cli.init import format_of
from rnnlite_pipeline.compare.distance import compare
from rnnlite_pipeline.compare.firm import ROUNDINGS
from rnnlite_pipeline.compare.roundings import rounded_weights
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.errors import RnnliteError
from rnnlite_pipeline.graph.edit import ensure_signature
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.missing import missing_ops
from rnnlite_pipeline.sources.described import config_of
from rnnlite_pipeline.sources.formats.keras import source_model
from rnnlite_pipeline.sources.graphdef.assigned import with_states
from rnnlite_pipeline.sources.graphdef.ranges import with_ranges
from rnnlite_pipeline.sources.model import Array, SourceModel, first_line
from rnnlite_pipeline.sources.opening import open_source
from rnnlite_pipeline.sources.proposal import propose
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.sources.weights_beside import pair
from rnnlite_pipeline.stages.convert import check_convertible, converted
from rnnlite_pipeline.toolchain import load, prepare

#: Largest difference, as a part of an output's scale.
LIMIT = 1e-5

#: Batch, and how long what else is open is.
SIZES = ((1, 16), (3, 24))

#: The shapes of inputs that are pinned.
Pins = Mapping[str, Sequence[int | None]]

#: What came of each model so far.
KEPT = Path(__file__).with_name("published.json")

#: Stands in front of what a child process tells.
MARK = "published: "


@dataclass(frozen=True)
class Entry:
    """One model: its name, where it comes from, and what opens it."""

    name: str
    origin: str
    build: Callable[[Pins], SourceModel]


@dataclass(frozen=True)
class Outcome:
    """A line of the table.

    Attributes:
        name: The model's.
        origin: Where it comes from.
        result: `right`, or what failed.
        layers: What became of each recurrent layer, and why where it is a loop.
        error: The largest difference from the source, as a part of the output's scale.
        kilobytes: The size of the converted file.
        seconds: What importing and converting took, of the processor; 0 where not measured.
        stock: What TensorFlow's own converter gives.
    """

    name: str
    origin: str
    result: str
    layers: str = ""
    error: float = 0.0
    kilobytes: float = 0.0
    seconds: float = 0.0
    stock: str = ""


def entries(place: Path) -> Iterator[Entry]:
    """The models of a module, or of a folder of files."""
    if place.suffix == ".py":
        spec = importlib.util.spec_from_file_location(place.stem, place)
        assert spec is not None, f"{place} is no module"
        assert spec.loader is not None, f"{place} is no module"
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, function in list(vars(module).items()):  # a warning adds one
            if not name.startswith("_") and getattr(function, "__module__", "") == place.stem:
                origin = " ".join((function.__doc__ or "").split())
                yield Entry(name, origin, partial(_opened, function))
        return
    owner, _, repository = place.name.partition("+")
    for path in sorted(place.iterdir()):
        try:
            kind, (model, weights) = format_of(path), pair(path)
        except RnnliteError:
            continue  # what stands beside a model: its values, its other half
        if model != path:
            continue
        source: dict[str, Any] = {"format": kind, "path": str(path)}
        source |= {"weights": str(weights)} if weights else {}
        name = f"{repository}/{path.name}" if repository else path.stem
        origin = f"github.com/{owner}/{repository}" if repository else f"file {path.name}"
        yield Entry(name, origin, partial(_read, source))


def _opened(build: Callable[[], Any], pins: Pins) -> SourceModel:
    """Built again, it is the same model: its weights, and the numbers in its names."""
    utils = load("keras").utils
    utils.clear_session()
    utils.set_random_seed(0)
    made = build()
    return made if isinstance(made, SourceModel) else source_model(made, pins)


def _read(source: dict[str, Any], pins: Pins) -> SourceModel:
    proposed: dict[str, Any] = {}
    if source["format"] == "graph_def":
        proposed = propose(Path(source["path"])).as_source()
    return open_source(config_of({**source, **proposed, **({"inputs": pins} if pins else {})}))


def outcome(entry: Entry) -> Outcome:
    """Converts one model, and compares it with its source."""
    start = time.process_time()
    config = Config.model_validate(
        {"name": "published", "source": {"format": "keras", "path": "published.keras"}}
    )
    try:
        source = with_ranges(with_states(entry.build({})))
        graph = read_model(source.content or to_tflite(source))
        ensure_signature(graph)
        conversion = converted(graph, config, source.limits)
        check_convertible(conversion, config)
    except RnnliteError as problem:
        return Outcome(entry.name, entry.origin, f"refused: {first_line(problem)}")
    except Exception as problem:  # noqa: BLE001  # any failure is the result
        kind = type(problem).__name__
        return Outcome(entry.name, entry.origin, f"failed: {kind}: {first_line(problem)}")
    seconds = time.process_time() - start
    content = write_model(conversion.model)
    result, error = _judged(content, source, source.limits)
    layers = [
        f"{layer.op}{f': {layer.reason}' if layer.reason else ''}" for layer in conversion.layers
    ]
    told = "; ".join(f"{layers.count(x)} × {x}" for x in dict.fromkeys(layers))
    size = len(content) / 1024
    return Outcome(entry.name, entry.origin, result, told, error, size, seconds)


def stock(entry: Entry) -> str:
    """What TensorFlow's own converter gives, with an open batch, else with a batch of 1."""
    source = entry.build({})
    if source.content is not None:
        return "not asked: a .tflite file"
    for batch, told in ((None, "open batch"), (1, "batch 1 only")):
        try:
            pins = {} if batch is None else {s.name: (batch, *s.shape[1:]) for s in source.inputs}
            asked = source if batch is None else entry.build(pins)
            converters = load("tensorflow").lite.TFLiteConverter
            made = asked.keras_model() if asked.keras_model is not None else None
            converter = (
                converters.from_concrete_functions([asked.trace()])
                if made is None
                else converters.from_keras_model(made)
            )
            content = bytes(converter.convert())
        except Exception as problem:  # noqa: BLE001  # any refusal is the result
            print(f"{entry.name}: the stock converter, {told}: {problem}", file=sys.stderr)
            continue
        fixed = None not in source.inputs[0].shape
        judged = _judged(content, source, source.limits, batch)[0]
        return f"{'its batch' if fixed else told}: {judged}"
    return "does not convert"


def _judged(
    content: bytes, source: SourceModel, limits: Any, batch: int | None = None
) -> tuple[str, float]:
    """Whether a file gives the source's numbers in every call, and the largest error."""
    worst, random = 0.0, np.random.default_rng(0)
    moved = write_model(rounded_weights(read_model(content), seed=0))
    for kernels in ("reference", "default"):
        try:
            run = _oracle(source, kernels)
            for size in SIZES if batch is None else SIZES[:1]:
                arrays = _numbers(source, size, limits or {}, random)
                runner = Runner(content, kernels)
                nudged = Runner(moved, kernels), {n: _nudged(a) for n, a in arrays.items()}
                for call, asked in (("first", run), ("second", source.resume or run)):
                    expected = asked(arrays)
                    found, other = (_called(*x, expected) for x in ((runner, arrays), nudged))
                    for name, one in expected.items():
                        if one.shape != found[name].shape:
                            return f"of another shape in the {call} call", worst
                        difference = compare(one, found[name])
                        rounding = ROUNDINGS * compare(found[name], other[name]).error
                        worst = max(worst, difference.error / (difference.scale or 1.0))
                        if difference.error > LIMIT * difference.scale + rounding:
                            return f"wrong in the {call} call", worst
        except Exception as problem:  # noqa: BLE001  # any failure is the result
            return f"does not run: {first_line(problem)}", worst
    return "right", worst


def _called(runner: Runner, arrays: dict[str, Array], like: dict[str, Array]) -> dict[str, Array]:
    """The results of a file under the source's names, which may not be its own."""
    own = set(runner.inputs) == set(arrays)
    results = runner.run(arrays if own else dict(zip(runner.inputs, arrays.values(), strict=True)))
    return results if set(results) == set(like) else dict(zip(like, results.values(), strict=True))


def _oracle(source: SourceModel, kernels: Any) -> Callable[[dict[str, Array]], dict[str, Array]]:
    """The source itself; a file on the same kernels, on a fresh interpreter for each call."""
    content = source.content
    if content is None:
        return source.run
    if missing_ops(read_model(content)):  # ops that TensorFlow runs
        return source.run
    return lambda arrays: Runner(content, kernels).run(arrays)


def _numbers(
    source: SourceModel, size: tuple[int, int], limits: Any, random: np.random.Generator
) -> dict[str, Array]:
    batch, length = size
    arrays: dict[str, Array] = {}
    numbers: Array
    for spec in source.inputs:
        shape = [d or (length if k else batch) for k, d in enumerate(spec.shape)]
        if "int" in spec.dtype or spec.name in limits:  # floats too, where they index a table
            values = limits.get(spec.name, range(2))
            numbers = random.integers(values.start, values.stop, shape)
        elif spec.dtype == "bool":
            numbers = random.integers(0, 2, shape)
        else:
            numbers = random.normal(size=shape)
        arrays[spec.name] = numbers.astype(spec.dtype)
    return arrays


def _nudged(array: Array) -> Array:
    return np.nextafter(array, np.inf).astype(array.dtype) if array.dtype.kind == "f" else array


def measured(place: Path, known: Collection[str] = ()) -> Iterator[Outcome]:
    """Every model of a module or a folder whose name is not known, as soon as it is tried."""
    done = list(known)
    while True:
        command = [sys.executable, __file__, "--child", str(place), *done]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            begun: dict[str, str] = {}
            for line in child.stdout:
                if not line.startswith(MARK):
                    continue
                told = json.loads(line.removeprefix(MARK))
                if "result" in told:
                    done.append(told["name"])
                    yield Outcome(**told)
                begun = {} if "result" in told else told
        if child.returncode == 0:
            return
        if not begun:
            raise SystemExit(f"{place} cannot be opened; its process ended by {child.returncode}.")
        done.append(begun["name"])
        yield Outcome(begun["name"], begun["origin"], "ends the process")


def _child(place: Path, known: Collection[str]) -> None:
    prepare()
    for entry in entries(place):
        if entry.name in known:
            continue
        print(MARK + json.dumps({"name": entry.name, "origin": entry.origin}), flush=True)
        with contextlib.redirect_stdout(io.StringIO()):
            found = asdict(outcome(entry))
            found["stock"] = "" if found["result"].startswith("failed") else stock(entry)
        print(MARK + json.dumps(found), flush=True)
        print(entry.name, found["result"], found["stock"], file=sys.stderr, flush=True)


def kept() -> list[Outcome]:
    """What came of each model so far."""
    if not KEPT.exists():
        return []
    return [Outcome(**each) for each in json.loads(KEPT.read_text(encoding="utf-8"))]


def _keep(found: Sequence[Outcome]) -> None:
    beside = KEPT.with_suffix(".new")
    text = json.dumps([asdict(each) for each in found], indent=1, ensure_ascii=False)
    beside.write_text(text + "\n", encoding="utf-8")
    beside.replace(KEPT)


def page(found: Sequence[Outcome]) -> str:
    """The table, in Markdown."""
    right = sum(each.result == "right" for each in found)
    stock_right = sum(each.stock.startswith("open batch: right") for each in found)
    head = f"""# Published models

Written by `python benchmarks/published.py FOLDER...`, which says how each is tried. The builds are
small ones of the published architectures, with random weights. Seconds are the processor's, of
import and conversion together; those of the first model of a folder or module include the import of
TensorFlow, about 4 s. The error is a part of the output's scale.

{right} of {len(found)} are right. TensorFlow's own converter gives {stock_right} that are right
with an open batch.
"""
    names = ["model", "origin", "result", "layers", "error", "KB", "s", "stock"]
    lines = [head, f"| {' | '.join(names)} |", "| --- " * len(names) + "|"]
    for each in found:
        cells = [each.name, each.origin, each.result, each.layers, f"{each.error:.0e}"]
        cells += [f"{each.kilobytes:.0f}", f"{each.seconds:.1f}" if each.seconds else ""]
        cells.append(each.stock)
        lines.append(
            "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"
        )
    return "\n".join(lines)


def main(places: Sequence[str]) -> None:
    """Tries what is not kept of some folders and modules, and prints the page of all."""
    found = kept()
    for place in map(Path, places):
        modules = sorted(place.glob("*.py")) if place.is_dir() else []
        for each in modules or [place]:
            for made in measured(each, [x.name for x in found]):
                found.append(made)
                _keep(found)
    print(page(found))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(Path(sys.argv[2]), sys.argv[3:])
    else:
        main(sys.argv[1:])
