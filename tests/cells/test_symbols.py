"""The names of a step's quantities."""

from __future__ import annotations

import copy
import pickle

import pytest

from rnnlite_pipeline.cells.symbols import INPUT, After, Before, after, before


def test_a_state_before_the_step_is_another_quantity_than_after_it() -> None:
    """Names of different quantities differ, and none is the input's."""
    names = [INPUT, *(each(k) for each in (before, after) for k in range(12))]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("kind", [Before, After])
def test_a_name_keeps_its_number(kind: type[Before] | type[After]) -> None:
    """In a copy and in another process as well."""
    name = kind(11)
    for same in (name, copy.copy(name), copy.deepcopy(name), pickle.loads(pickle.dumps(name))):
        assert same == name
        assert type(same) is kind
        assert same.number == 11
