"""What a wrong config is told: where, and what was expected. `«` marks each expected place."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlite_pipeline.config import load_config
from rnnlite_pipeline.errors import ConfigError

MARK = "«"
HEAD = "name: m\nsource: {format: keras, path: m.keras}\n"

#: An id, the config with a mark before each place, and a part of each message in that order.
WRONG: dict[str, tuple[str, list[str]]] = {
    # The file as YAML.
    "empty": (MARK, ["the file is empty"]),
    "only comments": (f"{MARK}# nothing\n", ["the file is empty"]),
    "only null": (f"{MARK}~\n", ["the file is empty"]),
    "list": (f"{MARK}- name: m\n", ["expected a mapping with the keys name, version", "a list"]),
    "text": (f"{MARK}name\n", ["expected a mapping", 'got "name"']),
    "two documents": (f"{HEAD}{MARK}---\nname: n\n", ["a second document"]),
    "tab": (f"name: m\nsource:\n{MARK}\tformat: keras\n", ["a tab"]),
    "colon": (f"name: m\nversion{MARK}: 1: 2\n".replace(f"{MARK}: 1", f": 1{MARK}"), ["`:`"]),
    "open quote": (f'name: "m\n{MARK}', ["quotes are not closed"]),
    "open brace": (f"name: m\nsource: {{format: keras\n{MARK}", ["not closed"]),
    "bad indent": (f"name: m\n {MARK}version: 1.0.0\n".replace("m\n", '"m"\n'), ["indentation"]),
    "needs quotes": (f"name: {MARK}@m\n", ["needs quotes"]),
    "undefined alias": (f"name: {MARK}*m\n", ["not defined above"]),
    "bad escape": (f'{MARK}name: "\\UFFFFFFFF"\n', ["names no character"]),
    "NUL escape": (f'{HEAD}annotations: {{a: {MARK}"\\0"}}\n', ["NUL"]),
    "surrogate": (f'{HEAD}annotations: {{a: {MARK}"\\ud800"}}\n', ["surrogate"]),
    "control character": (f"{HEAD}annotations: {{a: {MARK}\x07}}\n", ["cannot stand in YAML"]),
    "merge": (
        f"name: m\n{MARK}<<<<<<< HEAD\nversion: 1.0.0\n=======\nversion: 1.0.1\n>>>>>>> b\n",
        ["unresolved git merge"],
    ),
    "duplicate key": (f"{HEAD}{MARK}name: n\n", ["duplicate key; line 1 has it already"]),
    "duplicate below": (
        f"{HEAD}recurrent:\n  state: reset\n  {MARK}state: source\n",
        ["recurrent.state: duplicate key; line 4"],
    ),
    "number as key": (f"{HEAD}annotations: {{{MARK}3: x}}\n", ['write "3"']),
    "bool as key": (f"{HEAD}{MARK}true: x\n", ['write "true"']),
    "list as key": (f"{HEAD}{MARK}[a]: x\n", ["a key is text"]),
    "merge key": (
        f"name: m\nsource: &s {{format: keras, path: a}}\nconverter: {{{MARK}<<: *s}}\n",
        ["merge keys"],
    ),
    "tag": (
        f"name: {MARK}!!python/object:os.system m\nsource: {{format: keras, path: a}}\n",
        ["!!python/object:os.system is refused"],
    ),
    "harmless tag": (f"{HEAD}version: {MARK}!!str 1.0.0\n", ["!!str is refused"]),
    "own tag": (f"{HEAD}version: {MARK}!v 1.0.0\n", ["!v is refused"]),
    "long number": (f"{HEAD}annotations: {{a: {MARK}{'9' * 5000}}}\n", ["too many digits"]),
    # Keys.
    "misspelled key": (f"{HEAD}{MARK}recurent: {{}}\n", ["did you mean `recurrent`?"]),
    "misspelled required key": (
        f"name: m\n{MARK}sorce: {{format: keras, path: a}}\n",
        ["did you mean `source`?"],
    ),
    "misspelled key in case": (f"{HEAD}{MARK}Version: 1.0.0\n", ["did you mean `version`?"]),
    "key of another section": (
        f"{HEAD}{MARK}scheme: int8\n",
        ["it belongs under `quantization:`"],
    ),
    "key of nowhere": (f"{HEAD}{MARK}zzz: 1\n", ["the keys here are name, version"]),
    "no name": (f"{MARK}source: {{format: keras, path: a}}\n", ["name: required"]),
    "no source": (f"{MARK}name: m\n", ["source: required"]),
    "no format": (f"name: m\n{MARK}source: {{path: a}}\n", ["source.format: required"]),
    "empty section": (
        f"{HEAD}converter:{MARK}\n",
        ["allow_custom_ops, select_tf_ops; got nothing"],
    ),
    "section is text": (f"{HEAD}recurrent: {MARK}auto\n", ["expected a mapping with the keys"]),
    # Values.
    "name with capitals": (
        f"name: {MARK}Digits\nsource: {{format: keras, path: a}}\n",
        ["lower-case letters"],
    ),
    "name is a path": (
        f"name: {MARK}../m\nsource: {{format: keras, path: a}}\n",
        ["lower-case letters"],
    ),
    "name with a line": (
        f'name: {MARK}"m\\n"\nsource: {{format: keras, path: a}}\n',
        ["lower-case letters"],
    ),
    "name is a number": (
        f"name: {MARK}12\nsource: {{format: keras, path: a}}\n",
        ["got the number 12"],
    ),
    "version is a number": (f"{HEAD}version: {MARK}1.0\n", ["a semantic version such as 1.0.0"]),
    "version with leading zero": (f"{HEAD}version: {MARK}1.02.0\n", ["a semantic version"]),
    "pipeline is a path": (f"{HEAD}pipeline: {MARK}../p\n", ["lower-case letters"]),
    "format": (
        f"name: m\nsource: {{format: {MARK}kears, path: a}}\n",
        ['or tflite; got "kears"; did you mean `keras`?'],
    ),
    "time_major": (f"{HEAD}recurrent: {{time_major: {MARK}yes}}\n", ["keep, true or false"]),
    "time_major as number": (f"{HEAD}recurrent: {{time_major: {MARK}1}}\n", ["got the number 1"]),
    "text for a list": (
        f"{HEAD}verification: {{runtimes: {MARK}litert}}\n",
        ['expected a list; got "litert"; write [litert]'],
    ),
    "file for data": (
        f"{HEAD}verification: {{data: {MARK}test.npz}}\n",
        ["did you mean {path: test.npz}?"],
    ),
    "time_major as yes": (
        f"{HEAD}recurrent: {{time_major: {MARK}yes}}\n",
        ['got "yes"; did you mean true?'],
    ),
    "scheme for quantization": (
        f"{HEAD}quantization: {MARK}float16\n",
        ["did you mean {scheme: float16}?"],
    ),
    "number for random": (
        f"{HEAD}verification: {{data: {{random: {MARK}32}}}}\n",
        ["did you mean {samples: 32}?"],
    ),
    "section without keys": (f"{HEAD}recurrent:{MARK}\n", ["give it keys, or leave it out"]),
    "percent": (
        f"{HEAD}verification: {{data: {{path: a}}, min_accuracy: {MARK}97}}\n",
        ["97 % is 0.97"],
    ),
    "percent sign": (
        f"{HEAD}verification: {{data: {{path: a}}, min_accuracy: {MARK}97.5%}}\n",
        ["97.5 % is 0.975"],
    ),
    "far too large": (
        f"{HEAD}verification: {{data: {{path: a}}, min_accuracy: {MARK}970}}\n",
        ["a number of at most 1; got the number 970\n"],
    ),
    "open as -1": (
        f"{HEAD.replace('m.keras}', f'm.keras, inputs: {{x: [{MARK}-1, 3]}}}}')}",
        ["got the number -1; write null for an open dimension"],
    ),
    "open as None": (
        f"{HEAD.replace('m.keras}', f'm.keras, inputs: {{x: [{MARK}None, 3]}}}}')}",
        ['got "None"; write null for an open dimension'],
    ),
    "pipeline as a path": (
        f"{HEAD}pipeline: {MARK}pipelines/release.yaml\n",
        ["write its name alone: release"],
    ),
    "path with backslashes": (
        f'name: m\nsource: {{format: keras, path: "a{chr(92)}{MARK}m.keras"}}\n',
        ["in double quotes a `\\` begins an escape; write `/` in paths"],
    ),
    "required key behind a merge key": (
        f"name: m\nsource: {{{MARK}<<: 3, path: a}}\n",
        ["merge keys"],
    ),
    "bool as yes": (
        f"{HEAD}converter: {{select_tf_ops: {MARK}yes}}\n",
        ["expected true or false", "did you mean true?"],
    ),
    "sha256": (
        f"name: m\nsource: {{format: keras, path: a, sha256: {MARK}abc}}\n",
        ["64 hexadecimal digits"],
    ),
    "factory": (
        f"name: m\nsource: {{format: keras, factory: {MARK}digits.model}}\n",
        ["`module:name`"],
    ),
    "custom object": (
        f"name: m\nsource: {{format: keras, path: a, custom_objects: {{A: {MARK}my layers}}}}\n",
        ["source.custom_objects.A: expected `module:name`"],
    ),
    "dimension zero": (
        f"name: m\nsource: {{format: keras, path: a, inputs: {{x: [null, {MARK}0]}}}}\n",
        ["source.inputs.x[1]: expected a number of at least 1"],
    ),
    "dimension in quotes": (
        f'name: m\nsource: {{format: keras, path: a, inputs: {{x: [{MARK}"8"]}}}}\n',
        ["take the quotes away"],
    ),
    "dimension not whole": (
        f"name: m\nsource: {{format: keras, path: a, inputs: {{x: [{MARK}8.5]}}}}\n",
        ["a whole number; got the number 8.5"],
    ),
    "dimension true": (
        f"name: m\nsource: {{format: keras, path: a, inputs: {{x: [{MARK}true]}}}}\n",
        ["a whole number; got true"],
    ),
    "tolerance nan": (f"{HEAD}verification: {{max_abs_error: {MARK}.nan}}\n", ["finite"]),
    "tolerance inf": (f"{HEAD}verification: {{max_abs_error: {MARK}1e999}}\n", ["finite"]),
    "tolerance zero": (f"{HEAD}verification: {{max_abs_error: {MARK}0}}\n", ["above 0"]),
    "tolerance text": (f"{HEAD}verification: {{max_abs_error: {MARK}tiny}}\n", ["a number"]),
    "accuracy": (
        f"{HEAD}verification: {{data: {{path: t.npz}}, min_accuracy: {MARK}97}}\n",
        ["at most 1"],
    ),
    "seed": (f"{HEAD}verification: {{data: {{random: {{seed: {MARK}-1}}}}}}\n", ["at least 0"]),
    "no runtime": (f"{HEAD}verification: {{runtimes: {MARK}[]}}\n", ["at least 1 item(s)"]),
    "runtime twice": (f"{HEAD}verification: {{runtimes: {MARK}[litert, litert]}}\n", ["twice"]),
    "runtime": (
        f"{HEAD}verification: {{runtimes: [{MARK}litrt]}}\n",
        [
            "verification.runtimes[0]: expected litert, litert-compiled, litert-web or tflm",
            "did you mean `litert`?",
        ],
    ),
    "annotation is a number": (
        f"{HEAD}annotations: {{year: {MARK}2026}}\n",
        ["write it in quotes if it is text"],
    ),
    "empty key": (f'{HEAD}annotations: {{{MARK}"": x}}\n', ["text that is not empty"]),
    "include absolute": (f"{HEAD}package: {{include: [{MARK}/etc/passwd]}}\n", ["without `..`"]),
    "include outside": (f"{HEAD}package: {{include: [a, {MARK}a/../../b]}}\n", ["without `..`"]),
    "include windows": (f"{HEAD}package: {{include: [{MARK}'a\\b']}}\n", ["written with /"]),
    "include folder": (f"{HEAD}package: {{include: [{MARK}.]}}\n", ["not the folder itself"]),
    "include twice spelled": (f"{HEAD}package: {{include: [{MARK}./a]}}\n", ["the plain form, a"]),
    # Keys that must fit each other.
    "no origin": (f"name: m\n{MARK}source: {{format: keras}}\n", ["path or factory"]),
    "two origins": (
        f"name: m\nsource: {{format: keras, path: a, factory: {MARK}a:b}}\n",
        ["not both"],
    ),
    "concrete_function path": (
        f"name: m\nsource: {{format: concrete_function, path: {MARK}a}}\n",
        ["read from factory, not from path"],
    ),
    "saved_model factory": (
        f"name: m\nsource: {{format: saved_model, factory: {MARK}a:b}}\n",
        ["read from path, not from factory"],
    ),
    "graph_def": (
        f"name: m\n{MARK}source: {{format: graph_def, path: a}}\n",
        ["inputs: required for format graph_def", "outputs: required for format graph_def"],
    ),
    "signature": (
        f"name: m\nsource: {{format: keras, path: a, signature: {MARK}s}}\n",
        ["only for format saved_model, not keras"],
    ),
    "custom objects elsewhere": (
        f"name: m\nsource: {{format: tflite, path: a, custom_objects: {MARK}{{A: a:b}}}}\n",
        ["only for format keras or h5"],
    ),
    "outputs elsewhere": (
        f"name: m\nsource: {{format: keras, path: a, outputs: {MARK}[y]}}\n",
        ["only for format graph_def"],
    ),
    "allow_lambda elsewhere": (
        f"name: m\nsource: {{format: tflite, path: a, allow_lambda: {MARK}true}}\n",
        ["only for format keras or h5"],
    ),
    "sha256 of a factory": (
        f"name: m\nsource: {{format: keras, factory: a:b, sha256: {MARK}{'a' * 64}}}\n",
        ["there is no path"],
    ),
    "int8 without calibration": (
        f"{HEAD}{MARK}quantization: {{scheme: int8}}\n",
        ["quantization.calibration: required by scheme int8"],
    ),
    "calibration without int8": (
        f"{HEAD}quantization: {{calibration: {MARK}{{path: c.npz}}}}\n",
        ["scheme none has no calibration"],
    ),
    "input type of int16x8": (
        HEAD
        + f"quantization: {{scheme: int16x8, calibration: {{path: c}}, input_type: {MARK}uint8}}",
        ["scheme int16x8 takes float32 or int16"],
    ),
    "output type of none": (
        f"{HEAD}quantization: {{output_type: {MARK}int8}}\n",
        ["scheme none takes float32"],
    ),
    "skip of none": (f"{HEAD}quantization: {{skip: {MARK}[a]}}\n", ["nothing to skip"]),
    "two kinds of data": (
        f"{HEAD}verification: {{data: {{path: a, random: {MARK}{{}}}}}}\n",
        ["path or random, not both"],
    ),
    "no kind of data": (
        f"{HEAD}verification: {{{MARK}data: {{}}}}\n",
        ["expected {path: FILE.npz} or {random"],
    ),
    "accuracy of random data": (
        f"{HEAD}verification: {{max_accuracy_drop: {MARK}0.1}}\n",
        ["needs labels"],
    ),
    "range": (f"{HEAD}metadata: {{inputs: [{{name: x, range: {MARK}[1, 0]}}]}}\n", ["smallest"]),
    "range of three": (
        f"{HEAD}metadata: {{inputs: [{{name: x, range: {MARK}[0, 1, 2]}}]}}\n",
        ["at most 2 item(s)"],
    ),
    "mean and std": (
        HEAD
        + f"metadata: {{inputs: [{{name: x, normalization: {{mean: [1], std: {MARK}[1, 2]}}}}]}}",
        ["metadata.inputs[0].normalization.std: mean has 1 values, std 2"],
    ),
    "tensor twice": (
        f"{HEAD}metadata: {{outputs: [{{name: y}}, {{name: {MARK}y}}]}}\n",
        ["metadata.outputs[1].name: `y` is described twice"],
    ),
    "labels of an input": (
        f"{HEAD}metadata: {{inputs: [{{name: x, {MARK}labels: l.txt}}]}}\n",
        ["it belongs under `metadata.outputs:`"],
    ),
    # Several at once, each once.
    "all at once": (
        f"""{MARK}nmae: m
version: {MARK}1.0
source: {{format: {MARK}kears, {MARK}pth: a}}
recurrent: {{state: {MARK}!!x reset}}
{MARK}version: 2.0.0
""",
        ["`name`", "1.0.0", "`keras`", "`path`", "!!x", "duplicate"],
    ),
}


def _places(marked: str) -> list[str]:
    places = []
    for i, line in enumerate(marked.split("\n"), 1):
        before = line.split(MARK)[:-1]
        places += [f"{i}:{len(''.join(before[: n + 1])) + 1}" for n in range(len(before))]
    return places


@pytest.mark.parametrize(("marked", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_config_is_told_where_and_what(
    marked: str, said: list[str], tmp_path: Path
) -> None:
    """Each root problem is told once, at its line and column, and nothing that follows from it."""
    path = tmp_path / "config.yaml"
    path.write_text(marked.replace(MARK, ""), encoding="utf-8", newline="")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.exit_status == 2
    details = caught.value.details
    places = list(dict.fromkeys(f"{problem.line}:{problem.column}" for problem in details))
    assert places == _places(marked)
    text = str(caught.value)
    assert text.count(f"{path}:") == len(details)
    assert all(part in text for part in said), text
