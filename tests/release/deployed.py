"""Small models with the code that deploys them, for the tests of that code."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.variables import State, add, keep
from rnnlite_pipeline.metadata import described_model, read_description
from rnnlite_pipeline.release.deploy import Deployment, deployment_files
from rnnlite_pipeline.state.description import describe
from tests.metadata.described import CONFIG, config, model

#: One target of each kind of code.
EVERY = "targets: [litert, litert-compiled, litert-web, tflm]\n"


def deployed(
    folder: Path, made: Model | None = None, text: str = CONFIG, targets: str = EVERY
) -> tuple[Deployment, bytes]:
    """The described model of tests/metadata, or another one, under a config."""
    said = config(folder, text + targets)
    content = described_model(made or model(), said, [])
    read = read_model(content)
    return Deployment.of(said, read, read_description(read)), content


def write(folder: Path, deployment: Deployment, content: bytes) -> None:
    """Writes the code below a folder, and model.tflite beside it and beside the Python module."""
    files = dict(deployment_files(deployment, content))
    files |= {"model.tflite": content, "python/model.tflite": content}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)


def counter(asked: str, first: float = 5.0) -> Model:
    """y = x + the y of the call before, which starts from `first`; the state is kept as `asked`."""
    x = Tensor("x", "FLOAT32", (1, 2))
    before, after = Tensor("before", "FLOAT32", (1, 2)), Tensor("after", "FLOAT32", (1, 2))
    y = Tensor("y", "FLOAT32", (1, 2))
    ops = [make_op("ADD", [x, before], [after]), make_op("ADD", [x, before], [y])]
    main = Subgraph("main", [x], [y], ops)
    made = Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])
    state = State("sum/h", np.full((1, 2), first, np.float32))
    add(made, state, before, after)
    describe(made, asked, [state], {})
    if asked == "persist":
        keep(made, [state])
    return made


def counting(asked: str, name: str = "m") -> str:
    """The config of the counter, without targets."""
    return f"name: {name}\nsource: {{format: keras, path: m}}\nrecurrent: {{state: {asked}}}\n"
