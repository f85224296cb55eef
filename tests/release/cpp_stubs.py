"""The few declarations of LiteRT and TFLite Micro that the generated C++ uses.

Not the real headers: they show that the code parses, that its types fit, and that it calls what
is declared here, with the signatures of the real ones. They do not show that it links or runs.
"""

from __future__ import annotations

from pathlib import Path

_COMMON = """\
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>
typedef enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 } TfLiteStatus;
"""

_INTERPRETER = """\
#pragma once
#include "tensorflow/lite/common_stub.h"
namespace tflite {
class SignatureRunner;
class Interpreter {
 public:
  SignatureRunner* GetSignatureRunner(const char* signature_key);
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteStatus ResetVariableTensors();
  TfLiteStatus ResizeInputTensor(int tensor_index, const std::vector<int>& dims);
  const std::vector<int>& inputs() const;
  template <class T> T* typed_input_tensor(int index);
  template <class T> T* typed_output_tensor(int index);
};
}
"""

_BUILDER = """\
#pragma once
#include "tensorflow/lite/interpreter.h"
#include "tensorflow/lite/kernels/register.h"
#include "tensorflow/lite/model_builder.h"
namespace tflite {
class InterpreterBuilder {
 public:
  InterpreterBuilder(const FlatBufferModel& model, const OpResolver& resolver);
  TfLiteStatus SetNumThreads(int threads);
  TfLiteStatus operator()(std::unique_ptr<Interpreter>* interpreter);
};
}
"""

_SIGNATURE = """\
#pragma once
#include "tensorflow/lite/common_stub.h"
namespace tflite {
class SignatureRunner {
 public:
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
};
}
"""

_REGISTER = """\
#pragma once
namespace tflite {
class OpResolver {};
namespace ops { namespace builtin { class BuiltinOpResolver : public OpResolver {}; } }
}
"""

_MODEL = """\
#pragma once
#include "tensorflow/lite/common_stub.h"
namespace tflite {
class FlatBufferModel {
 public:
  static std::unique_ptr<FlatBufferModel> BuildFromFile(const char* path);
};
}
"""

_MICRO = """\
#pragma once
#include "tensorflow/lite/common_stub.h"
#include "tensorflow/lite/schema/schema_generated.h"
namespace tflite {
class MicroOpResolver {};
class MicroInterpreter {
 public:
  MicroInterpreter(const Model* model, const MicroOpResolver& resolver, uint8_t* arena,
                   size_t arena_size);
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteStatus Reset();
  size_t arena_used_bytes() const;
  template <class T> T* typed_input_tensor(int index);
  template <class T> T* typed_output_tensor(int index);
};
}
"""

_RESOLVER = """\
#pragma once
#include "tensorflow/lite/micro/micro_interpreter.h"
namespace tflite {
template <unsigned int tOpCount>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
  TfLiteStatus AddFill();
  TfLiteStatus AddFullyConnected();
  TfLiteStatus AddPadV2();
  TfLiteStatus AddReshape();
  TfLiteStatus AddUnidirectionalSequenceLSTM();
};
}
"""

_SCHEMA = """\
#pragma once
namespace tflite {
struct Model;
const Model* GetModel(const void* buffer);
}
"""

HEADERS = {
    "common_stub.h": _COMMON,
    "interpreter.h": _INTERPRETER,
    "interpreter_builder.h": _BUILDER,
    "kernels/register.h": _REGISTER,
    "model_builder.h": _MODEL,
    "signature_runner.h": _SIGNATURE,
    "micro/micro_interpreter.h": _MICRO,
    "micro/micro_mutable_op_resolver.h": _RESOLVER,
    "schema/schema_generated.h": _SCHEMA,
}


def write_stubs(folder: Path) -> None:
    """Write the headers below an include folder."""
    for name, text in HEADERS.items():
        path = folder / "tensorflow" / "lite" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
