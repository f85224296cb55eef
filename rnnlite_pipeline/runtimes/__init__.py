"""The runtimes that a model can be made for: one file each, and what each takes as a table.

A table is read from the runtime's own sources, each rule with the file and its version.
`Runtime.judge` holds a model to it. How a model is run stands apart: `runners.open_runner` loads
one on a runtime of this machine, `vela.compile_model` compiles one for an Ethos-U.
"""

from __future__ import annotations

from collections.abc import Sequence

from rnnlite_pipeline.errors import CallError
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

__all__ = [
    "RUNTIMES",
    "Held",
    "Refusal",
    "Rule",
    "Runtime",
    "Source",
    "Table",
    "Verdict",
    "check_names",
]

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


def check_names(names: Sequence[str]) -> None:
    """All of these are targets.

    Raises:
        CallError: One is not; with the names there are.
    """
    for name in names:
        if name not in RUNTIMES:
            raise CallError(f"There is no target {name}.", f"There are: {', '.join(RUNTIMES)}.")
