"""A C++ class around LiteRT's (TFLite's) interpreter."""

from __future__ import annotations

from rnnlite_pipeline.release.deploy.deployment import Deployment, Port
from rnnlite_pipeline.release.deploy.text import filled, plain

#: The C++ type of each of NumPy's.
TYPES = {
    "float32": "float",
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "bool": "bool",
}

_CLASS = """\
// Runs @NAME@ @VERSION@. C++17, with TensorFlow Lite or LiteRT.
//
// Inputs (? is open):
@INPUTS@
// Outputs:
@OUTPUTS@
// State: @STATE@. @RESET@
#ifndef @GUARD@
#define @GUARD@

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "tensorflow/lite/interpreter.h"
#include "tensorflow/lite/interpreter_builder.h"
#include "tensorflow/lite/kernels/register.h"
#include "tensorflow/lite/model_builder.h"
#include "tensorflow/lite/signature_runner.h"

namespace @SNAKE@ {

// The model, ready to be called; one instance a thread.
class @CAMEL@ {
 public:
  // Null where the file is no model, or has an op the runtime lacks.
  static std::unique_ptr<@CAMEL@> FromFile(const char* path, int threads = 1) {
    auto model = tflite::FlatBufferModel::BuildFromFile(path);
    if (!model) return nullptr;
    tflite::ops::builtin::BuiltinOpResolver ops;
    std::unique_ptr<tflite::Interpreter> interpreter;
    tflite::InterpreterBuilder builder(*model, ops);
    if (builder.SetNumThreads(threads) != kTfLiteOk) return nullptr;
    if (builder(&interpreter) != kTfLiteOk || !interpreter) return nullptr;
    std::unique_ptr<@CAMEL@> made(new @CAMEL@(std::move(model), std::move(interpreter)));
    return made->interpreter_->AllocateTensors() == kTfLiteOk ? std::move(made) : nullptr;
  }

  // Before inputs of another shape are written.
  bool Resize(@SHAPES@) {
@RESIZES@
    return interpreter_->AllocateTensors() == kTfLiteOk;
  }

  bool Invoke() { return interpreter_->Invoke() == kTfLiteOk; }

@RESET_METHOD@
@ACCESSORS@
 private:
  @CAMEL@(std::unique_ptr<tflite::FlatBufferModel> model,
          std::unique_ptr<tflite::Interpreter> interpreter)
      : model_(std::move(model)), interpreter_(std::move(interpreter)) {}

  std::unique_ptr<tflite::FlatBufferModel> model_;  // outlives the interpreter
  std::unique_ptr<tflite::Interpreter> interpreter_;
};

}  // namespace @SNAKE@

#endif  // @GUARD@
"""

_RESET = """\
  // Start a new sequence: forget the state that the calls before left.
  bool Reset() { return interpreter_->ResetVariableTensors() == kTfLiteOk; }

"""

_RESET_BY_SIGNATURE = """\
  // Start a new sequence: forget the state that the calls before left.
  bool Reset() {
    tflite::SignatureRunner* reset = interpreter_->GetSignatureRunner("reset");
    return reset && reset->AllocateTensors() == kTfLiteOk && reset->Invoke() == kTfLiteOk;
  }

"""


def cpp_class(deployment: Deployment) -> str:
    """The text of the header."""
    inputs, outputs = deployment.inputs, deployment.outputs
    resizes = [
        f"    if (interpreter_->ResizeInputTensor(interpreter_->inputs()[{i}],"
        f" {port.identifier}_shape) !=\n        kTfLiteOk)\n      return false;"
        for i, port in enumerate(inputs)
    ]
    reset = _RESET_BY_SIGNATURE if deployment.resets else _RESET
    accessors = [
        *(
            accessor(p, f"interpreter_->typed_input_tensor<{cpp_type(p)}>({i})", "")
            for i, p in enumerate(inputs)
        ),
        *(
            accessor(p, f"interpreter_->typed_output_tensor<{cpp_type(p)}>({i})", "const ", inputs)
            for i, p in enumerate(outputs)
        ),
    ]
    return filled(
        _CLASS,
        {
            **described(deployment),
            "GUARD": f"{deployment.snake.upper()}_H_",
            "SHAPES": ", ".join(f"const std::vector<int>& {p.identifier}_shape" for p in inputs),
            "RESIZES": "\n".join(resizes),
            "ACCESSORS": "\n".join(accessors),
            "RESET_METHOD": reset if deployment.state == "persist" else "",
        },
    )


def described(deployment: Deployment) -> dict[str, str]:
    """The fields of the head of a file."""
    return {
        "NAME": deployment.name,
        "VERSION": deployment.version,
        "SNAKE": deployment.snake,
        "CAMEL": deployment.camel,
        "INPUTS": "\n".join(f"//   {port.described}" for port in deployment.inputs),
        "OUTPUTS": "\n".join(f"//   {port.described}" for port in deployment.outputs),
        "STATE": deployment.state,
        "RESET": deployment.reset,
    }


def accessor(port: Port, expression: str, const: str, others: tuple[Port, ...] = ()) -> str:
    """A method that returns the values of a port; the name of an input is not taken again."""
    taken = port.identifier in {other.identifier for other in others}
    name = f"{port.identifier}_out" if taken else port.identifier
    return f"""\
  // {_caller(port, bool(const))}
  {const}{cpp_type(port)}* {name}() {{ return {expression}; }}
"""


def cpp_type(port: Port) -> str:
    """The C++ type of a port's values; bytes for what has none."""
    return TYPES.get(port.dtype, "uint8_t")


def _caller(port: Port, is_output: bool) -> str:
    """What the caller does with the values."""
    said = [port.described]
    if is_output and port.labels:
        said.append(f"labels: {plain(port.labels)}, packed in the model")
    if port.mean:
        mean, std = (", ".join(map(repr, each)) for each in (port.mean, port.std))
        said.append(f"write (value - [{mean}]) / [{std}]")
    return "; ".join(said)
