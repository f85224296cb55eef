"""LiteRT's CompiledModel, its recommended API; and what LiteRT's own loader of models refuses."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.runtimes.demands import no_variables
from rnnlite_pipeline.runtimes.litert import CUSTOM, SOURCE, rules
from rnnlite_pipeline.runtimes.rule import Demand, Refusal, Table, litert_source
from rnnlite_pipeline.runtimes.runtime import Runtime

#: UnpackTensor and UnpackOp: "Variable tensors not yet supported", "Intermediate tensors not yet
#: supported", "Mutating variable inputs not yet supported", "Variant tensors not yet supported".
LOADER = litert_source("litert/core/model/model_load.cc")

#: Said of each op with a state tensor; begins as the loader's own message.
VARIABLES = (
    "Variable tensors not yet supported: it keeps its state in one, and LiteRT's CompiledModel "
    "loads no model with one; use lowering loop or unrolled"
)


def no_states() -> Demand:
    """What every runtime behind the CompiledModel API demands: no variable tensors."""
    return no_variables(LOADER, VARIABLES)


def _no_intermediates() -> Demand:
    def refusals(model: Model) -> Iterator[Refusal]:
        for op in model.ops():
            if op.intermediates and not any(t is not None and t.is_variable for t in op.inputs):
                reason = "Intermediate tensors not yet supported by LiteRT's CompiledModel"
                yield Refusal(op.code, op.outputs[0].name, reason)

    return Demand("no intermediate tensors (int8 LSTM ops)", LOADER, refusals)


def table(*more: Demand) -> Table:
    """The kernels of the Interpreter, less what the loader refuses, and what `more` demands."""
    demands = (no_states(), _no_intermediates(), *more)
    return Table(SOURCE, rules(), demands, "LiteRT has no kernel for it", CUSTOM)


RUNTIME = Runtime(
    "litert-compiled",
    "LiteRT's CompiledModel API on a CPU (Python, C++, Kotlin)",
    "run",
    "by the package ai-edge-litert, in a process of its own",
    table,
)
