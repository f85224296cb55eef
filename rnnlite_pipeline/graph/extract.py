"""A part of a model as a model of its own.

The new model's objects are the whole model's: it is for writing and for reading. Who is to change
one of the two copies it first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rnnlite_pipeline.graph.calls import called
from rnnlite_pipeline.graph.edit import prune
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor

#: The signature of a part, unless its user calls it otherwise.
PART = "serving_default"


def with_called(graphs: Iterable[Subgraph]) -> list[Subgraph]:
    """These graphs, and behind them every graph that their ops run, each once."""
    found = list(graphs)
    for graph in found:
        for target in (t for op in graph.ops for t in called(op)):
            if target not in found:
                found.append(target)
    return found


def extract(
    inputs: Mapping[str, Tensor],
    outputs: Mapping[str, Tensor],
    ops: Iterable[Op],
    signatures: Sequence[Signature] = (),
) -> Model:
    """The model that computes `outputs` from `inputs` by these ops.

    Args:
        inputs: Its inputs by name, in order; tensors that the ops read.
        outputs: Its outputs by name, in order; one tensor may have several names.
        ops: In execution order.
        signatures: Others that the model keeps, with their graphs.
    """
    main = Subgraph("main", list(inputs.values()), list(dict.fromkeys(outputs.values())), list(ops))
    graphs = with_called([main, *(s.subgraph for s in signatures)])
    return Model(graphs, [Signature(PART, main, dict(inputs), dict(outputs)), *signatures])


def standing_alone(inputs: list[Tensor], outputs: list[Tensor], ops: list[Op]) -> Model:
    """As `extract`; inputs are called input_0..., outputs output_0..., and dead ops go."""
    names = {f"input_{k}": tensor for k, tensor in enumerate(inputs)}
    model = extract(names, {f"output_{k}": tensor for k, tensor in enumerate(outputs)}, ops)
    model.main.outputs = list(outputs)
    prune(model)
    return model


def giving(model: Model, tensors: Sequence[Tensor]) -> Model:
    """The model with these tensors of its main graph as outputs value_0, value_1 and so on."""
    main = model.main
    graph = Subgraph(main.name, main.inputs, list(tensors), main.ops, main.tensors)
    outputs = {f"value_{k}": tensor for k, tensor in enumerate(tensors)}
    signature = Signature("values", graph, dict(model.signatures[0].inputs), outputs)
    return Model([graph, *model.subgraphs[1:]], [signature])


def of_signature(model: Model, signature: Signature) -> Model:
    """A signature's graph as the main one of a model with that signature alone."""
    others = [s for s in model.subgraphs if s is not signature.subgraph]
    return Model([signature.subgraph, *others], [signature])


def of_graph(subgraph: Subgraph) -> Model:
    """A graph as the main one of a model without signatures."""
    return Model(with_called([subgraph]))
