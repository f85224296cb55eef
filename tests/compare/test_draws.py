"""The numbers that two graphs are compared on."""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.compare.draws import ENDS, FLOOD, Draw, Interface, of_model, scaled
from rnnlite_pipeline.graph.ir import OPEN, Tensor


def interface(**tensors: Tensor) -> Interface:
    """A model of these inputs."""
    return Interface(tensors, {}, {}, {})


X = Tensor("x", "FLOAT32", (OPEN, OPEN, 3))


def test_which_draws_prove_something() -> None:
    """One step, or equal steps, do not tell the order."""
    assert Draw(2, 1).proves
    assert not Draw(1, 5).proves
    assert not Draw(9, 5, kind="constant").proves


def test_open_dimensions_are_batch_and_steps() -> None:
    """By the batch's axis; closed ones stay."""
    draw = Draw(steps=6, batch=2)
    assert of_model(draw, 0, interface(x=X))["x"].shape == (2, 6, 3)
    turned = Interface({"x": X}, {"x": 1}, {}, {})
    assert of_model(draw, 0, turned)["x"].shape == (6, 2, 3)


def test_numbers_are_of_their_magnitude_and_seed() -> None:
    """The same seed gives the same numbers; a constant is its magnitude."""
    one, again = (of_model(Draw(50, 20, 4.0), 3, interface(x=X))["x"] for _ in range(2))
    np.testing.assert_array_equal(one, again)
    assert 3.5 < one.std() < 4.5
    assert (of_model(Draw(5, 2, 4.0, "constant"), 0, interface(x=X))["x"] == 4.0).all()


def test_a_flood_is_between_both_ends() -> None:
    """Along the steps, whichever axis they have; rows without steps stay as they are."""
    row = Tensor("r", "FLOAT32", (OPEN, 3))
    plain = of_model(Draw(9, 2), 0, interface(x=X, r=row))
    flooded = of_model(Draw(9, 2, kind="flooded"), 0, interface(x=X, r=row))
    factors = np.full(9, FLOOD)
    factors[:ENDS] = factors[-ENDS:] = 1.0
    np.testing.assert_allclose(flooded["x"], plain["x"] * factors[None, :, None], rtol=1e-6)
    np.testing.assert_array_equal(flooded["r"], plain["r"])
    turned = Interface({"x": X}, {"x": 1}, {}, {})
    ratio = (
        of_model(Draw(9, 2, kind="flooded"), 0, turned)["x"] / of_model(Draw(9, 2), 0, turned)["x"]
    )
    np.testing.assert_allclose(ratio, np.broadcast_to(factors[:, None, None], ratio.shape), 1e-5)


def test_integers_stay_within_their_limits() -> None:
    """0 and 1 where none is known."""
    ids = Tensor("ids", "INT32", (OPEN, OPEN))
    known = Interface({"ids": ids}, {}, {"ids": range(5, 8)}, {})
    assert set(of_model(Draw(30, 9), 0, known)["ids"].ravel().tolist()) == {5, 6, 7}
    free = of_model(Draw(30, 9), 0, interface(ids=ids))["ids"]
    assert set(free.ravel().tolist()) == {0, 1}
    assert free.dtype == np.int32


def test_a_state_starts_from_its_first_value() -> None:
    """Repeated for each batch entry."""
    state = Tensor("h", "FLOAT32", (OPEN, 2))
    first = Interface({"h": state}, {}, {}, {"h": np.array([[1.0, 2.0]], np.float32)})
    assert of_model(Draw(5, 3), 0, first)["h"].tolist() == [[1.0, 2.0]] * 3


def test_floats_alone_are_scaled() -> None:
    """Integers are lengths and classes; dtypes stay."""
    found = scaled({"x": np.ones(2, np.float32), "n": np.ones(2, np.int32)}, 0.5)
    assert found["x"].tolist() == [0.5, 0.5]
    assert found["x"].dtype == np.float32
    assert found["n"].tolist() == [1, 1]
