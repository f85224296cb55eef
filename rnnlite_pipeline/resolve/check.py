"""A converted call is run on the operands its function was run on, and compared."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from rnnlite_pipeline.composites.call import Array
from rnnlite_pipeline.composites.record import Sample
from rnnlite_pipeline.graph.ir import Model, Signature, Subgraph
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.resolve.composites import Composite
from rnnlite_pipeline.runtime import Kernels, Runner
from rnnlite_pipeline.validate import ROUNDINGS, TOLERANCE, apart


def distance(composite: Composite, samples: Sequence[Sample]) -> float:
    """How far the conversion is from the function, relative to the function's scale.

    It runs twice on reference kernels and twice on the default delegate, so that a state that
    leaks from call to call counts as a difference. 0 where it is within `TOLERANCE`, or within
    what the rounding of the operands does to the function itself.

    Raises:
        StageError: The runtime cannot run it.
    """
    written = write_model(_alone(composite))
    kernels: tuple[Kernels, ...] = ("reference", "default")
    runners = [Runner(written, k) for k in kernels]
    worst = 0.0
    for sample in samples:
        given = _named("operand", sample.operands)
        given = {name: given[name] for name in runners[0].inputs}
        computed = [n for n, t in enumerate(composite.results) if t is not None]
        wanted = _named("result", sample.results, computed)
        rounding = ROUNDINGS * apart(wanted, _named("result", sample.nudged, computed))
        for runner in (r for r in runners for _ in range(2)):
            found = apart(wanted, runner.run(given))
            worst = max(worst, found if found > max(rounding, TOLERANCE) else 0.0)
    return worst


def _alone(composite: Composite) -> Model:
    """The conversion as a model of its own, lowered; its constants are not among its inputs."""
    operands = {f"operand_{k}": t for k, t in enumerate(composite.operands) if t.data is None}
    results = {f"result_{k}": t for k, t in enumerate(composite.results) if t is not None}
    read = {id(t) for op in composite.ops for t in op.inputs}
    operands = {name: t for name, t in operands.items() if id(t) in read}
    main = Subgraph(
        "main", [*operands.values()], list(dict.fromkeys(results.values())), [*composite.ops]
    )
    model = copy.deepcopy(Model([main], [Signature("serving_default", main, operands, results)]))
    lower(model)
    return model


def _named(
    kind: str, values: Sequence[Array | None], which: Sequence[int] | None = None
) -> dict[str, Array]:
    chosen = range(len(values)) if which is None else which
    return {f"{kind}_{k}": v for k in chosen if (v := values[k]) is not None}
