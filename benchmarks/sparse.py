"""What block-sparse weights of a recurrence take, beside the same weights with their zeros.

    python -m benchmarks.sparse [--case TEXT]... [--batch N]... [--open-steps]

One thread, default delegate; the loop in float, its recurrent matrices pruned to a part of their
blocks of 1 x 4. Both models are timed in turns, in one process, by the clock of the thread; a
figure is the median of the rounds' ratios. Both give the same numbers, up to the order of sums.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial
from itertools import product

import numpy as np

from benchmarks.peers.cases import KINDS, Case
from benchmarks.peers.ours import pseudo
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.passes.block_sparse import WIDTH, block_sparse
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.timing import ratio, timed

#: F of the input, by units.
FEATURES = {32: 40, 64: 40, 128: 40, 256: 128, 512: 256, 1024: 256}

#: The parts of the blocks that are zeros.
ZEROS = (0.7, 0.8, 0.9, 0.95)


def pruned(case: Case, zeros: float, *, open_steps: bool = False) -> Model:
    """The case as loops, a part of the blocks of each matrix of a step being zeros."""
    model = pseudo(case, case.stack(), open_steps=open_steps)
    lower(model, "loop")
    rng = np.random.default_rng(5)
    seen: set[int] = set()
    for op in [op for graph in model.subgraphs[1:] for op in graph.ops]:
        matrix = op.inputs[1] if op.code == "FULLY_CONNECTED" else None
        if matrix is None or matrix.array is None or id(matrix) in seen:
            continue
        seen.add(id(matrix))
        rows, columns = matrix.array.shape
        live = np.repeat(rng.random((rows, columns // WIDTH)) >= zeros, WIDTH, axis=1)
        matrix.hold(matrix.array * live)
    return model


def both(model: Model) -> dict[str, bytes]:
    """A pruned model with its zeros, and without."""
    dense = write_model(model)
    sparse = read_model(dense)
    block_sparse(sparse, lambda product: product.zeros > 0.5)
    return {"dense": dense, "sparse": write_model(sparse)}


def compared(case: Case, zeros: float, batch: int, *, open_steps: bool = False) -> str:
    """The ratio of the times, as text."""
    models = both(pruned(case, zeros, open_steps=open_steps))
    runners = {name: Runner(content, "default", threads=1) for name, content in models.items()}
    results = [runner.run({"x": case.x(batch)}) for runner in runners.values()]
    for name, value in results[0].items():
        np.testing.assert_allclose(results[1][name], value, atol=1e-4)
    rounds = timed({name: partial(r.invoke) for name, r in runners.items()}, time.thread_time)
    return str(ratio(rounds["sparse"], rounds["dense"]))


def lines(cases: Sequence[Case], batches: Sequence[int], *, open_steps: bool) -> None:
    """Prints a line for each case and batch."""
    for case, batch in product(cases, batches):
        cells = [compared(case, zeros, batch, open_steps=open_steps) for zeros in ZEROS]
        print(f"| {case} | {batch} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--case", action="append", default=[], help="part of a case's name")
    parser.add_argument("--batch", action="append", type=int, default=[], help="1 and 8 by default")
    parser.add_argument("--open-steps", action="store_true", help="T is open")
    asked = parser.parse_args()
    cases = [
        Case(kind, 100, features, units, last=last)
        for kind, (units, features), last in product(KINDS, FEATURES.items(), (False, True))
    ]
    wanted = [c for c in cases if not asked.case or any(text in str(c) for text in asked.case)]
    print(f"| T, F, U | batch | {' | '.join(f'{z:.0%} zeros' for z in ZEROS)} |")
    lines(wanted, asked.batch or [1, 8], open_steps=asked.open_steps)


if __name__ == "__main__":
    main()
