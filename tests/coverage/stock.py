"""What TensorFlow's own converter makes of a row, in a process of its own: it can crash.

`python -m tests.coverage.stock NAME` prints one line: what came of it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from rnnlite_pipeline.compare.distance import compare
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load
from tests.coverage.row import BATCH, Row
from tests.coverage.rows import ROWS
from tests.random_models.held import LIMIT, feed

#: Seconds a conversion may take.
PATIENCE = 120


def stock(row: Row) -> str:
    """What came of a row, from a child process."""
    command = [sys.executable, "-m", "tests.coverage.stock", row.name]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return "does not end"
    if ended.returncode < 0:
        return "crashes"
    lines = ended.stdout.splitlines()
    assert lines, ended.stderr[-2000:]
    assert ended.returncode == 0, ended.stderr[-2000:]
    return lines[-1]


def outcome(row: Row) -> str:
    """Converts with an open batch, else with a batch of 1, and compares with the source."""
    for batch, name in ((None, "open batch"), (1, "batch 1 only")):
        with tempfile.TemporaryDirectory() as folder:
            BATCH.set(batch)
            source = row.build(Path(folder))
            if source.content is not None:
                return "not asked: it is a .tflite file"
            try:
                content = _converted(source, Path(folder), batch)
            except Exception as error:  # noqa: BLE001  # any refusal: it is the result
                print(error)
                continue
            fixed = batch is None and None not in source.inputs[0].shape
            told = "its batch" if fixed else name
            return f"{told}: {_judged(content, source, row, batch)}"
    return "does not convert"


def _converted(source: SourceModel, folder: Path, batch: int | None) -> bytes:
    """By the road that TensorFlow's guide shows for the format."""
    converter = load("tensorflow").lite.TFLiteConverter
    for framework, name in (("keras", "model.keras"), ("tf_keras", "model.h5")):
        if (folder / name).exists():
            keras = load(framework)
            model = keras.models.load_model(folder / name, compile=False)
            if batch is not None:
                x = keras.Input(model.inputs[0].shape[1:], batch_size=batch)
                model = keras.Model(x, model(x))
            return bytes(converter.from_keras_model(model).convert())
    saved = next(folder.glob("*/saved_model.pb"), None)
    if saved is not None and batch is None:
        return bytes(converter.from_saved_model(str(saved.parent)).convert())
    return bytes(converter.from_concrete_functions([source.trace()]).convert())


def _judged(content: bytes, source: SourceModel, row: Row, batch: int | None) -> str:
    """Whether the file is right, in every call; outputs stand in the source's order."""
    runner, random = Runner(content, "default"), np.random.default_rng(0)
    for count in (1, 3) if batch is None else (1,):
        arrays = feed(source.inputs, (count, 6, 1.0), row.time_major, random)
        expected = list(source.run(arrays).values())
        named = dict(zip(runner.inputs, arrays.values(), strict=False))
        for call in ("first", "second"):
            try:
                results = list(runner.run(named).values())
            except Exception as error:  # noqa: BLE001  # any failure: it is the result
                print(error)
                return f"does not run at batch {count}"
            pairs = zip(expected, results, strict=True)
            if any(a.shape != b.shape or compare(a, b).error > LIMIT for a, b in pairs):
                return f"wrong in the {call} call"
    return "right"


if __name__ == "__main__":
    print(outcome(next(row for row in ROWS if row.name == sys.argv[1])))
