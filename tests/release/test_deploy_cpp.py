"""The generated C and C++: compiled as a user compiles it, and built and run where that can be."""

from __future__ import annotations

import bz2
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.cells.cell import Array
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.micro import MicroRunner
from rnnlite_pipeline.runtimes.runners import RUNNERS
from rnnlite_pipeline.verify.application import RealRunner
from tests.release import cpp_stubs
from tests.release.deployed import counter, counting, deployed, write
from tests.runtimes.models import a_gru, an_lstm, in_integers, lowered

COMPILER = pytest.mark.skipif(not shutil.which("g++"), reason="there is no g++ here")

#: A tree of TensorFlow Lite Micro, and folders of what it includes, separated by ";".
TREE, INCLUDES = (os.environ.get(f"RNNLITE_TFLM_{each}", "") for each in ("TREE", "INCLUDES"))

STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]


@COMPILER
@pytest.mark.parametrize("compiler", [("gcc", "-std=c11"), ("g++", "-std=c++17", "-xc++")])
def test_the_c_array_is_the_model(tmp_path: Path, compiler: tuple[str, ...]) -> None:
    """As C and as C++, linked with a program, it is the file byte for byte, aligned to 16."""
    deployment, content = deployed(tmp_path)
    write(tmp_path, deployment, content)
    folder = tmp_path / "c"
    packed = folder / "digits_model.c.bz2"
    packed.with_suffix("").write_bytes(bz2.decompress(packed.read_bytes()))
    (folder / "main.cc").write_text(
        '#include <cstdint>\n#include <cstdio>\n#include "digits_model.h"\n'
        "int main() { fwrite(digits_model, 1, digits_model_size, stdout);\n"
        "  return reinterpret_cast<uintptr_t>(digits_model) % 16; }\n"
    )
    subprocess.run([*compiler, *STRICT, "-c", "digits_model.c"], cwd=folder, check=True)
    subprocess.run(
        ["g++", "-std=c++17", *STRICT, "main.cc", "digits_model.o", "-o", "main"],
        cwd=folder,
        check=True,
    )
    ended = subprocess.run([folder / "main"], capture_output=True, check=True)
    assert ended.stdout == content


#: How a program makes the model of each header, and the standard that the header asks for.
MADE = {
    "cpp/m.h": ('auto made = M::FromFile("m"); auto& model = *made;', "M", "c++17"),
    "cpp/m_compiled.h": (
        'auto made = MCompiled::FromFile("m"); auto& model = *made;',
        "MCompiled",
        "c++20",
    ),
    "tflm/m.h": (
        (
            "Resolver ops; RegisterOps(ops); static uint8_t arena[kArenaSize];"
            " M model(ops, arena, sizeof(arena)); if (!model.Init()) return 1;"
        ),
        "M",
        "c++17",
    ),
}


@COMPILER
@pytest.mark.parametrize("state", ["persist", "explicit"])
@pytest.mark.parametrize("header", MADE)
def test_the_cpp_compiles(tmp_path: Path, header: str, state: str) -> None:
    """Each header fits the declarations of its runtime (cpp_stubs.py), without a warning."""
    write(tmp_path, *deployed(tmp_path, counter(state), counting(state)))
    made, name, standard = MADE[header]
    call = "model" if state == "persist" else "stream"
    stream = f"{name}Stream stream(model); stream.Reset();" if state == "explicit" else ""
    reset = "model.Reset();" if state == "persist" else ""
    program = (
        f'#include "{header}"\nusing namespace rnnlite::m;\nint main() {{\n  {made}\n'
        f"  {stream} {reset} const float x[2] = {{1, 2}}; float y[2];\n"
        f"  return model.SetX(x, 2) && {call}.Invoke() && model.GetY(y, 2) ? 0 : 1;\n}}\n"
    )
    _compile(tmp_path, program, standard)


