"""The runtimes that a model can be made for: one file each, and what each takes as a table.

A table is read from the runtime's own sources, each rule with the file and its version.
`Runtime.judge` holds a model to it. How a model is run is apart from that: `compiled_runner` and
`web` run it, `vela` compiles it, `rnnlite_pipeline.micro` runs it on TensorFlow Lite Micro.
"""

from __future__ import annotations

from rnnlite_pipeline.runtimes import (
    edgetpu,
    ethos_u,
    google_tensor,
    litert,
    litert_compiled,
    litert_gpu,
    litert_web,
    mediatek,
    qualcomm,
    tflm,
    tflm_cmsis_nn,
)
from rnnlite_pipeline.runtimes.rule import Refusal, Rule, Source, Table
from rnnlite_pipeline.runtimes.runtime import Held, Runtime, Verdict

__all__ = ["RUNTIMES", "Held", "Refusal", "Rule", "Runtime", "Source", "Table", "Verdict"]

#: Every runtime by its name in `targets`, in the order that tables show them.
RUNTIMES: dict[str, Runtime] = {
    runtime.name: runtime
    for runtime in (
        litert.RUNTIME,
        litert_compiled.RUNTIME,
        litert_web.RUNTIME,
        tflm.RUNTIME,
        tflm_cmsis_nn.RUNTIME,
        *ethos_u.RUNTIMES,
        litert_gpu.RUNTIME,
        qualcomm.RUNTIME,
        mediatek.RUNTIME,
        google_tensor.RUNTIME,
        edgetpu.RUNTIME,
    )
}
