"""LiteRT.js: the CompiledModel API as wasm, in a browser."""

from __future__ import annotations

from rnnlite_pipeline.runtimes.litert_compiled import table
from rnnlite_pipeline.runtimes.runtime import Runtime

RUNTIME = Runtime(
    "litert-web",
    "LiteRT.js (@litertjs/core), wasm, in a browser",
    "run",
    "in headless Chromium, where it and the package of npm are installed",
    table,
)