@COMPILER
@pytest.mark.parametrize("header", ["cpp/digits.h", "cpp/digits_compiled.h"])
def test_open_and_normalized_inputs_compile(tmp_path: Path, header: str) -> None:
    """A model with open dimensions has Resize, which takes a shape for each."""
    write(tmp_path, *deployed(tmp_path))
    name = "DigitsCompiled" if "compiled" in header else "Digits"
    shapes = "{2, 8, 8}, {2, 3}" if "compiled" in header else "{2, 8, 8}"
    program = (
        f'#include "{header}"\nint main() {{\n'
        f'  auto model = rnnlite::digits::{name}::FromFile("m");\n  float image[128] = {{}};\n'
        f"  return model->Resize({shapes}) && model->SetImage(image, 128) ? 0 : 1;\n}}\n"
    )
    _compile(tmp_path, program, "c++20" if "compiled" in header else "c++17")


def _compile(folder: Path, program: str, standard: str) -> None:
    cpp_stubs.write_stubs(folder / "include")
    (folder / "main.cc").write_text(program)
    command = ["g++", f"-std={standard}", *STRICT, "-Wno-unused-parameter", "-fsyntax-only"]
    ended = subprocess.run(
        [*command, "-I.", "-isysteminclude", "-Ic", "main.cc"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


#: Models whose example program is built and run: an int8 fused op, a loop, explicit states, a kept
#: state.
BUILT = {
    "fused": (
        in_integers(lowered(an_lstm(), "fused"), "int8", "int8"),
        "name: fused\nsource: {format: keras, path: m}\n",
    ),
    "gru": (lowered(a_gru(), "loop"), "name: gru\nsource: {format: keras, path: m}\n"),
    "given": (counter("explicit"), counting("explicit", "given")),
    "kept": (counter("persist", first=0.0), counting("persist", "kept")),
}


@pytest.mark.slow
@COMPILER
@pytest.mark.skipif(not shutil.which("cmake"), reason="there is no cmake here")
@pytest.mark.skipif(not TREE, reason="RNNLITE_TFLM_TREE names no tree of TensorFlow Lite Micro")
@pytest.mark.skipif(bool(RUNNERS["tflm"].missing()), reason="tflite-micro is not installed")
def test_the_example_for_tflm_gives_the_runtimes_numbers(tmp_path: Path) -> None:
    """CMake builds all with one TensorFlow Lite Micro; each gives the numbers of both runtimes.

    That is, of the wheel tflite-micro and of LiteRT, to the last bit of an int8 value.
    """
    for name, (model, text) in BUILT.items():
        write(tmp_path / name, *deployed(tmp_path, model, text))
    lists = "\n".join(f"add_subdirectory({name}/tflm)" for name in BUILT)
    (tmp_path / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.16)\nproject(all C CXX)\n{lists}\n"
    )
    options = [f"-DTFLM_DIR={TREE}", f"-DTFLM_INCLUDES={INCLUDES}", "-DCMAKE_BUILD_TYPE=Release"]
    subprocess.run(["cmake", "-S", ".", "-B", "build", *options], cwd=tmp_path, check=True)
    subprocess.run(["cmake", "--build", "build", "-j2"], cwd=tmp_path, check=True)
    for name, (model, _) in BUILT.items():
        x, y = model.main.inputs[0], model.main.outputs[0]
        feeds = [np.random.default_rng(k).normal(size=x.shape) for k in range(3)]
        text = " ".join(f"{value:.9g}" for feed in feeds for value in np.ravel(feed))
        program = tmp_path / "build" / name / "tflm" / f"{name}_example"
        ended = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
        found = [np.array(line.split(), np.float32) for line in ended.stdout.splitlines()]
        assert np.ptp(found) > 0.1
        content, last_bit = write_model(model), y.quantization.scale[0] if y.quantization else 1e-6
        first = {t.name: np.full((1, 2), 5, np.float32) for t in model.main.inputs[1:]}
        wheel = MicroRunner(content)
        np.testing.assert_allclose(
            found, _called(RealRunner(wheel, model), feeds, first), atol=1e-6
        )
        wheel.close()
        interpreter = RealRunner(Runner(content, "reference"), model)
        np.testing.assert_allclose(found, _called(interpreter, feeds, first), atol=last_bit + 1e-6)


def _called(runner: RealRunner, feeds: list[Array], states: dict[str, Array]) -> list[Array]:
    """The first output of each call; explicit states go on from call to call."""
    found = []
    for feed in feeds:
        outputs = runner.run({"x": feed.astype(np.float32), **states})
        states = {name: outputs[name.replace("_in", "_out")] for name in states}
        found.append(np.ravel(next(iter(outputs.values()))))
    return found
