"""Which code each target needs."""

from __future__ import annotations

from collections.abc import Sequence

#: Of each target, the API that runs a model there.
KINDS = {
    "litert": "interpreter",
    "litert-compiled": "compiled",
    "litert-gpu": "compiled",
    "qualcomm": "compiled",
    "mediatek": "compiled",
    "google-tensor": "compiled",
    "edgetpu": "interpreter",
    "litert-web": "web",
    "tflm": "micro",
    "tflm-cmsis-nn": "micro",
    "ethos-u55": "micro",
    "ethos-u65": "micro",
    "ethos-u85": "micro",
}

#: The accelerator that CompiledModel is asked for; for all other targets the CPU.
_ACCELERATORS = {
    "litert-gpu": "GPU",
    "qualcomm": "NPU",
    "mediatek": "NPU",
    "google-tensor": "NPU",
}


def kinds(targets: Sequence[str]) -> set[str]:
    """The kinds of code for these targets: interpreter, compiled, web, micro."""
    return {KINDS[target] for target in targets}


def accelerator(targets: Sequence[str]) -> str:
    """What CompiledModel runs the model on: CPU, GPU or NPU, by the first target that says so."""
    return next((_ACCELERATORS[each] for each in targets if each in _ACCELERATORS), "CPU")
