"""The generated code: run, compiled, and right for names, shapes, quantization and state."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Op, Quantization, Signature, Subgraph, Tensor
from rnnlite_pipeline.metadata.recurrent import State
from rnnlite_pipeline.release.deploy import deployment_files
from rnnlite_pipeline.release.deploy.kotlin import why_not_compiled
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.release import kotlin_stubs
from tests.release.deployed import counter, counting, deployed, write

NAMED = "name: m\nsource: {format: keras, path: m}\n"

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
    deployment, content = deployed(tmp_path)
    write(tmp_path, deployment, content)
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
    deployment, content = deployed(tmp_path, quantized, NAMED)
    write(tmp_path, deployment, content)
    call = "from m import Model; print(Model()(x=[[1.0, -0.5, 0.2, 1e9]])['y'].tolist())"
    command = [sys.executable, "-c", call]
    ended = subprocess.run(
        command, cwd=tmp_path / "python", capture_output=True, text=True, check=True
    )
    assert ended.stdout == "[[1.0, -0.5, 0.0, 62.0]]\n"
    assert "real = 0.5 * (stored - 3)" in (tmp_path / "README.md").read_text()
    assert "bytes(x, 0.5f, 3, -128..127)" in (tmp_path / "android" / "M.kt").read_text()
    assert "int8_t* x()" in (tmp_path / "cpp" / "m.h").read_text()


def test_the_c_array_takes_less_than_twice_the_model(tmp_path: Path) -> None:
    """Packed, also where the weights are noise that nothing makes smaller."""
    deployment, _ = deployed(tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, 100_000, np.uint8).tobytes()
    files = deployment_files(deployment, noise)
    assert not any(name.endswith(".c") for name in files)
    packed = files["c/digits_model.c.bz2"]
    assert len(packed) < 2 * len(noise)
    assert packed == deployment_files(deployment, noise)["c/digits_model.c.bz2"]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("kotlinc"), reason="there is no kotlinc here")
@pytest.mark.parametrize("dtype", ["FLOAT32", "INT32", "INT64", "INT8", "INT16", "UINT8"])
def test_the_kotlin_compiles(tmp_path: Path, dtype: str) -> None:
    """The class fits the declarations of Android and LiteRT, whatever type and state it has."""
    units = Quantization((0.5,), (3,)) if dtype in ("INT8", "INT16", "UINT8") else None
    x, y = (Tensor(name, dtype, (-1, 4), quantization=units) for name in "xy")
    main = Subgraph("main", [x], [y], [make_op("NEG", [x], [y])])
    odd = Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])
    plain, _ = deployed(tmp_path, odd, NAMED)
    variants = [
        replace(plain, state="persist", resets=False, name="kept"),
        replace(plain, state="persist", resets=True, name="kept-and-reset"),
        replace(plain, state="explicit", name="explicit"),
        deployed(tmp_path)[0],
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
    deployment, content = deployed(tmp_path)
    files = deployment_files(replace(deployment, state=state), content)
    ways = (
        *("python/digits.py", "android/Digits.kt", "cpp/digits.h", "cpp/digits_compiled.h"),
        *("web/digits.mjs", "tflm/digits.h"),
    )
    resets = {name: b"a new sequence: forget" in files[name] for name in ways}
    assert resets == dict.fromkeys(ways, state == "persist")
    code = [text for name, text in files.items() if not name.endswith(".bz2")]
    assert not any(b"{%" in text or b"{{" in text for text in code)


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
        ("explicit", "s = Stream(m); first = s(x=x); second = s(x=x); s.reset(); third = s(x=x)"),
    ],
)
def test_the_python_module_keeps_and_resets_the_state(
    tmp_path: Path, asked: str, call: str
) -> None:
    """A state goes on from call to call, kept by the runtime or by the caller, and starts anew."""
    deployment, content = deployed(tmp_path, counter(asked), counting(asked))
    assert deployment.state == asked
    write(tmp_path, deployment, content)
    program = f"""from m import *
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


