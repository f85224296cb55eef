"""What is not a known cell stays a loop, and the reason says what differs."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.graph.ir import OPEN, Quantization, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.recognise import Replacement, recognise
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.recognise import near_misses as near
from tests.recognise import other_loops as other
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling, Step
from tests.recognise.strategies import lstm, numbers, simple_rnn, spellings

#: A step that differs, and the reason it gives.
STEPS: list[tuple[type[Step], str]] = [
    (near.HardSigmoid, "input gate is .*no sigmoid"),
    (near.TwiceTheCandidate, r"new cell state is .*2\*.*, not f\*c \+ i\*g"),
    (near.CellWithConstant, "constant added"),
    (near.CellWithoutForgetting, "forget gate is 1, not a sigmoid"),
    (near.OutputWithoutCell, "."),
    (near.MixedActivations, "candidate uses tanh and its output relu"),
    (near.SquaredOutput, r"not o\*activation\(c'\)"),
    (near.AsymmetricClip, "not symmetric"),
    (near.OneSidedClip, "not symmetric"),
    (near.TwoCeilings, r"new cell state is minimum\(.*not f\*c \+ i\*g"),
    (near.TwoEqualFloors, "not symmetric"),
    (near.ClipOfRelu, r"not f\*c \+ i\*g"),
    (near.NonlinearState, "nonlinear function of the state"),
    (near.StateTimesInput, "nonlinear function of the state"),
    (near.FullPeephole, "cell state through a full matrix"),
    (near.OutputLooksBack, "output gate reads a state that an LSTM's does not"),
    (near.CandidateLooks, "candidate reads a state that an LSTM's does not"),
    (near.UnknownOp, "op CUMSUM"),
    (near.Gru, "nonlinear function|h' = |GRU"),
    (near.FirstRowOnly, "slices a value along the batch"),
    (near.FirstRowsOnly, "slices a value along the batch"),
    (near.ColumnOfConstants, "not one row for each batch entry"),
    (near.SumOverUnits, "mixes one number for each batch entry with rows"),
    (near.BeginFromData, "the op PACK in its step"),
]

CLOSED: dict[str, Any] = {"batch": 2, "steps": 4, "trip": "constant"}

OPEN_SIZES: dict[str, Any] = {"batch": OPEN, "steps": OPEN, "trip": "shape"}

#: A loop that differs, its spelling, and the reason it gives.
LOOPS: list[tuple[type[Author], dict[str, Any], str]] = [
    (other.StopsOnData, {}, "stops on a condition on data"),
    (other.OtherLength, OPEN_SIZES, "not known to be its sequence's length"),
    (other.NumberFromOutside, {}, "a length known only at run time"),
    (other.PartOfFeatures, {"batch_major": True}, "part of the sequence's features"),
    (other.CountsByTwo, {}, "writes its outputs neither forwards nor backwards"),
    (other.LongerList, {}, "list it writes is not known to be as long"),
    (other.ShorterList, {}, "list it writes is not known to be as long"),
    (other.PutsOutTheCell, {}, "cell state of each step"),
    (other.WritesTwice, {}, "other than once in each step"),
    (other.PackedStates, {}, "computes with a carried list"),
]


def no_name(replacement: Replacement) -> str | None:
    """Objects to a cell that has no fused op, with the reason that the cell itself gives."""
    reasons = (getattr(r.cell, "reason", "") for r in replacement.recurrences)
    return next((reason for reason in reasons if reason), None)


def check_stays(author: Author, reason: str = ".") -> None:
    """The loop is not read, gives the reason, and its bytes are what they were."""
    model = author.model()
    before = write_model(model)
    (finding,) = recognise(model, no_name)
    assert not finding.recurrences
    assert re.search(reason, finding.reason), finding.reason
    assert write_model(model) == before


def cell_for(step: type[Step]) -> Any:
    """An LSTM, clipped where the step changes the clip."""
    return lstm(3, units=2, cell_clip=1.0 if "clipped" in vars(step) else 0.0)


@pytest.mark.parametrize(("step", "reason"), STEPS, ids=lambda v: getattr(v, "__name__", ""))
def test_step_near_a_cell(step: type[Step], reason: str) -> None:
    """A step that differs from an LSTM in one place stays a loop and says in which."""
    spelling = Spelling(**CLOSED, cut="slice" if step is near.BeginFromData else "split")
    check_stays(Author([cell_for(step)], spelling, step), reason)


@pytest.mark.parametrize(
    ("author", "how", "reason"), LOOPS, ids=lambda v: getattr(v, "__name__", "")
)
def test_loop_near_a_recurrence(author: type[Author], how: dict[str, Any], reason: str) -> None:
    """A loop that runs an LSTM in another way than over a sequence stays and says in which."""
    check_stays(author([lstm(3, units=2)], Spelling(**(CLOSED | how))), reason)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_near_misses_in_any_spelling(data: st.DataObject) -> None:
    """No spelling hides what differs from an LSTM."""
    step = data.draw(st.sampled_from([s for s, _ in STEPS if s is not near.BeginFromData]))
    spelling = data.draw(spellings([cell_for(step)]))
    check_stays(Author([cell_for(step)], replace(spelling, batch=2, bias="apart"), step))


@pytest.mark.parametrize("step", [s for s, _ in STEPS], ids=lambda s: s.__name__)
def test_near_miss_is_its_own_equations(step: type[Step]) -> None:
    """What a near miss is read as, if it is read at all, computes what its loop computes."""
    spelling = Spelling(**CLOSED, cut="slice" if step is near.BeginFromData else "split")
    model = Author([cell_for(step)], spelling, step).model()
    loop = copy.deepcopy(model)
    tensor_lists_to_tensors(loop)
    (finding,) = recognise(model)
    assert bool(finding.reason) != bool(finding.recurrences)
    if len(finding.recurrences) == 1:
        arrays = numbers(model)
        y = Runner(write_model(loop), "reference").run(arrays)["y"]
        computed, *_ = finding.recurrences[0].run(arrays["x"].swapaxes(0, 1))
        np.testing.assert_allclose(y, computed, rtol=0, atol=1e-5)


def test_findings_stand_in_order() -> None:
    """What the main graph's loops are comes before what the loops of later graphs are."""
    models = [Author([lstm(units=2)], Spelling(**CLOSED)).model() for _ in "ab"]
    for name, model in zip("ab", models, strict=True):
        next(op for op in model.ops() if op.code == "WHILE").outputs[0].name = name
    models[0].subgraphs += models[1].subgraphs
    assert [finding.name for finding in recognise(models[0])] == ["a", "b"]


