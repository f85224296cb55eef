"""What generated code must know about a model."""

from __future__ import annotations

import keyword

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlite_pipeline.graph.ir import Model, Op, Quantization, Signature, Subgraph, Tensor
from rnnlite_pipeline.metadata import Description
from rnnlite_pipeline.release.deploy import deployment as module
from rnnlite_pipeline.release.deploy.deployment import identifier
from tests.release.deploy.ports import deployment, port


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("digits-bilstm", "digits_bilstm"),
        ("class", "class_"),
        ("2nd", "tensor_2nd"),
        ("serving_default_x:0", "serving_default_x_0"),
        ("größe", "gr_e"),
        ("::", "tensor"),
    ],
)
def test_a_name_as_an_identifier(name: str, code: str) -> None:
    """Names of layers and tensors are no identifiers; what they become is one everywhere."""
    assert identifier(name) == code


@given(st.text())
def test_any_name_becomes_an_identifier(name: str) -> None:
    """Of ASCII letters, in lower case, and no word of Python."""
    code = identifier(name)
    assert code.isidentifier()
    assert code.isascii()
    assert code == code.lower()
    assert not keyword.iskeyword(code)


def model_of(*names: str) -> Model:
    """A model with inputs of these names, and y."""
    inputs = {name: Tensor(name, "FLOAT32", (1, 4)) for name in names}
    y = Tensor("y", "FLOAT32", (1, 4))
    main = Subgraph("main", [*inputs.values()], [y], [Op("ADD_N", [*inputs.values()], [y])])
    return Model([main], [Signature("serving_default", main, inputs, {"y": y})])


NOTHING = Description({}, {}, {})


@given(st.lists(st.sampled_from(["x", "X", "x_2", "x-2", "X 2", "x_2_2", "x_1"]), unique=True))
def test_ports_have_names_of_their_own(names: list[str]) -> None:
    """Names that become one identifier are told apart, whatever the others are."""
    ports = module._ports(model_of(*names), NOTHING, "inputs")
    assert [each.name for each in ports] == names
    assert len({each.identifier for each in ports}) == len(names)


def test_a_port_of_a_tensor() -> None:
    """Type, open dimensions and scale of the tensor; normalization and labels of the metadata."""
    tensor = Tensor("x", "INT8", (-1, 4), quantization=Quantization((0.5,), (3,)))
    told = {
        "process_units": [{"options": {}}, {"options": {"mean": [1.0], "std": [2.0]}}],
        "associated_files": [{"name": "l.txt"}],
    }
    made = module._port("x", "x", tensor, told)
    assert made == port(
        "x", "int8", (None, 4), scale=0.5, zero_point=3, mean=(1.0,), std=(2.0,), labels="l.txt"
    )
    assert module._port("x", "x", Tensor("x", "STRING", None), {}) == port("x", "string", ())


def test_sizes_of_a_port() -> None:
    """An open dimension is -1, and counts as one value."""
    made = port(shape=(None, 3, 4))
    assert (made.sizes, made.closed, made.count) == ((-1, 3, 4), False, 12)
    assert (port().sizes, port().closed, port().count) == ((1, 4), True, 4)
    assert port("lstm_h_in").title == "LstmHIn"


def test_who_writes_real_numbers() -> None:
    """float32 and what is quantized; not integers, and not float16."""
    assert port().real
    assert port(dtype="int8", scale=0.5).real
    assert not port(dtype="int8").real
    assert not port(dtype="float16").real


def test_a_port_in_words() -> None:
    """Name, type, shape, and how its values are stored."""
    assert port(shape=(None, 8)).described == "x: float32 [?, 8]"
    made = port("a*/b", "int8", (), scale=0.5, zero_point=3)
    assert made.described == "a?/b: int8 [], real = 0.5 * (stored - 3)"


def test_states_are_no_data() -> None:
    """Explicit states are the caller's to keep; under another policy there are none."""
    inputs, outputs = (port("x"), port("h_in")), (port("h_out"), port("y"))
    first = np.array([[1.0, 2.0]])
    states = (("h_in", "h_out", first),)
    kept = deployment(inputs=inputs, outputs=outputs, states=states, state="explicit")
    (state,) = kept.kept
    assert (state.input.name, state.output.name, state.row) == ("h_in", "h_out", [1.0, 2.0])
    assert [each.name for each in kept.data_inputs] == ["x"]
    assert [each.name for each in kept.data_outputs] == ["y"]
    other = deployment(inputs=inputs, outputs=outputs, states=states, state="persist")
    assert other.kept == ()
    assert other.data_inputs == inputs


def test_the_models_name_in_code() -> None:
    """Of a file, and of a class."""
    made = deployment(name="digits-bilstm.v2")
    assert (made.snake, made.camel) == ("digits_bilstm_v2", "DigitsBilstmV2")


def test_the_arena_holds_every_tensor_once() -> None:
    """Computed tensors of all graphs, each up to a multiple of 16; no constant; open sizes as 1."""
    x, y = Tensor("x", "FLOAT32", (1, 4)), Tensor("y", "INT8", (-1, 17))
    c = Tensor.constant("c", np.ones(100, np.float32))
    inner = Subgraph("inner", [], [], [Op("NEG", [Tensor("z", "BOOL", ())], [])])
    made = Model([Subgraph("main", [x], [y], [Op("ADD", [x, c, x, None], [y])]), inner])
    assert module._activations(made) == 16 + 32 + 16
