"""What Flex ops say of themselves."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.graph.flex import grows
from rnnlite_pipeline.graph.ir import Op


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (b"\x12\x11TensorListSetItem*#\n\x1dresize_if_index_out_of_bounds\x12\x02(\x01", True),
        (b"\x12\x11TensorListSetItem*#\n\x1dresize_if_index_out_of_bounds\x12\x02(\x00", False),
        (b"\x12\x11TensorListSetItem", False),
        (None, False),
    ],
)
def test_a_list_grows_where_its_attribute_is_true(options: bytes | None, expected: bool) -> None:
    """An attribute that is false or not there is none."""
    op = Op("FlexTensorListSetItem", [], [], custom=True, custom_options=options)
    assert grows(op) is expected
