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
"""
