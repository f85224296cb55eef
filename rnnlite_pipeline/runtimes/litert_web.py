"""LiteRT.js: the CompiledModel API as wasm, in a browser."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.runtimes.demands import closed
from rnnlite_pipeline.runtimes.litert_compiled import table
from rnnlite_pipeline.runtimes.rule import Demand, Refusal, Source
from rnnlite_pipeline.runtimes.runtime import Runtime

#: DATATYPES, the types of a Tensor; and run, which resizes no input: an open dimension gives
#: "TensorBuffer ranked tensor type Float32[1, 7, 5] does not match ... Float32[-1, 7, 5]".
SOURCE = Source("npm @litertjs/core dist/index.js", "2.5.3")

TYPES = ("FLOAT32", "INT32", "UINT8")


def _ports() -> Demand:
    """Inputs and outputs have types that JavaScript tensors of this package have."""

    def refusals(model: Model) -> Iterator[Refusal]:
        main = model.main
        for kind, tensors in (("INPUT", main.inputs), ("OUTPUT", main.outputs)):
            for tensor in tensors:
                if tensor.dtype not in TYPES:
                    reason = (
                        f"it is {tensor.dtype.lower()}; LiteRT.js has tensors of "
                        "float32, int32 and uint8 only: set input_type and output_type to float32"
                    )
                    yield Refusal(kind, tensor.name, reason)

    return Demand("inputs and outputs of float32, int32 or uint8", SOURCE, refusals)


RUNTIME = Runtime(
    "litert-web",
    "LiteRT.js (@litertjs/core), wasm, in a browser",
    "run",
    "in headless Chromium, where it and the package of npm are installed",
    lambda: table(closed(SOURCE), _ports()),
)
