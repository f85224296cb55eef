"""A converted call is run on the operands its function was run on, and compared."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from rnnlite_pipeline.compare.firm import beyond, firm_parts
from rnnlite_pipeline.composites.call import Array
from rnnlite_pipeline.composites.record import Sample
from rnnlite_pipeline.graph.extract import extract
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.resolve.composites import Composite
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner


def distance(composite: Composite, samples: Sequence[Sample]) -> float:
    """How far the conversion is from the function, relative to the function's scale.

    It runs twice on reference kernels and twice on the default delegate, so that a state that
    leaks from call to call counts as a difference. 0 where it is within roundings of the operands
    (`compare.firm`); infinite where a result is firm in no sample, so that nothing is proven.

    Raises:
        StageError: The runtime cannot run it.
    """
    written = write_model(_alone(composite))
    kernels: tuple[Kernels, ...] = ("reference", "default")
    runners = [Runner(written, k) for k in kernels]
    worst, proven = 0.0, set[str]()
    computed = [n for n, t in enumerate(composite.results) if t is not None]
    for sample in samples:
        given = _named("operand", sample.operands)
        given = {name: given[name] for name in runners[0].inputs}
        wanted = _named("result", sample.results, computed)
        nudged = _named("result", sample.nudged, computed)
        parts = {name: firm_parts(a, [nudged[name]]) for name, a in wanted.items()}
        proven |= {name for name, firm in parts.items() if firm}
        for results in (r.run(given) for r in runners for _ in range(2)):
            found = (beyond(a, results[name], parts[name]) for name, a in wanted.items())
            worst = max(worst, *found)
    return worst if proven == {f"result_{n}" for n in computed} else float("inf")


def _alone(composite: Composite) -> Model:
    """The conversion as a model of its own, lowered; its constants are not among its inputs."""
    operands = {f"operand_{k}": t for k, t in enumerate(composite.operands) if t.data is None}
    results = {f"result_{k}": t for k, t in enumerate(composite.results) if t is not None}
    read = {id(t) for op in composite.ops for t in op.inputs}
    operands = {name: t for name, t in operands.items() if id(t) in read}
    model = copy.deepcopy(extract(operands, results, composite.ops))
    lower(model)
    return model


def _named(
    kind: str, values: Sequence[Array | None], which: Sequence[int] | None = None
) -> dict[str, Array]:
    chosen = range(len(values)) if which is None else which
    return {f"{kind}_{k}": v for k in chosen if (v := values[k]) is not None}
