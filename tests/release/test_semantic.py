"""The semantic digest: what it ignores, and what it sees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rnnlite_pipeline.graph.ir import Model, Op, Quantization, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.release.semantic import semantic_digest

Change = Callable[[Model], None]


def model() -> Model:
    """Two states, written alike and touched by one op; the second one is read after it."""
    x, y = Tensor("x", "FLOAT32", (1, 2)), Tensor("y", "FLOAT32", (1, 2))
    h, c = (Tensor(name, "FLOAT32", (1, 2), is_variable=True) for name in "hc")
    shape = Tensor.constant("shape", np.array([1, 2], np.int32))
    zero = Tensor.constant("zero", np.array(0.0, np.float32))
    last = Tensor("last", "FLOAT32", (1, 2))
    kernel = Tensor.constant("kernel", np.array([[1, 2], [3, 4]], np.float32))
    ops = [
        Op("FILL", [shape, zero], [h]),
        Op("FILL", [shape, zero], [c]),
        Op("OWN", [x, kernel, h, c], [last], {"clip": 0.0, "step": 2}, custom=True),
        Op("ADD", [last, c], [y]),
    ]
    main = Subgraph("main", [x], [y], ops, [x, y, h, c, shape, zero, last, kernel])
    return Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])


def _stamp(model: Model) -> None:
    model.metadata |= {"CONVERSION_METADATA": b"2.22", "min_runtime_version": b"9"}
    model.description = "another"


def _rename(model: Model) -> None:
    for number, tensor in enumerate(reversed(model.main.tensors)):
        tensor.name = f"t{number}"


def _reorder(model: Model) -> None:
    model.main.tensors.reverse()
    model.main.ops[:2] = model.main.ops[1::-1]


def _version(model: Model) -> None:
    for op in model.main.ops:
        op.version += 1


def _default(model: Model) -> None:
    model.main.ops[2].options |= {"new_in_a_later_schema": 0, "and_another": "NONE"}


def _dead(model: Model) -> None:
    unused = Tensor("unused", "FLOAT32", (1, 2))
    model.main.ops.append(Op("NEG", [model.main.inputs[0]], [unused]))


def _unshape(model: Model) -> None:
    model.main.ops[2].outputs[0].shape = None


@pytest.mark.parametrize("change", [_stamp, _rename, _reorder, _version, _default, _dead, _unshape])
def test_what_a_toolchain_is_free_to_choose_is_ignored(change: Change) -> None:
    """Stamps, names, orders, versions, new defaults, dead ops and inferred shapes are no change."""
    changed = model()
    change(changed)
    assert semantic_digest(changed) == semantic_digest(model())


def _constant(model: Model) -> None:
    model.main.ops[2].inputs[1] = Tensor.constant("k", np.array([[1, 2], [3, 5]], np.float32))


def _option(model: Model) -> None:
    model.main.ops[2].options["step"] = 3


def _operands(model: Model) -> None:
    model.main.ops[3].inputs.reverse()


def _other_state(model: Model) -> None:
    model.main.ops[3].inputs[1] = model.main.ops[2].inputs[2]


def _read_early(model: Model) -> None:
    h = model.main.ops[2].inputs[2]
    before = Op("ADD", [model.main.inputs[0], h], [Tensor("z", "FLOAT32", (1, 2))])
    model.main.ops.insert(2, before)
    model.main.outputs.append(before.outputs[0])


def _read_late(model: Model) -> None:
    _read_early(model)
    model.main.ops.append(model.main.ops.pop(2))


def _keep(model: Model) -> None:
    del model.main.ops[0]


def _quantize(model: Model) -> None:
    model.main.ops[2].outputs[0].quantization = Quantization((0.5,), (0,))


def _signature(model: Model) -> None:
    model.signatures[0].outputs = {"z": model.main.outputs[0]}


CHANGES = [
    _constant,
    _option,
    _operands,
    _other_state,
    _read_early,
    _read_late,
    _keep,
    _quantize,
    _signature,
]


def test_every_change_of_what_is_computed_is_seen() -> None:
    """Constants, options, operands, states and when they are read, quantization and names."""
    digests = {semantic_digest(model())}
    for change in CHANGES:
        changed = model()
        change(changed)
        digests.add(semantic_digest(changed))
    assert len(digests) == 1 + len(CHANGES)


def test_a_file_has_the_digest_of_its_model() -> None:
    """Writing and reading a model changes nothing of what it computes."""
    written = model()
    written.main.ops[2].options = {}
    assert semantic_digest(read_model(write_model(written))) == semantic_digest(written)
