"""The interface of a converted model is that of its source, name by name."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.graph.ir import Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.sources.model import TensorSpec
from rnnlite_pipeline.verify.interface import check_interface

SPECS = [TensorSpec("a", "float32", (None, 3)), TensorSpec("b", "int32", (2,))]

A, B = ("a", "FLOAT32", (-1, 3)), ("b", "INT32", (2,))


def model(*tensors: tuple[str, str, tuple[int, ...]]) -> Model:
    """A model whose inputs are also its outputs."""
    made = [Tensor(*each) for each in tensors]
    by_name = {t.name: t for t in made}
    main = Subgraph("main", made, made, [])
    return Model([main], [Signature("serving_default", main, by_name, by_name)])


def test_the_source_s_interface_passes() -> None:
    """Names, order, dtypes and shapes that are equal pass, on both sides."""
    checks = list(check_interface(model(A, B), SPECS, SPECS))
    assert len(checks) == 4
    assert all(check.passed for check in checks)


@pytest.mark.parametrize(
    "tensors",
    [
        [B, A],
        [A],
        [("c", "FLOAT32", (-1, 3)), B],
        [("a", "INT8", (-1, 3)), B],
        [("a", "FLOAT32", (1, 3)), B],
        [("a", "FLOAT32", (-1, -1)), B],
    ],
    ids=["order", "count", "name", "dtype", "closed", "opened"],
)
def test_another_interface_fails(tensors: list[Any]) -> None:
    """Anything that differs shows both interfaces."""
    failed = [c for c in check_interface(model(*tensors), SPECS, SPECS) if not c.passed]
    assert "instead of a: float32[null, 3], b: int32[2]" in failed[0].detail


def test_a_signature_that_crosses_names_fails() -> None:
    """A signature whose name leads to another tensor would feed the wrong input."""
    crossed = model(A, B)
    a, b = crossed.main.inputs
    crossed.signatures[0].inputs = {"a": b, "b": a}
    crossed.signatures[0].outputs = {"a": a}
    failed = [c.name for c in check_interface(crossed, SPECS, SPECS) if not c.passed]
    assert failed == ["signature names the inputs", "signature names the outputs"]


def test_an_output_that_is_missing_fails() -> None:
    """A side without tensors is shown as nothing, against what is expected."""
    made = model(A, B)
    made.main.outputs, made.signatures[0].outputs = [], {}
    failed = [c for c in check_interface(made, SPECS, SPECS) if not c.passed]
    assert [c.name for c in failed] == ["outputs as in the source"]
    assert failed[0].detail == " instead of a: float32[null, 3], b: int32[2]"


def test_every_signature_of_the_main_graph_counts() -> None:
    """A second one with other names fails; one of another graph is its own matter."""
    made = model(A, B)
    other = Subgraph("other", made.main.inputs, made.main.outputs)
    made.subgraphs.append(other)
    made.signatures.append(Signature("reset", other, {}, {}))
    assert all(c.passed for c in check_interface(made, SPECS, SPECS))
    made.signatures.append(Signature("again", made.main, {"z": made.main.inputs[0]}, {}))
    assert not all(c.passed for c in check_interface(made, SPECS, SPECS))


def test_a_file_may_name_its_tensors_otherwise() -> None:
    """Where the signature's names are enough, they are what is compared."""
    made = model(("t0", "FLOAT32", (-1, 3)), ("t1", "INT32", (2,)))
    named = dict(zip("ab", made.main.inputs, strict=True))
    made.signatures = [Signature("serving_default", made.main, named, named)]
    assert all(c.passed for c in check_interface(made, SPECS, SPECS, by_signature=True))
    assert not all(c.passed for c in check_interface(made, SPECS[::-1], SPECS, by_signature=True))


def test_a_dtype_without_numbers() -> None:
    """It is named as the file names it, and a scalar has no dimensions."""
    specs = [TensorSpec("s", "float32", ())]
    failed = [c for c in check_interface(model(("s", "STRING", ())), specs, specs) if not c.passed]
    assert failed[0].detail == "s: STRING[] instead of s: float32[]"
