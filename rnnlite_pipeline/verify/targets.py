"""How a model is held to its targets: run, compiled, or by table; each said as what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.runtimes import RUNTIMES
from rnnlite_pipeline.runtimes.runners import RUNNERS
from rnnlite_pipeline.runtimes.vela import ACCELERATORS, Compiled, compile_model
from rnnlite_pipeline.runtimes.vela import missing as vela_missing

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config

#: Where numbers are computed for targets of which none can be run here: Vela's models and those
#: with Arm's kernels run under TensorFlow Lite Micro, all others under LiteRT.
_INSTEAD = {name: "tflm" for name in RUNTIMES if name.startswith(("ethos", "tflm"))}


@dataclass(frozen=True)
class Runs:
    """The runtimes that a model is run on here.

    Attributes:
        names: The runtimes.
        instead: Whether they stand for targets that cannot be run here.
        notes: Of each target that could be run and is not, why.
    """

    names: tuple[str, ...]
    instead: bool
    notes: Mapping[str, str]


def runs_on(config: Config) -> Runs:
    """Those that the config asks for, else those of its targets that can be run here."""
    if config.verification.runtimes is not None:
        return Runs(config.verification.runtimes, False, {})
    targets: tuple[str, ...] = config.meant_for
    missing = {t: RUNNERS[t].missing() for t in targets if t in RUNNERS}
    notes = {t: reason for t, reason in missing.items() if reason}
    names = tuple(t for t in missing if t not in notes)
    if names:
        return Runs(names, False, notes)
    wanted = dict.fromkeys(_INSTEAD.get(t, "litert") for t in targets)
    can = [name for name in wanted if not RUNNERS[name].missing()]
    return Runs(tuple(can) or ("litert",), True, notes)


def hold(config: Config, model: Model, content: bytes) -> dict[str, dict[str, Any]]:
    """The section `targets` of verification.json: how the model is held to each, and the outcome.

    Args:
        config: The model's config.
        model: The model as it will be released.
        content: Its file.
    """
    runs = runs_on(config)
    return {name: _held(name, runs, model, content) for name in config.meant_for}


def _held(name: str, runs: Runs, model: Model, content: bytes) -> dict[str, Any]:
    verdict = RUNTIMES[name].judge(model)
    said: dict[str, Any] = {"held": "by table", "takes": verdict.takes, "reasons": verdict.lines()}
    if name in runs.names and not runs.instead:
        return said | {"held": "run"}
    if verdict.held == "compiled":
        return said | _compiled(name, content)
    note = runs.notes.get(name) or RUNTIMES[name].how
    return said | {"not_run": note, "numbers_from": list(runs.names)}


def _compiled(name: str, content: bytes) -> dict[str, Any]:
    if note := vela_missing():
        return {"not_run": note}
    try:
        made = compile_model(content, name)
    except StageError as error:
        return {"held": "compiled", "takes": False, "npu_share": 0.0, "reasons": [error.message]}
    return {"held": "compiled", "takes": True} | _figures(made)


def _figures(made: Compiled) -> dict[str, Any]:
    return {
        "accelerator": made.accelerator,
        "npu_share": round(made.npu_share, 4),
        "npu_ops": made.npu_ops,
        "reasons": [f"on the CPU: {each}" for each in made.cpu_ops],
        "cycles": made.cycles,
        "sram_bytes": made.sram_bytes,
        "flash_bytes": made.flash_bytes,
        "macs": made.macs,
    }


def shares(held: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, float | None, str]]:
    """Of each Ethos-U target its name, the share of operations on the NPU, and what is said of it.

    Args:
        held: What `hold` gives.
    """
    for name in held:
        if name in ACCELERATORS:
            said = held[name]
            reasons = [*said["reasons"], *filter(None, [said.get("not_run")])]
            yield name, said.get("npu_share"), "; ".join(reasons[:3])
