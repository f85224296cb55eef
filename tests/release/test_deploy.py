"""The generated code: run, compiled, and right for names, shapes, quantization and state."""

from __future__ import annotations

import bz2
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Op, Quantization, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.variables import State as Kept
from rnnlite_pipeline.graph.variables import add, keep
from rnnlite_pipeline.metadata import described_model, read_description
from rnnlite_pipeline.metadata.recurrent import State
from rnnlite_pipeline.release.deploy import Deployment, deployment_files
from rnnlite_pipeline.release.deploy.deployment import identifier
from rnnlite_pipeline.release.deploy.micro import method, why_not_tflm
from rnnlite_pipeline.release.deploy.readme import readme
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.state.description import describe
from tests.metadata.described import config, model
from tests.release import cpp_stubs, kotlin_stubs

COMPILER = pytest.mark.skipif(not shutil.which("g++"), reason="there is no g++ here")


def _deployed(folder: Path, made: Model | None = None) -> tuple[Deployment, bytes]:
    """The described model of tests/metadata, or another one, under its config."""
    said = config(folder)
    content = described_model(made or model(), said, [])
    read = read_model(content)
    return Deployment.of(said, read, read_description(read)), content


def _write(folder: Path, deployment: Deployment, content: bytes) -> None:
    for name, text in deployment_files(deployment, content).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)


_CALL = """
import json, sys, numpy as np
from digits import Model
model = Model("model.tflite")
image = np.arange(128, dtype=np.float32).reshape(2, 8, 8) / 128
first = model(image=image)["probabilities"]
model(image=image[:1])
again = model(image=image)["probabilities"]
assert np.array_equal(first, again)
heavy = {"tensorflow", "rnnlite_pipeline"} & set(sys.modules)
print(json.dumps([first.tolist(), model.labels("probabilities"), sorted(heavy)]))
"""


def test_the_python_module_runs(tmp_path: Path) -> None:
    """It normalizes, takes any batch, reads the labels, and needs LiteRT and NumPy alone."""
    deployment, content = _deployed(tmp_path)
    _write(tmp_path, deployment, content)
    (tmp_path / "python" / "model.tflite").write_bytes(content)
    ended = subprocess.run(
        [sys.executable, "-c", _CALL],
        cwd=tmp_path / "python",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found, labels, heavy = json.loads(ended.stdout)
    image = np.arange(128, dtype=np.float32).reshape(2, 8, 8) / 128
    normalized = ((image - np.float32(0.1)) / np.float32(0.3)).astype(np.float32)
    expected = Runner(content).run({"image": normalized})["probabilities"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert labels == ["zero", "one", "two"]
    assert heavy == []


def test_a_quantized_model_takes_and_gives_real_values(tmp_path: Path) -> None:
    """The module quantizes what goes in by the model's scale, and what comes out back."""
    units = Quantization((0.5,), (3,))
    x, y = (Tensor(name, "INT8", (1, 4), quantization=units) for name in "xy")
    kept = Tensor.constant("shape", np.array([1, 4], np.int32))
    main = Subgraph("main", [x], [y], [Op("RESHAPE", [x, kept], [y])])
    quantized = Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])
    deployment = Deployment.of(config(tmp_path), quantized, read_description(quantized))
    content = described_model(
        quantized, config(tmp_path, "name: m\nsource: {format: keras, path: m}\n"), []
    )
    _write(tmp_path, deployment, content)
    (tmp_path / "python" / "model.tflite").write_bytes(content)
    call = "from digits import Model; print(Model()(x=[[1.0, -0.5, 0.2, 1e9]])['y'].tolist())"
    command = [sys.executable, "-c", call]
    ended = subprocess.run(
        command, cwd=tmp_path / "python", capture_output=True, text=True, check=True
    )
    assert ended.stdout == "[[1.0, -0.5, 0.0, 62.0]]\n"
    assert "real = 0.5 * (stored - 3)" in (tmp_path / "README.md").read_text()
    assert "bytes(x, 0.5f, 3, -128..127)" in (tmp_path / "android" / "Digits.kt").read_text()
    assert "int8_t* x()" in (tmp_path / "cpp" / "digits.h").read_text()


@COMPILER
def test_the_c_array_is_the_model(tmp_path: Path) -> None:
    """Unpacked and linked with a C++ program, it is the file byte for byte, aligned to 16."""
    deployment, content = _deployed(tmp_path)
    _write(tmp_path, deployment, content)
    packed = tmp_path / "c" / "digits_model.c.bz2"
    packed.with_suffix("").write_bytes(bz2.decompress(packed.read_bytes()))
    (tmp_path / "c" / "main.cc").write_text(
        '#include <cstdint>\n#include <cstdio>\n#include "digits_model.h"\n'
        "int main() { fwrite(digits_model, 1, digits_model_size, stdout);\n"
        "  return reinterpret_cast<uintptr_t>(digits_model) % 16; }\n"
    )
    strict = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
    folder = tmp_path / "c"
    subprocess.run(["gcc", "-std=c11", *strict, "-c", "digits_model.c"], cwd=folder, check=True)
    subprocess.run(
        ["g++", "-std=c++17", *strict, "main.cc", "digits_model.o", "-o", "main"],
        cwd=folder,
        check=True,
    )
    ended = subprocess.run([folder / "main"], capture_output=True, check=True)
    assert ended.stdout == content


