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
struct TfLiteTensor { size_t bytes; };
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
  const std::vector<int>& outputs() const;
  TfLiteTensor* input_tensor(size_t index);
  TfLiteTensor* output_tensor(size_t index);
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
class MicroAllocator {
 public:
  static MicroAllocator* Create(uint8_t* tensor_arena, size_t arena_size);
};
class MicroResourceVariables {
 public:
  static MicroResourceVariables* Create(MicroAllocator* allocator, int num_variables);
};
class MicroInterpreter {
 public:
  MicroInterpreter(const Model* model, const MicroOpResolver& op_resolver,
                   MicroAllocator* allocator, MicroResourceVariables* resource_variables);
  TfLiteTensor* input_tensor(size_t index);
  TfLiteTensor* output_tensor(size_t index);
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteStatus Reset();
  size_t arena_used_bytes() const;
  template <class T> T* typed_input_tensor(int index);
  template <class T> T* typed_output_tensor(int index);
};
}
"""

_ALSO = """\
#pragma once
#include "tensorflow/lite/micro/micro_interpreter.h"
"""

_RESOLVER = """\
#pragma once
#include "tensorflow/lite/micro/micro_interpreter.h"
namespace tflite {
template <unsigned int tOpCount>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
  TfLiteStatus AddAdd();
  TfLiteStatus AddAssignVariable();
  TfLiteStatus AddCallOnce();
  TfLiteStatus AddFill();
  TfLiteStatus AddFullyConnected();
  TfLiteStatus AddPadV2();
  TfLiteStatus AddReadVariable();
  TfLiteStatus AddReshape();
  TfLiteStatus AddUnidirectionalSequenceLSTM();
  TfLiteStatus AddVarHandle();
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

_LITERT = """\
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>
namespace litert {
template <class T> using Span = std::span<T>;
using StringView = std::string_view;
using Dimensions = std::vector<int32_t>;
enum class HwAccelerators : int { kNone, kCpu, kGpu, kNpu };
enum class ElementType { Bool, Int8, Int16, Int32, Int64, UInt8, Float32 };
template <class T> class Expected {
 public:
  explicit operator bool() const;
  bool HasValue() const;
  T& operator*();
  const T& operator*() const;
};
template <> class Expected<void> {
 public:
  explicit operator bool() const;
  bool HasValue() const;
};
class Environment {
 public:
  struct Option {};
  static Expected<Environment> Create(Span<const Option> options);
};
class Layout { public: constexpr explicit Layout(const Dimensions& dimensions) {} };
class RankedTensorType { public: RankedTensorType(ElementType element_type, Layout&& layout); };
class TensorBuffer {
 public:
  enum class LockMode { kRead, kWrite, kReadWrite };
  TensorBuffer() = default;
  TensorBuffer(TensorBuffer&&) = default;
  TensorBuffer& operator=(TensorBuffer&&) = default;
  static Expected<TensorBuffer> CreateFromHostMemory(
      const Environment& env, const RankedTensorType& tensor_type, void* host_mem_addr,
      size_t buffer_size);
  Expected<size_t> PackedSize() const;
  Expected<void*> Lock(LockMode mode);
  Expected<void> Unlock();
};
class CompiledModel {
 public:
  static Expected<CompiledModel> Create(
      Environment& env, const std::string& model_filename, HwAccelerators hardware_accelerators);
  Expected<std::vector<StringView>> GetSignatureInputNames() const;
  Expected<std::vector<StringView>> GetSignatureOutputNames() const;
  Expected<std::vector<TensorBuffer>> CreateInputBuffers() const;
  Expected<std::vector<TensorBuffer>> CreateOutputBuffers() const;
  Expected<void> Run(Span<const TensorBuffer> inputs, Span<const TensorBuffer> outputs) const;
  Expected<void> Run(StringView signature_key, const std::vector<TensorBuffer>& inputs,
                     const std::vector<TensorBuffer>& outputs) const;
  Expected<void> ResizeInputTensor(size_t signature_index, size_t input_index,
                                   Span<const int> dims);
};
}
"""

#: Of litert/cc in google-ai-edge/LiteRT @ f67457790c9c.
_LITERT_HEADERS = [
    "common",
    "compiled_model",
    "environment",
    "layout",
    "ranked_tensor_type",
    "tensor_buffer",
]

HEADERS = {
    "common_stub.h": _COMMON,
    "interpreter.h": _INTERPRETER,
    "interpreter_builder.h": _BUILDER,
    "kernels/register.h": _REGISTER,
    "model_builder.h": _MODEL,
    "signature_runner.h": _SIGNATURE,
    "micro/micro_allocator.h": _ALSO,
    "micro/micro_interpreter.h": _MICRO,
    "micro/micro_resource_variable.h": _ALSO,
    "micro/micro_mutable_op_resolver.h": _RESOLVER,
    "schema/schema_generated.h": _SCHEMA,
}


def write_stubs(folder: Path) -> None:
    """Writes the headers below an include folder."""
    files = {f"tensorflow/lite/{name}": text for name, text in HEADERS.items()}
    files |= {f"litert/cc/litert_{name}.h": '#include "stub.h"\n' for name in _LITERT_HEADERS}
    files["litert/cc/stub.h"] = _LITERT
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
