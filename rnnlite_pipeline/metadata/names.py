"""The names that a model's inputs and outputs are known by."""

from __future__ import annotations

from rnnlite_pipeline.graph.ir import Model, Tensor


def named_tensors(model: Model, side: str) -> dict[str, Tensor]:
    """The inputs or outputs in the graph's order, by their name in the signature.

    Where no signature names a tensor, it goes by its own name; a name that occurs twice is
    followed by the tensor's place.

    Args:
        model: A model.
        side: "inputs" or "outputs".
    """
    signature = next((s for s in model.signatures if s.subgraph is model.main), None)
    names = {tensor: name for name, tensor in getattr(signature, side, {}).items()}
    tensors: list[Tensor] = getattr(model.main, side)
    named: dict[str, Tensor] = {}
    for place, tensor in enumerate(tensors):
        name = names.get(tensor, tensor.name)
        while name in named:
            name = f"{name}_{place}"
        named[name] = tensor
    return named