def test_the_c_array_takes_less_than_twice_the_model(tmp_path: Path) -> None:
    """Packed, also where the weights are noise that nothing makes smaller."""
    deployment, _ = _deployed(tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, 100_000, np.uint8).tobytes()
    files = deployment_files(deployment, noise)
    assert not any(name.endswith(".c") for name in files)
    packed = files["c/digits_model.c.bz2"]
    assert len(packed) < 2 * len(noise)
    assert packed == deployment_files(deployment, noise)["c/digits_model.c.bz2"]


@COMPILER
@pytest.mark.parametrize(
    ("state", "resets"), [("reset", False), ("persist", False), ("persist", True)]
)
@pytest.mark.parametrize("kind", ["cpp", "tflm"])
def test_the_cpp_compiles(tmp_path: Path, kind: str, state: State, resets: bool) -> None:
    """Both headers parse and fit the declarations of their runtimes (stubs: cpp_stubs.py)."""
    deployment, content = _deployed(tmp_path)
    deployment = replace(
        deployment,
        state=state,
        resets=resets,
        not_on_tflm=(),
        ops=("FILL", "PADV2", "UNIDIRECTIONAL_SEQUENCE_LSTM"),
    )
    _write(tmp_path, deployment, content)
    cpp_stubs.write_stubs(tmp_path / "include")
    reset = "model.Reset();" if state == "persist" else ""
    made = (
        "digits::Resolver ops; digits::RegisterOps(ops);\n"
        "  static uint8_t arena[digits::kArenaSize];\n"
        "  digits::Digits model(ops, arena, sizeof(arena)); model.Init();"
        if kind == "tflm"
        else 'auto made = digits::Digits::FromFile("m"); auto& model = *made;'
        " model.Resize({1, 8, 8});"
    )
    program = (
        f'#include "{kind}/digits.h"\nint main() {{\n  {made}\n  {reset}\n'
        "  model.image()[0] = 1.0f; model.Invoke();\n"
        "  return static_cast<int>(model.probabilities()[0]);\n}\n"
    )
    (tmp_path / "main.cc").write_text(program)
    command = ["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    ended = subprocess.run(
        [*command, "-I.", "-Iinclude", "-Ic", "main.cc"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("kotlinc"), reason="there is no kotlinc here")
@pytest.mark.parametrize("dtype", ["FLOAT32", "INT32", "INT64", "INT8", "INT16", "UINT8"])
def test_the_kotlin_compiles(tmp_path: Path, dtype: str) -> None:
    """The class fits the declarations of Android and LiteRT, whatever type and state it has."""
    units = Quantization((0.5,), (3,)) if dtype in ("INT8", "INT16", "UINT8") else None
    x, y = (Tensor(name, dtype, (-1, 4), quantization=units) for name in "xy")
    main = Subgraph("main", [x], [y], [make_op("NEG", [x], [y])])
    odd = Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])
    plain = Deployment.of(config(tmp_path), odd, read_description(odd))
    variants = [
        replace(plain, state="persist", resets=False, name="kept"),
        replace(plain, state="persist", resets=True, name="kept-and-reset"),
        replace(plain, state="explicit", name="explicit"),
        _deployed(tmp_path)[0],
    ]
    classes = []
    for variant in variants:
        files = deployment_files(variant, b"")
        name = next(name for name in files if name.endswith(".kt"))
        classes.append(tmp_path / Path(name).name)
        classes[-1].write_bytes(files[name])
    stubs = kotlin_stubs.write_stubs(tmp_path / "stubs")
    made = tmp_path / "classes"
    subprocess.run(["javac", "-d", made, *stubs], check=True)
    ended = subprocess.run(
        ["kotlinc", "-Werror", "-cp", made, *classes, "-d", tmp_path / "out.jar"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("state", ["reset", "persist", "explicit"])
def test_only_a_kept_state_can_be_reset(tmp_path: Path, state: State) -> None:
    """Each language has a way to reset a state that persists, and none where there is nothing."""
    deployment, content = _deployed(tmp_path)
    files = deployment_files(replace(deployment, state=state, not_on_tflm=()), content)
    ways = {
        "python/digits.py": b"def reset(",
        "android/Digits.kt": b"fun reset(",
        "cpp/digits.h": b"bool Reset(",
        "tflm/digits.h": b"bool Reset(",
    }
    assert {name: way in files[name] for name, way in ways.items()} == dict.fromkeys(
        ways, state == "persist"
    )
    code = [text for name, text in files.items() if not name.endswith(".bz2")]
    assert not any(b"{%" in text or b"{{" in text for text in code)


def _counter(asked: str) -> Model:
    """y = x + the y of the call before, which starts from 5; the state is kept as `asked`."""
    x = Tensor("x", "FLOAT32", (1, 2))
    before, after = Tensor("before", "FLOAT32", (1, 2)), Tensor("after", "FLOAT32", (1, 2))
    y = Tensor("y", "FLOAT32", (1, 2))
    ops = [make_op("ADD", [x, before], [after]), make_op("ADD", [x, before], [y])]
    main = Subgraph("main", [x], [y], ops)
    made = Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])
    state = Kept("sum/h", np.full((1, 2), 5.0, np.float32))
    add(made, state, before, after)
    describe(made, asked, [state], {})
    if asked == "persist":
        keep(made, [state])
    return made


