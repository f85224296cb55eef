"""Fifty CompiledModels one after the other in one process, each held to the Interpreter."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.compiled_runner import Served
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.runtimes.models import a_gru, lowered, sample

INSTANCES = 50


def main() -> int:
    """How many calls were right; the first that is not raises."""
    model = lowered(a_gru(), "loop", outputs="all", open_batch=True, open_steps=True)
    content, rng, right = write_model(model), np.random.default_rng(0), 0
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        Path(file.name).write_bytes(content)
        for _ in range(INSTANCES):
            junk = [rng.normal(size=size) for size in rng.integers(1, 50_000, 8)]
            del junk[::2]
            served, interpreter = Served(content, file.name), Runner(content)
            for sizes in ((2, 4), (3, 9), (1, 3)):
                given = sample(model, int(rng.integers(1000)), sizes)
                got, want = served.run(given), interpreter.run(given)
                for name, array in want.items():
                    np.testing.assert_array_equal(got[name], array)
                right += 1
    return right


if __name__ == "__main__":
    print(main())