#: What is called wrongly, and what the module says of it.
WRONG = {
    "Model()()": "the inputs are image; given were none",
    "Model()(picture=0)": "the inputs are image; given were picture",
    "Model()(image=np.zeros((2, 8, 7)))": "image takes the shape (None, 8, 8); given was (2, 8, 7)",
    "Model()(image=np.full((1, 8, 8), 'a'))": "image takes numbers; given was <U1",
}


def test_the_python_module_says_what_is_wrong_with_an_input(tmp_path: Path) -> None:
    """A wrong name, shape, type or value is a ValueError that says what is taken."""
    write(tmp_path, *deployed(tmp_path))
    raised = _errors(tmp_path, "digits", WRONG)
    assert raised == [f"ValueError: {said}" for said in WRONG.values()]
    x = Tensor("x", "INT32", (2,))
    y = Tensor("y", "INT32", (2,))
    whole = Model([Subgraph("main", [x], [y], [make_op("NEG", [x], [y])])])
    write(tmp_path / "whole", *deployed(tmp_path, whole, NAMED))
    (said,) = _errors(tmp_path / "whole", "m", ["Model()(x=[1, 2.5])"])
    assert said == "ValueError: x takes int32; some values given are none"


def _errors(folder: Path, module: str, calls: Iterable[str]) -> list[str]:
    lines = [f"import numpy as np\nfrom {module} import *"]
    lines += [
        f"try: {call}\nexcept Exception as e: print(type(e).__name__ + ':', e)" for call in calls
    ]
    command = [sys.executable, "-c", "\n".join(lines)]
    ended = subprocess.run(
        command, cwd=folder / "python", capture_output=True, text=True, check=True
    )
    return ended.stdout.splitlines()


#: The files of each target; every bundle has a README.md beside.
FILES = {
    "litert": ["android/M.kt", "c/m_model.c.bz2", "c/m_model.h", "cpp/m.h", "python/m.py"],
    "litert-compiled": [
        *("android/MCompiled.kt", "c/m_model.c.bz2", "c/m_model.h", "cpp/m_compiled.h"),
        "python/m.py",
    ],
    "litert-web": ["web/m.mjs"],
    "tflm": [
        *("c/m_model.c.bz2", "c/m_model.h", "tflm/CMakeLists.txt", "tflm/example.cc", "tflm/m.h"),
    ],
}


@pytest.mark.parametrize("target", FILES)
def test_the_files_follow_from_the_targets(tmp_path: Path, target: str) -> None:
    """A target brings the code of its runtime, and the README names each file."""
    text = counting("explicit")
    deployment, content = deployed(tmp_path, counter("explicit"), text, f"targets: [{target}]\n")
    files = deployment_files(deployment, content)
    assert sorted(files) == sorted([*FILES[target], "README.md"])
    assert all(f"`{name}`" in files["README.md"].decode() for name in FILES[target])


def test_kotlins_compiled_model_is_left_out_with_a_reason(tmp_path: Path) -> None:
    """It resizes no input, and has no tensors of uint8: the README says what to do."""
    deployment, content = deployed(tmp_path)
    files = deployment_files(deployment, content)
    assert "android/DigitsCompiled.kt" not in files
    assert b"it cannot resize an input. Pin the open dimensions" in files["README.md"]
    closed = replace(deployment.inputs[0], shape=(1, 8), dtype="uint8", scale=0.5)
    other = replace(deployment, inputs=(closed,), outputs=(replace(closed, name="y"),))
    assert why_not_compiled(other) == ["it has no tensors of uint8; float32 and int8 will do."]


def test_names_cannot_leave_their_comments(tmp_path: Path) -> None:
    """Quotes, line breaks and ends of comments in a tensor's name end nothing in the code."""
    hostile = 'x"""\nboom()\n*/ `\\'
    x, y = (Tensor(name, "FLOAT32", (1, 2)) for name in (hostile, "y"))
    main = Subgraph("main", [x], [y], [make_op("NEG", [x], [y])])
    odd = Model([main], [Signature("serving_default", main, {hostile: x}, {"y": y})])
    deployment, _ = deployed(tmp_path, odd, NAMED)
    files = deployment_files(deployment, b"")
    compiled = compile(files["python/m.py"], "m.py", "exec")
    assert "boom" not in compiled.co_names
    for text in files.values():
        assert not any(line.startswith(b"boom") for line in text.splitlines())
