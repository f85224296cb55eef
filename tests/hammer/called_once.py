"""Opens a model and calls it with a few sizes: what valgrind watches. Nothing else is imported.

    python tests/hammer/called_once.py MODEL.tflite CALLS.json

The file has, for each call, the shape of each input by the index of its tensor. Inputs are ones.
"""

import json
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def main(model: str, calls: str) -> None:
    """One interpreter, each call twice on end."""
    interpreter = Interpreter(model_path=model)
    for shapes in json.loads(Path(calls).read_text(encoding="utf-8")):
        details = interpreter.get_input_details()
        for detail in details:
            interpreter.resize_tensor_input(detail["index"], shapes[str(detail["index"])])
        interpreter.allocate_tensors()
        for _ in range(2):
            for detail in details:
                ones = np.ones(shapes[str(detail["index"])], detail["dtype"])
                interpreter.set_tensor(detail["index"], ones)
            interpreter.invoke()


if __name__ == "__main__":
    main(*sys.argv[1:])
