"""Ports and deployments made by hand."""

from __future__ import annotations

from typing import Any

from rnnlite_pipeline.release.deploy.deployment import Deployment, Port


def port(name: str = "x", dtype: str = "float32", shape: Any = (1, 4), **more: Any) -> Port:
    """A port whose name in code is its name."""
    return Port(name, more.pop("identifier", name), dtype, shape, **more)


def deployment(**values: Any) -> Deployment:
    """x to y, without state, of a target `litert`."""
    plain: dict[str, Any] = {
        "name": "m",
        "version": "1.0",
        "targets": ("litert",),
        "inputs": (port("x"),),
        "outputs": (port("y"),),
        "state": "reset",
        "resets": False,
        "states": (),
        "ops": ("ADD",),
        "missing": (),
        "variables": 0,
        "arena": 64,
    }
    return Deployment(**(plain | values))
