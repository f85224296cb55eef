"""The check that a model is right in every interpreter, carried out in a process of its own.

A fault of memory often ends the process that meets it: then this is a failed check, and not a lost
stage. The process runs while the stage compares the model with its source.
"""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlite_pipeline.child import Apart
from rnnlite_pipeline.compare.batch_axis import Axes, draw
from rnnlite_pipeline.report.evidence import Check, Evidence
from rnnlite_pipeline.verify.targets import runs_on

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config
    from rnnlite_pipeline.sources.model import SourceModel
    from rnnlite_pipeline.verify.interpreters import Plan

#: The program that does it; it is imported by the call that needs it alone, as a main program is
#: not to be in its own process twice.
PROGRAM = "rnnlite_pipeline.verify.interpreters"

#: How `interpreters.py` begins what it says of an interpreter of one size, which is compared with
#: the reference kernels.
ALONE = "opened for "

#: The fewest interpreters that are called "every".
ENOUGH = 50

#: The tolerance between sets of kernels for a file that computes in integers: these differ among
#: themselves, and verify holds each of them to the source on the same kernels.
ANY = 1e30

#: Longer than the program takes by its own rule.
SECONDS = 900.0

NAME = "right in every interpreter"

_REMEDY = (
    "The runtime computes another result where its memory lies elsewhere. Please report it with"
    " the model; `python -m rnnlite_pipeline.verify.interpreters model.tflite` repeats it."
)

#: The advice where the same kernels always agree, and only the two sets of kernels differ.
_OTHER_KERNELS = (
    "The default kernels differ from the reference kernels by more than the tolerance, in every"
    " interpreter alike. Of a quantized model this is its rounding: leave layers in float with"
    " quantization.skip, or raise verification.max_abs_error. If the model is in float, please"
    " report it."
)


@contextmanager
def in_every_interpreter(
    config: Config, content: bytes, source: SourceModel, axes: Axes, evidence: Evidence
) -> Iterator[Callable[[], None]]:
    """Opens the model again and again, while the block runs.

    Args:
        config: The model's config.
        content: The converted model.
        source: Its source; tells which batches and lengths the model is for.
        axes: Where the batch is.
        evidence: What is known of the model.

    Yields:
        A function to call in the block: it waits, and adds the check and the section `interpreters`
        of verification.json to the evidence.
    """
    runs = runs_on(config)
    if runs.instead or "litert" not in runs.names:
        why = "the default delegate is LiteRT's, which is not verified"
        yield lambda: evidence.skipped.update({NAME: why})
        return
    stand_ins = config.source.format == "tflite"
    tolerance = evidence.facts.tolerance if source.on is None else ANY
    plan = plan_of(source, axes, tolerance, stand_ins=stand_ins)
    with _carried_out(content, plan.as_json()) as found:
        yield lambda: _add(evidence, *found())


def _add(evidence: Evidence, found: dict[str, Any], why: str) -> None:
    evidence.checks += _checks(found, why)
    seen = {name: found[name] for name in _SEEN if name in found}
    evidence.facts.interpreters = seen | ({"ended": why} if why else {})
    if not why and found["interpreters"] < ENOUGH:
        evidence.skipped[NAME] = (
            f"{found['interpreters']} interpreters were opened, and not {ENOUGH}: the model takes"
            " too long"
        )


def plan_of(source: SourceModel, axes: Axes, tolerance: float, *, stand_ins: bool = False) -> Plan:
    """What a model is run on in every interpreter: batches and lengths that its source takes."""
    from rnnlite_pipeline.verify.interpreters import SIZES, Plan  # a main program: see PROGRAM

    takes = functools.cache(functools.partial(_takes, source))
    sizes = tuple(size for size in SIZES if takes(_shapes(source, axes, size)))
    return Plan(
        axes=dict(axes.inputs),
        limits={name: (r.start, r.stop) for name, r in source.limits.items()},
        sizes=sizes or SIZES[:1],
        tolerance=tolerance,
        stand_ins=stand_ins,
    )


#: What verification.json has of what was found.
_SEEN = (
    "interpreters",
    "calls",
    "allocated_twice",
    "sizes",
    "wrong",
    "largest_difference",
    "largest_difference_from_reference",
)


def _shapes(source: SourceModel, axes: Axes, size: tuple[int, int]) -> tuple[tuple[int, ...], ...]:
    """The shape of each input at a batch and a length, where they are open."""
    batch, length = size
    shapes = []
    for spec in source.inputs:
        axis = axes.inputs.get(spec.name, 0)
        sizes = (batch if k == axis else length for k in range(len(spec.shape)))
        shapes.append(tuple(s if d is None else d for d, s in zip(spec.shape, sizes, strict=True)))
    return tuple(shapes)


def _takes(source: SourceModel, shapes: tuple[tuple[int, ...], ...]) -> bool:
    """Whether the source runs on inputs of these shapes."""
    rng = np.random.default_rng(0)
    feed = {
        spec.name: draw(rng, spec, shape, source.limits)
        for spec, shape in zip(source.inputs, shapes, strict=True)
    }
    try:
        source.run(feed)
    except Exception:  # noqa: BLE001  # whatever the source's layers raise
        return False
    return True


@contextmanager
def _carried_out(content: bytes, plan: str) -> Iterator[Callable[[], tuple[dict[str, Any], str]]]:
    """Yields what waits for the program: what it found, and why it ended early, else empty."""
    with tempfile.TemporaryDirectory() as folder:
        model, written = Path(folder) / "model.tflite", Path(folder) / "plan.json"
        model.write_bytes(content)
        written.write_text(plan, encoding="utf-8")
        with Apart(PROGRAM, [str(model), "0", str(written)], SECONDS) as process:
            yield lambda: _read(*process.answer())


def _read(answer: str, why: str) -> tuple[dict[str, Any], str]:
    return ({} if why else json.loads(answer)), why


def _checks(found: dict[str, Any], why: str) -> Iterator[Check]:
    if why:
        detail = f"a process that opened the model again and again {why}"
        yield Check(NAME, False, detail, _REMEDY, kernels="default")
        return
    wrong = found["wrong"]
    said = f"{found['interpreters']} interpreters, {found['calls']} calls"
    if wrong:
        said = f"{wrong} wrong in {said}: " + "; ".join(found["told"])
    apart = wrong == len(found["told"]) and all(each.startswith(ALONE) for each in found["told"])
    yield Check(NAME, not wrong, said, _OTHER_KERNELS if apart else _REMEDY, kernels="default")
