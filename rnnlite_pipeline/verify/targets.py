"""How a model is checked on its targets: run, compiled, or compared with a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.report.evidence import Held
from rnnlite_pipeline.runtimes import RUNTIMES
from rnnlite_pipeline.runtimes.runners import RUNNERS
from rnnlite_pipeline.runtimes.vela import ACCELERATORS, compile_model
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


def hold(config: Config, model: Model, content: bytes) -> dict[str, Held]:
    """How the model is held to each of its targets, and the outcome.

    Args:
        config: The model's config.
        model: The model as it will be released.
        content: Its file.
    """
    runs = runs_on(config)
    return {name: _held(name, runs, model, content) for name in config.meant_for}


def _held(name: str, runs: Runs, model: Model, content: bytes) -> Held:
    verdict = RUNTIMES[name].judge(model)
    by_table = Held("by table", verdict.takes, verdict.lines())
    if name in runs.names and not runs.instead:
        return replace(by_table, held="run")
    if verdict.held == "compiled":
        note = vela_missing()
        held = replace(by_table, not_run=note) if note else _compiled(name, content)
        return replace(held, numbers_from=runs.names)
    note = runs.notes.get(name) or RUNTIMES[name].how
    return replace(by_table, not_run=note, numbers_from=runs.names)


def _compiled(name: str, content: bytes) -> Held:
    try:
        made = compile_model(content, name)
    except StageError as error:
        return Held("compiled", takes=False, reasons=[error.message], npu_share=0.0)
    return Held(
        "compiled",
        takes=True,
        reasons=[f"on the CPU: {each}" for each in made.cpu_ops],
        accelerator=made.accelerator,
        npu_share=round(made.npu_share, 4),
        npu_ops=made.npu_ops,
        cycles=made.cycles,
        sram_bytes=made.sram_bytes,
        flash_bytes=made.flash_bytes,
        macs=made.macs,
    )


def shares(held: Mapping[str, Held]) -> Iterator[tuple[str, float | None, str]]:
    """Of each Ethos-U target its name, the share of operations on the NPU, and the reasons.

    Args:
        held: What `hold` gives.
    """
    for name, found in held.items():
        if name in ACCELERATORS:
            reasons = [*found.reasons, *filter(None, [found.not_run])]
            yield name, found.npu_share, "; ".join(reasons[:3])
