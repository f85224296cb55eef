"""A C++ class around TFLite Micro's interpreter: no heap, no file system."""

from __future__ import annotations

from rnnlite_pipeline.release.deploy.cpp import accessor, cpp_type, described
from rnnlite_pipeline.release.deploy.deployment import Deployment
from rnnlite_pipeline.release.deploy.micro import method
from rnnlite_pipeline.release.deploy.text import filled

#: What the interpreter itself keeps in the arena, and each op beside its tensors; generous.
_OVERHEAD = 16 * 1024
_EACH_OP = 512

_CLASS = """\
// Runs @NAME@ @VERSION@ on TFLite Micro, with ../c/@SNAKE@_model.c.
//
// Inputs (? is open):
@INPUTS@
// Outputs:
@OUTPUTS@
// State: @STATE@. @RESET@
#ifndef @GUARD@
#define @GUARD@

#include <cstddef>
#include <cstdint>

#include "@SNAKE@_model.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace @SNAKE@ {

// More than enough; after Init, arena_used() says how much suffices.
constexpr size_t kArenaSize = @ARENA@;

using Resolver = tflite::MicroMutableOpResolver<@OP_COUNT@>;

// Just the ops of this model.
inline TfLiteStatus RegisterOps(Resolver& resolver) {
@REGISTER@
  return kTfLiteOk;
}

class @CAMEL@ {
 public:
  // `arena` is aligned to 16 bytes and outlives this; `resolver` likewise, after RegisterOps.
  @CAMEL@(const Resolver& resolver, uint8_t* arena, size_t arena_size)
      : interpreter_(tflite::GetModel(@SNAKE@_model), resolver, arena, arena_size) {}

  bool Init() { return interpreter_.AllocateTensors() == kTfLiteOk; }

  bool Invoke() { return interpreter_.Invoke() == kTfLiteOk; }

@RESET_METHOD@
  size_t arena_used() const { return interpreter_.arena_used_bytes(); }

@ACCESSORS@
 private:
  tflite::MicroInterpreter interpreter_;
};

}  // namespace @SNAKE@

#endif  // @GUARD@
"""

_RESET = """\
  // Start a new sequence: forget the state that the calls before left.
  bool Reset() { return interpreter_.Reset() == kTfLiteOk; }

"""


def tflm_class(deployment: Deployment) -> str:
    """The text of the header."""
    inputs, ops = deployment.inputs, deployment.ops
    register = [f"  if (resolver.{method(op)}() != kTfLiteOk) return kTfLiteError;" for op in ops]
    accessors = [
        *(
            accessor(p, f"interpreter_.typed_input_tensor<{cpp_type(p)}>({i})", "")
            for i, p in enumerate(inputs)
        ),
        *(
            accessor(p, f"interpreter_.typed_output_tensor<{cpp_type(p)}>({i})", "const ", inputs)
            for i, p in enumerate(deployment.outputs)
        ),
    ]
    return filled(
        _CLASS,
        {
            **described(deployment),
            "GUARD": f"{deployment.snake.upper()}_TFLM_H_",
            "ARENA": str(deployment.arena + _OVERHEAD + _EACH_OP * len(ops)),
            "OP_COUNT": str(len(ops)),
            "REGISTER": "\n".join(register),
            "ACCESSORS": "\n".join(accessors),
            "RESET_METHOD": _RESET if deployment.state == "persist" else "",
        },
    )