@pytest.mark.parametrize(
    ("asked", "call"),
    [
        ("persist", "first = m(x=x); second = m(x=x); m.reset(); third = m(x=x)"),
        (
            "explicit",
            (
                "first = m(x=x, **m.first()); second = m(x=x, **m.following(first));"
                " third = m(x=x, **m.first())"
            ),
        ),
    ],
)
def test_the_python_module_keeps_and_resets_the_state(
    tmp_path: Path, asked: str, call: str
) -> None:
    """A state goes on from call to call, kept by the runtime or by the caller, and starts anew."""
    text = f"name: m\nsource: {{format: keras, path: m}}\nrecurrent: {{state: {asked}}}\n"
    made, said = _counter(asked), config(tmp_path, text)
    content = described_model(made, said, [])
    read = read_model(content)
    deployment = Deployment.of(said, read, read_description(read))
    assert deployment.state == asked
    _write(tmp_path, deployment, content)
    (tmp_path / "python" / "model.tflite").write_bytes(content)
    program = f"""from m import Model
m, x = Model(), [[1.0, 2.0]]
{call}
print([each["y"].tolist() for each in (first, second, third)])
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path / "python",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == "[[[6.0, 7.0]], [[7.0, 9.0]], [[6.0, 7.0]]]\n", ended.stderr


def test_why_a_model_is_not_for_microcontrollers(tmp_path: Path) -> None:
    """A missing op, what its LSTM ignores, hybrid weights and open dimensions are told."""
    deployment, content = _deployed(tmp_path)
    assert "open dimension" in deployment.not_on_tflm[0]
    assert not any(name.startswith("tflm/") for name in deployment_files(deployment, content))
    x, y = (Tensor(name, "FLOAT32", (1, 2)) for name in "xy")
    weights = Tensor("w", "INT8", (2, 2), b"\0" * 4, Quantization((0.1,), (0,)))
    operands = [x, weights, *[None] * 7, weights]
    options = {"fused_activation_function": "TANH"}
    lstm = Op("UNIDIRECTIONAL_SEQUENCE_LSTM", operands, [y], options)
    odd = Model([Subgraph("main", [x], [y], [lstm, Op("BIDIRECTIONAL_SEQUENCE_LSTM", [x], [y])])])
    assert why_not_tflm(odd) == [
        "TFLM has no BIDIRECTIONAL_SEQUENCE_LSTM",
        "y: TFLM ignores a peephole",
        "y: UNIDIRECTIONAL_SEQUENCE_LSTM with int8 weights and float input",
    ]
    assert [method(op) for op in ("CONV_2D", "PADV2", "RELU6")] == [
        "AddConv2D",
        "AddPadV2",
        "AddRelu6",
    ]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("digits-bilstm", "digits_bilstm"),
        ("class", "class_"),
        ("2nd", "tensor_2nd"),
        ("serving_default_x:0", "serving_default_x_0"),
        ("größe", "gr_e"),
        ("::", "tensor"),
    ],
)
def test_any_name_becomes_an_identifier(name: str, code: str) -> None:
    """Names of layers and tensors are no identifiers; what they become is one everywhere."""
    assert identifier(name) == code
    assert code.isidentifier()


def test_names_cannot_leave_their_comments(tmp_path: Path) -> None:
    """Quotes, line breaks and ends of comments in a tensor's name end nothing in the code."""
    hostile = 'x"""\nboom()\n*/ `\\'
    x, y = (Tensor(name, "FLOAT32", (1, 2)) for name in (hostile, "y"))
    main = Subgraph("main", [x], [y], [make_op("NEG", [x], [y])])
    odd = Model([main], [Signature("serving_default", main, {hostile: x}, {"y": y})])
    deployment = Deployment.of(config(tmp_path), odd, read_description(odd))
    files = deployment_files(deployment, b"")
    compiled = compile(files["python/digits.py"], "digits.py", "exec")
    assert "boom" not in compiled.co_names
    for text in files.values():
        assert not any(line.startswith(b"boom") for line in text.splitlines())


def test_ops_that_litert_lacks_are_told_with_what_brings_them(tmp_path: Path) -> None:
    """A Flex op names the delegate's library, a custom one how it is registered."""
    deployment, _ = _deployed(tmp_path)
    assert "LiteRT has no" not in readme(deployment)
    text = readme(replace(deployment, missing=("FlexRoll", "MyOp")))
    assert "LiteRT has no FlexRoll: these need the Flex delegate" in text
    assert "org.tensorflow:tensorflow-lite-select-tf-ops" in text
    assert "LiteRT has no MyOp: register a kernel" in text