def test_list_that_is_an_output() -> None:
    """A list that leaves its graph as a list, as from a loop inside a loop, keeps its loop."""
    model = Author([lstm(units=2)], Spelling(**CLOSED)).model()
    loop, stack = model.main.ops[-2:]
    written = stack.inputs[0]
    assert written is not None
    model.main.outputs.append(written)
    (finding,) = recognise(model)
    assert "otherwise than as one tensor" in finding.reason
    assert loop in model.main.ops


def test_quantized_weights() -> None:
    """Weights that are quantized are not read as the integers they are stored as."""
    model = Author([lstm(units=2)], Spelling(**CLOSED)).model()
    product = next(op for op in model.ops() if op.code == "FULLY_CONNECTED")
    kernel = product.inputs[1]
    assert kernel is not None
    integers = Tensor.constant("stored", np.ones(kernel.shape or (), np.int8))
    integers.quantization = Quantization((0.5,), (0,))
    product.inputs[1] = integers
    (finding,) = recognise(model)
    assert "stored, which is quantized" in finding.reason


def test_no_input_is_read() -> None:
    """A cell whose kernels are all zero reads no sequence, and stays a loop."""
    cell = replace(simple_rnn(units=2), kernel=np.zeros((2, 2)))
    check_stays(Author([cell], Spelling(**CLOSED)), "reads no sequence")
