"""What stands under deploy/, and what does not."""

from __future__ import annotations

from rnnlite_pipeline.release.deploy.deployment import Deployment


def readme(deployment: Deployment) -> str:
    """The text of the file."""
    name = deployment.snake
    rows = [
        (f"python/{name}.py", "Python, with ai-edge-litert and numpy"),
        (f"android/{deployment.camel}.kt", "Android, Kotlin"),
        (f"cpp/{name}.h", "C++17, with LiteRT or TensorFlow Lite"),
        (f"c/{name}_model.h, .c", "the model as a C array"),
    ]
    if not deployment.not_on_tflm:
        rows.append((f"tflm/{name}.h", "C++ for microcontrollers, with TFLite Micro"))
    table = "".join(f"| `{file}` | {what} |\n" for file, what in rows)
    micro = "".join(f"- {why}\n" for why in deployment.not_on_tflm)
    without = f"\nNot for TFLite Micro:\n\n{micro}" if micro else ""
    ports = "".join(
        f"- {side} `{port.described}`\n"
        for side, ports in (("input", deployment.inputs), ("output", deployment.outputs))
        for port in ports
    )
    return f"""\
# Deploying {deployment.name} {deployment.version}

| file | for |
| --- | --- |
{table}{without}
{ports}
State: {deployment.state}. {deployment.reset}
{_missing(deployment)}"""


def _missing(deployment: Deployment) -> str:
    """What must be given to LiteRT before it loads the model."""
    flex = [code for code in deployment.missing if code.startswith("Flex")]
    custom = [code for code in deployment.missing if code not in flex]
    said = ""
    if flex:
        said += f"""
LiteRT has no {", ".join(flex)}: these need the Flex delegate, TensorFlow's own kernels.
On Android add `org.tensorflow:tensorflow-lite-select-tf-ops`, of the version of
`org.tensorflow:tensorflow-lite`; in C++ link `//tensorflow/lite/delegates/flex:delegate`.
The wheel `ai-edge-litert` has no such delegate.
"""
    if custom:
        said += f"""
LiteRT has no {", ".join(custom)}: register a kernel for each before the interpreter is
built, in C++ with `resolver.AddCustom(NAME, REGISTRATION)`.
"""
    return said
