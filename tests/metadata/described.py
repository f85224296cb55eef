"""A small model, and a config that describes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rnnlite_pipeline.config import Config, load_config
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor

CONFIG = """\
name: digits
version: 1.2.0
source: {format: keras, path: m.keras}
metadata:
  description: Reads digits — row by row
  author: me
  license: apache-2.0
  inputs:
    - name: image
      description: rows of pixels
      dimensions: [batch, row, column]
      content: {kind: image, color_space: grayscale}
      normalization: {mean: [0.1], std: [0.3]}
      range: [0, 1]
  outputs:
    - name: probabilities
      description: one a class
      labels: digits.txt
"""

LABELS = "zero\none\ntwo\n"


def layer(op: str = "WHILE") -> dict[str, Any]:
    """The record of a layer that was not read."""
    return {"name": "rows", "op": op}


def model() -> Model:
    """probabilities [B, 3] = image [B, 8, 8] summed over its columns, plus a constant."""
    image = Tensor("serving_default_image:0", "FLOAT32", (-1, 8, 8))
    out = Tensor("StatefulPartitionedCall:0", "FLOAT32", (-1, 3))
    kernel = Tensor.constant("kernel", np.ones((3, 64), np.float32))
    flat = Tensor("flat", "FLOAT32", (-1, 64))
    shape = Tensor.constant("shape", np.array([-1, 64], np.int32))
    dense = {"fused_activation_function": "NONE", "weights_format": 0, "keep_num_dims": False}
    dense |= {"asymmetric_quantize_inputs": False, "quantized_bias_type": 0}
    ops = [
        Op("RESHAPE", [image, shape], [flat]),
        Op("FULLY_CONNECTED", [flat, kernel, None], [out], dense, "FullyConnectedOptions"),
    ]
    main = Subgraph("main", [image], [out], ops)
    named = Signature("serving_default", main, {"image": image}, {"probabilities": out})
    return Model([main], [named], {"min_runtime_version": b"1.14.0"})


def config(folder: Path, text: str = CONFIG, labels: str = LABELS) -> Config:
    """The config, with its label file beside it."""
    (folder / "digits.txt").write_text(labels, encoding="utf-8")
    (folder / "digits.yaml").write_text(text, encoding="utf-8")
    return load_config(folder / "digits.yaml")
