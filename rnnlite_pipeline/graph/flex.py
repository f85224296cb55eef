"""What the Flex ops, TensorFlow's own, say in the NodeDef they carry."""

from __future__ import annotations

from rnnlite_pipeline.graph.ir import Op

#: The attribute of a TensorListSetItem by which the list grows, as a protobuf map entry.
_GROWS = b"resize_if_index_out_of_bounds\x12\x02(\x01"


def grows(op: Op) -> bool:
    """Whether a FlexTensorListSetItem makes its list longer where the index is behind its end."""
    return _GROWS in (op.custom_options or b"")
