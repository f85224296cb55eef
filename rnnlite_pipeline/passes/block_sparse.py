"""Weights of which most are zeros, in blocks, are stored and multiplied without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod

from rnnlite_pipeline.graph.ir import OPEN, SPARSITY, Model, Op, Tensor
from rnnlite_pipeline.graph.sparse import encoded, in_blocks
from rnnlite_pipeline.passes.densify import SPARSE_VERSION

#: The columns of a block: the kernel for float weights has blocks of 1 x 4
#: (LiteRT tflite/kernels/fully_connected.cc, EvalFloat).
WIDTH = 4


@dataclass(frozen=True)
class Product:
    """A product by a constant matrix of float32.

    Attributes:
        units: The rows of the matrix, its outputs.
        columns: Its columns, its inputs.
        rows: How many rows a call multiplies by it; OPEN where that is not known.
        zeros: The part of its blocks of 1 x 4 that hold nothing but zeros, 0 to 1.
    """

    units: int
    columns: int
    rows: int
    zeros: float


#: From which part of zeros on the sparse kernel takes less time than the delegate's dense one, by
#: how many columns and weights a matrix has at least: for one row; and for more of them, up to
#: 1,000, or an unknown number. A little less than the part that was measured, for what is pruned
#: to it is seldom so to the last block.
#: Measured: `python -m benchmarks.sparse` (docs/guides/benchmark.md).
_ONE_ROW = ((256, 0, 0.79), (128, 8_000, 0.85), (64, 12_000, 0.94))
_MORE_ROWS = ((512, 0, 0.89), (256, 0, 0.94), (128, 49_000, 0.94))


def pays(product: Product) -> bool:
    """Whether the sparse kernel takes clearly less time than the delegate's dense one."""
    weights = product.units * product.columns
    return any(
        product.columns >= columns and weights >= fewest and product.zeros >= zeros
        for columns, fewest, zeros in (_ONE_ROW if product.rows == 1 else _MORE_ROWS)
    )


def block_sparse(model: Model, worth: Callable[[Product], bool] = pays) -> bool:
    """Stores matrices of float32 without their zero blocks of 1 x 4, in place, where it pays.

    1. It is the second operand of FULLY_CONNECTEDs, and nothing else reads it. A matrix of zeros
       alone stays: an empty constant has no buffer.
    2. `pays` decides, from times that were measured. The sparse kernel multiplies row by row, the
       dense one several rows at once, so it takes more zeros where the batch is not known to be 1.
    3. The ops get version 8: the delegate leaves them to the runtime's own kernel (densify.py).
    """
    found = dict(products(model))
    chosen = {op for op, product in found.items() if worth(product)}
    readers: dict[Tensor, set[Op | None]] = {}
    for reader, tensor in _reads(model):
        readers.setdefault(tensor, set()).add(reader)
    changed = False
    for matrix in dict.fromkeys(op.inputs[1] for op in found):
        if matrix is None or not readers[matrix] <= chosen:
            continue
        array = matrix.array
        assert array is not None, "of a product"
        matrix.data, matrix.extra[SPARSITY] = encoded(array, WIDTH)
        for op in [op for op in chosen if op.inputs[1] is matrix]:
            op.version = SPARSE_VERSION
        changed = True
    return changed


def _reads(model: Model) -> Iterator[tuple[Op | None, Tensor]]:
    """What reads a tensor: an op by its second operand, or anything else, as None."""
    for op in model.ops():
        for place, tensor in enumerate(op.inputs):
            if tensor is not None:
                yield (op if place == 1 else None), tensor
    for subgraph in model.subgraphs:
        yield from ((None, tensor) for tensor in subgraph.outputs)


@dataclass(frozen=True)
class Zeros:
    """What is told of a layer.

    Attributes:
        said: How many of its weights are zeros in blocks, and how they are stored, in a sentence;
            empty where fewer than `TOLD` of its blocks are zeros.
        left_out: Whether they are left out.
    """

    said: str = ""
    left_out: bool = False


def told_of(scope: str, found: Mapping[Op, Product]) -> Zeros:
    """What is told of the zeros of a layer, after the pass.

    Args:
        scope: What the names of its tensors begin with.
        found: The products before the pass.
    """
    own = {id(op.inputs[1]): (op, p) for op, p in found.items() if _within(op, scope)}
    told = [(op, product) for op, product in own.values() if product.zeros >= TOLD]
    if not told:
        return Zeros()
    zeros = min(product.zeros for _, product in told)
    begin = f"block-sparse: {zeros:.0%} of the 1 x {WIDTH} blocks of its weights are zeros"
    if all(op.version == SPARSE_VERSION for op, _ in told):
        return Zeros(f"{begin}, and are left out", left_out=True)
    if any(product.rows != 1 and pays(replace(product, rows=1)) for _, product in told):
        return Zeros(f"{begin}; they are left out if the batch is pinned to 1 (source.inputs)")
    return Zeros(f"{begin}; they stay, as leaving them out would take more time")


#: From this part of zeros on it is told.
TOLD = 0.5


def _within(op: Op, scope: str) -> bool:
    return op.outputs[0].name.startswith(f"{scope}/")


def products(model: Model) -> Iterator[tuple[Op, Product]]:
    """The products that the sparse kernel could compute."""
    for op in model.ops():
        matrix = op.inputs[1] if op.code == "FULLY_CONNECTED" else None
        if matrix is None or matrix.dtype != "FLOAT32" or matrix.sparsity is not None:
            continue
        plain = op.options.get("weights_format", 0) in (0, "DEFAULT")
        array = matrix.array
        if not plain or array is None or array.ndim != 2 or array.shape[1] % WIDTH:
            continue
        units, columns = array.shape
        live = float(in_blocks(array, WIDTH).mean()) if array.size else 0.0
        if live:
            yield op, Product(units, columns, _rows(op), 1.0 - live)


def _rows(op: Op) -> int:
    shape = op.outputs[0].shape
    if shape is None or OPEN in shape[:-1]:
        return OPEN
    return prod(shape[:-1])
