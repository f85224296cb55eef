"""A JavaScript module that runs the model in a browser, with LiteRT.js."""

from __future__ import annotations

import json
from typing import Any

from rnnlite_pipeline.release.deploy.deployment import Deployment, Port
from rnnlite_pipeline.release.deploy.text import written
from rnnlite_pipeline.runtimes.web import RELEASE


def javascript_module(deployment: Deployment) -> str:
    """The text of the module."""
    values = {"model": deployment, "release": RELEASE, "call": _call(deployment)}
    return written("module.mjs", values, port=_port, json=_json)


def _call(deployment: Deployment) -> str:
    """The argument of `run` in the example: `{x: values}`."""
    return ", ".join(f"{_json(port.name)}: {port.identifier}" for port in deployment.data_inputs)


def _port(port: Port) -> str:
    """What turns real values into stored ones, and back."""
    told: dict[str, Any] = {"dtype": port.dtype, "shape": port.sizes}
    if port.scale:
        told |= {"scale": port.scale, "zeroPoint": port.zero_point}
    if port.mean:
        told |= {"mean": port.mean, "std": port.std}
    return _json(told)


def _json(value: object) -> str:
    """JSON that is JavaScript, also in a comment: no line separators, no end of a comment."""
    return json.dumps(value, ensure_ascii=True).replace("*/", "*\\/")
