"""The files under deploy/, and how they are built."""

from __future__ import annotations

from collections.abc import Iterable

from rnnlite_pipeline.release.deploy.deployment import Deployment
from rnnlite_pipeline.release.deploy.kinds import kinds
from rnnlite_pipeline.release.deploy.kotlin import why_not_compiled
from rnnlite_pipeline.release.deploy.text import written
from rnnlite_pipeline.runtimes.web import RELEASE

#: The purpose of a file, by its folder and the end of its name.
_FOR = {
    ("python", ".py"): "Python, with ai-edge-litert (Interpreter) and numpy",
    ("android", "Compiled.kt"): "Android, Kotlin, with LiteRT's CompiledModel",
    ("android", ".kt"): "Android, Kotlin, with LiteRT's Interpreter",
    ("cpp", "_compiled.h"): "C++20, with LiteRT's CompiledModel",
    ("cpp", ".h"): "C++17, with the Interpreter of TensorFlow Lite or LiteRT",
    ("web", ".mjs"): "browsers, JavaScript, with LiteRT.js",
    ("tflm", ".h"): "C++17 for microcontrollers, with TensorFlow Lite Micro",
    ("tflm", ".cc"): "a program around it, for a first test",
    ("tflm", ".txt"): "builds both with CMake",
    ("c", ".h"): "the model as a C array: its declaration",
    ("c", ".bz2"): "the array, packed",
}


def readme(deployment: Deployment, names: Iterable[str]) -> str:
    """The text of the file; also what must be given to LiteRT before it loads the model.

    Args:
        deployment: The model.
        names: The files beside it.
    """
    flex = [code for code in deployment.missing if code.startswith("Flex")]
    return written(
        "README.md",
        {
            "model": deployment,
            "files": [(name, _purpose(name)) for name in sorted(names)],
            "kinds": sorted(kinds(deployment.targets)),
            "not_compiled": why_not_compiled(deployment),
            "ethos": ", ".join(t for t in deployment.targets if t.startswith("ethos")),
            "release": RELEASE,
            "flex": flex,
            "custom": [code for code in deployment.missing if code not in flex],
        },
    )


def _purpose(name: str) -> str:
    folder = name.partition("/")[0]
    return next(text for (f, end), text in _FOR.items() if f == folder and name.endswith(end))
