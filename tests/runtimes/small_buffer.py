"""How many numbers CompiledModel writes past the end of an output buffer that is too small."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.tensor_buffer import TensorBuffer

from rnnlite_pipeline.graph.write import write_model
from tests.runtimes.models import dense

#: What stands behind the buffer, and must stay.
UNTOUCHED = 7777.0

#: The buffer has room for one row of 6.
WIDTH, ROWS = 6, 3


def main() -> int:
    """The numbers of memory of ours that changed behind the buffer."""
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        Path(file.name).write_bytes(write_model(dense()))
        model = CompiledModel.from_file(file.name)
    room = np.full(4096, UNTOUCHED, np.float32)
    room = room[-room.ctypes.data % 64 // 4 :]
    for rows in (1, ROWS):
        model.resize_input_tensor(0, [rows, 4])
        given = model.create_input_buffers(0)
        given[0].write(np.zeros((rows, 4), np.float32))
        taken = TensorBuffer.create_from_host_memory(room[:WIDTH])
        model.run_by_index(0, given, [taken])
    return int((room[WIDTH:] != UNTOUCHED).sum())


if __name__ == "__main__":
    print(main())
