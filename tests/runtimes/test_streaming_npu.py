"""Streaming for an NPU: pieces equal the whole, and Vela compiles what the tables say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import Array
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes import RUNTIMES, vela
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.micro import MicroRunner
from rnnlite_pipeline.runtimes.runners import RUNNERS
from rnnlite_pipeline.state import described
from rnnlite_pipeline.verify.application import RealRunner, Started
from tests.state.graphs import in_pieces
from tests.state.test_quantized import Policy, closed, samples

needs_vela = pytest.mark.skipif(bool(vela.missing()), reason=vela.missing())

#: The type of inputs and outputs of each scheme.
INTERFACES = {"int8": "int8", "int16x8": "int16"}

#: The length of the whole, and of pieces of it.
LENGTHS = (24, 6, 1)

#: What the ordinary run looks at.
_SAMPLE = ("ethos-u85", "persist", "int16x8")


def _every(target: str, policy: str, scheme: str) -> Any:
    asked = (target, policy, scheme)
    return pytest.param(*asked, marks=() if asked == _SAMPLE else pytest.mark.slow)


@needs_vela
@pytest.mark.parametrize(
    ("target", "policy", "scheme"),
    [
        _every(target, policy, scheme)
        for target in vela.ACCELERATORS
        for policy in ("persist", "explicit")
        for scheme in INTERFACES
    ],
)
def test_pieces_equal_the_whole_and_are_compiled(
    tmp_path: Path, target: str, policy: Policy, scheme: str
) -> None:
    """An LSTM fed by 24, 6 and 1 steps gives the same bits; on U85, and explicit, all is the NPU's.

    The numbers are those of the model before it is compiled, on LiteRT's reference kernels and on
    TensorFlow Lite Micro.
    """
    x, results = samples(7, 1, LENGTHS[0]), list[list[Array]]()
    for steps in LENGTHS:
        model = closed(tmp_path, policy, scheme, steps, target, interface=INTERFACES[scheme])
        compiled = vela.compile_model(write_model(model), target)
        left = {each.op for each in compiled.cpu_ops}
        assert left == {each.op for each in RUNTIMES[target].judge(model).refusals}
        if policy == "explicit" or target == "ethos-u85":
            assert (left, compiled.npu_share) == (set(), 1.0)
        else:
            assert left == {"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"}
            assert {each.reason for each in compiled.cpu_ops} == {"Unsupported opType"}
            assert 0.5 < compiled.npu_share < 1.0
        results.append(_runs(model, x, steps))
    for on_one in zip(*results, strict=True):  # the runtimes round int16 in different ways
        assert np.ptp(on_one[0]) > 0.1
        for pieces in on_one[1:]:
            np.testing.assert_array_equal(pieces, on_one[0])


def _runs(model: Model, x: Array, steps: int) -> list[Array]:
    """What the model gives, fed in pieces, on each runtime that is here."""
    content, found = write_model(model), []
    runners: list[Any] = [Runner(content, "reference")]
    if not RUNNERS["tflm"].missing():
        runners.append(MicroRunner(content))
    for runner in runners:
        started = Started(RealRunner(runner, read_model(content)), described(model))
        found.append(in_pieces(started, x, (steps,) * (LENGTHS[0] // steps)))
        if isinstance(runner, MicroRunner):
            runner.close()
    return found
