"""Which form a recurrence gets, and what the caller is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from unittest import mock

import numpy as np
import pytest

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.lower import choice, lower
from rnnlite_pipeline.lower.unrolled import unroll
from rnnlite_pipeline.quantize import lowering, skipped, trial, weight_bytes
from rnnlite_pipeline.quantize.dynamic_range import dynamic_range
from rnnlite_pipeline.quantize.skip import Skip
from rnnlite_pipeline.runtimes import timing
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner
from tests.lower.cases import Case, histogram, random_lstm
from tests.lower.loop_cases import gru

FUSED = "UNIDIRECTIONAL_SEQUENCE_LSTM"


#: One round of each form.
ONCE = mock.patch.multiple(timing, FEWEST=1, MOST=1)


def measured(times: Mapping[str, float]) -> Any:
    """As if the forms took so long, in each round."""
    rounds = {form: [ms] * 11 for form, ms in times.items()}
    return mock.patch.object(choice, "_rounds", return_value=rounds)


def taken(form: str) -> Any:
    """As if the form took next to nothing."""

    def timed(calls: Mapping[str, object], _clock: object) -> dict[str, list[float]]:
        return {each: [1e-3 if each == form else 1.0] * 11 for each in calls}

    return mock.patch.object(choice, "timed", timed)


def _lstm(outputs: Literal["y", "finals"] = "y") -> Model:
    return Case((random_lstm(np.random.default_rng(0), 3, 4),), outputs=outputs).model()


@pytest.mark.parametrize(("form", "code"), [("auto", FUSED), ("fused", FUSED), ("loop", "WHILE")])
def test_cell_with_a_fused_op(form: choice.Form, code: str) -> None:
    """It is fused unless a loop is asked for."""
    model = _lstm()
    (lowered,) = lower(model, form)
    assert (lowered.form == "loop", bool(lowered.reason)) == (code == "WHILE",) * 2
    assert code in histogram(model)


@pytest.mark.parametrize("form", ["auto", "loop", "fastest"])
def test_cell_without_a_fused_op(form: choice.Form) -> None:
    """It is a loop whatever is asked for, with the reason; nothing is measured."""
    model = Case((gru(np.random.default_rng(0), 3, 4),)).model()
    (lowered,) = lower(model, form)
    assert (lowered.name, lowered.form, dict(lowered.milliseconds)) == ("layer0", "loop", {})
    assert "GRU" in lowered.reason
    assert "WHILE" in histogram(model)


@pytest.mark.parametrize(
    ("fused", "loop", "form"),
    [(1.0, 0.5, "loop"), (1.0, 0.97, "loop"), (1.0, 0.99, "fused"), (0.5, 1.0, "fused")],
)
def test_fastest_needs_an_advantage(fused: float, loop: float, form: str) -> None:
    """A loop is chosen where it takes 2 % less time; the times are told either way."""
    times = {"fused": fused, "loop": loop}
    with measured(times):
        (lowered,) = lower(_lstm(), "fastest")
    assert (lowered.form, lowered.milliseconds) == (form, times)


def _config(quantization: Mapping[str, Any], form: str) -> Config:
    """A config that asks for a scheme and a form."""
    return Config.model_validate(
        {
            "name": "model",
            "source": {"format": "keras", "path": "model.keras"},
            "recurrent": {"lowering": form},
            "quantization": quantization,
        }
    )


def _short(cell: Cell, steps: int = 6) -> Case:
    """A case of a known length."""
    return Case((cell,), outputs="y", steps=steps, open_steps=False)


@pytest.mark.parametrize(
    ("times", "form"),
    [
        ({"fused": 1.0, "loop": 0.9, "unrolled": 0.8}, "unrolled"),
        ({"fused": 1.0, "loop": 0.9, "unrolled": 0.87}, "loop"),
        ({"fused": 1.0, "loop": 1.2, "unrolled": 0.97}, "fused"),
    ],
)
def test_steps_written_out_need_a_larger_advantage(times: dict[str, float], form: str) -> None:
    """They make a larger file: they are chosen where they take 5 % less time."""
    model = _short(random_lstm(np.random.default_rng(0), 3, 4)).model()
    with measured(times):
        (lowered,) = lower(model, "fastest")
    assert lowered.form == form


@pytest.mark.parametrize("fusable", [True, False])
def test_short_sequences_are_measured_written_out(fusable: bool) -> None:
    """Also where there is no fused op; the one that was chosen computes the recurrence."""
    rng = np.random.default_rng(0)
    case = _short(random_lstm(rng, 3, 4) if fusable else gru(rng, 3, 4))
    model = case.model()
    with ONCE, taken("unrolled"):
        (lowered,) = lower(model, "fastest")
    assert set(lowered.milliseconds) == {*["fused"] * fusable, "loop", "unrolled"}
    assert lowered.form == "unrolled"
    assert lowered.reason
    assert histogram(model)["WHILE"] == 1
    assert unroll(model, every=False, layers=["another"]) == []
    assert histogram(model)["WHILE"] == 1
    assert unroll(model, every=False, layers=["layer0"]) == []
    assert histogram(model)["WHILE"] == 0
    case.check(model)


@pytest.mark.parametrize(("steps", "units"), [(200, 4), (100, 256)])
def test_what_does_not_fit_into_a_cache_is_not_written_out(steps: int, units: int) -> None:
    """Long sequences, and such whose weights the delegate would pack for each step, are loops."""
    model = _short(gru(np.random.default_rng(0), 3, units), steps).model()
    with measured({}) as rounds:
        (lowered,) = lower(model, "fastest")
    assert lowered.form == "loop"
    rounds.assert_not_called()


@pytest.mark.parametrize("outputs", ["y", "finals"])
def test_fastest_measures_both_forms(outputs: Literal["y", "finals"]) -> None:
    """Both forms are run as the model uses them; the model then has the one that was chosen."""
    model = _lstm(outputs)
    with ONCE:
        (lowered,) = lower(model, "fastest")
    assert lowered.milliseconds.keys() == {"fused", "loop"}
    assert min(lowered.milliseconds.values()) > 0
    assert (FUSED in histogram(model)) == (lowered.form == "fused")


@pytest.mark.parametrize(
    ("fused", "joined", "loop", "form"),
    [(1.0, 0.9, 0.8, "loop"), (1.0, 0.8, 0.9, "joined"), (0.7, 0.9, 0.8, "fused")],
)
def test_fastest_of_one_loop_and_two(fused: float, joined: float, loop: float, form: str) -> None:
    """One loop for both directions and one for each are measured beside the fused op."""
    rng = np.random.default_rng(0)
    case = Case((random_lstm(rng, 3, 4), random_lstm(rng, 3, 4)))
    times, model = {"fused": fused, "joined": joined, "loop": loop}, case.model()
    with measured(times):
        (lowered, _) = lower(model, "fastest")
    assert (lowered.form, lowered.milliseconds) == (form, times)
    loops = {"fused": (0, False), "joined": (1, True), "loop": (2, False)}
    found = sum(op.code == "WHILE" for op in model.main.ops)
    assert (found, "BATCH_MATMUL" in histogram(model)) == loops[form]
    case.check(model)


def test_directions_that_are_not_alike_are_two_loops() -> None:
    """Where they cannot be joined, one loop is not measured, and nobody is told of one."""
    rng = np.random.default_rng(0)
    case = Case((gru(rng, 3, 4), gru(rng, 3, 4, reset_after=False)))
    model = case.model()
    with ONCE, taken("joined"):
        forward, backward = lower(model, "fastest")
    assert forward.milliseconds.keys() == {"loop"}
    assert (forward.form, backward.form) == ("loop", "loop")
    case.check(model)


@pytest.mark.parametrize("asked", ["loop", "fastest"])
@pytest.mark.parametrize(
    ("skip", "form"),
    [
        ((), "joined"),
        (("layer0",), "loop"),
        (("layer1",), "loop"),
        (("layer0", "layer1"), "joined"),
    ],
)
def test_directions_of_which_one_stays_in_float_are_two_loops(
    skip: tuple[str, ...], form: str, asked: str
) -> None:
    """`quantization.skip` leaves the layers in float that it names, and quantizes the other one."""
    config = _config({"scheme": "dynamic_range", "skip": skip}, asked)
    rng = np.random.default_rng(0)
    model = Case((gru(rng, 8, 16), gru(rng, 8, 16))).model()
    (pair,) = (op for op in model.main.ops if op.code == BIDIRECTIONAL)
    with ONCE, taken("joined"):
        lowered = lower(
            model,
            *lowering(config),
            weight_bytes=weight_bytes(config),
            finish=trial(config),
            skipped=skipped(config),
        )
    assert {each.form for each in lowered} == {form}
    scopes = choice.scopes(pair, lowered[0].form)
    became: dict[str, set[str]] = {name: set() for name in scopes.values()}
    products = ("BATCH_MATMUL", "FULLY_CONNECTED")
    found = dynamic_range(model, Skip(skip, scopes))
    for each in (outcome for outcome in found if outcome.op in products):
        became[(each.inside or each.name).split("/")[0]].add(each.became)
    for name, scope in scopes.items():
        assert became[scope] == {"float32" if name in skip else "int8 weights"}


@pytest.mark.parametrize("time_major", [True, False])
def test_fastest_measures_pairs_and_states(time_major: bool) -> None:
    """Both directions are measured as one, initial states given."""
    rng = np.random.default_rng(0)
    pair = (random_lstm(rng, 3, 4), random_lstm(rng, 3, 4))
    case = Case(pair, time_major=time_major, initial=("input", "row", "computed", "none"))
    model = case.model()
    with ONCE:
        forward, backward = lower(model, "fastest")
    assert forward.milliseconds == backward.milliseconds
    case.check(model)


@pytest.mark.parametrize("scheme", ["none", "dynamic_range", "float16", "int8"])
def test_fastest_measures_what_is_shipped(scheme: str) -> None:
    """Both forms are quantized as the model will be before they are timed."""
    quantization: dict[str, Any] = {"scheme": scheme}
    if scheme == "int8":
        quantization["calibration"] = {"path": "calibration.npz"}
    config = _config(quantization, "fastest")
    case = Case((random_lstm(np.random.default_rng(0), 8, 16),), outputs="y")
    written: list[Model] = []

    def keep(data: bytes, kernels: Kernels) -> Runner:
        written.append(read_model(data))
        return Runner(data, kernels)

    with (
        ONCE,
        mock.patch.object(choice, "Runner", keep),
    ):
        lower(case.model(), *lowering(config), finish=trial(config))
    types = [{t.dtype for op in m.ops() for t in op.inputs if t and t.data} for m in written]
    wanted = {"dynamic_range": "INT8", "float16": "FLOAT16", "int8": "INT8"}.get(scheme, "FLOAT32")
    assert len(types) == 2
    assert all(wanted in each for each in types)
    # With the batch closed, products of a first state of zeros would be computed ahead.
    assert all(m.main.inputs[0].shape == case.model().main.inputs[0].shape for m in written)


def test_what_no_target_takes_is_not_measured() -> None:
    """Where a target takes no loop, the fused op is the only form there is."""
    (lowered,) = lower(_lstm(), "fastest", targets=("ethos-u55",), dtype="INT8")
    assert (lowered.form, dict(lowered.milliseconds)) == ("fused", {})
