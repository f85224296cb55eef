"""The model as a C array, for programs without a file system."""

from __future__ import annotations

from rnnlite_pipeline.release.deploy.deployment import Deployment
from rnnlite_pipeline.release.digests import sha256

#: How many bytes stand on a line.
_LINE = 16


def c_header(deployment: Deployment, content: bytes) -> str:
    """The declaration; C and C++."""
    name = f"{deployment.snake}_model"
    guard = f"{name.upper()}_H_"
    return f"""\
/* {deployment.name} {deployment.version}; model.tflite, sha256 {sha256(content)} */
#ifndef {guard}
#define {guard}

#include <stddef.h>

#ifdef __cplusplus
extern "C" {{
#endif

/* A flatbuffer, aligned to 16 bytes as its readers expect. */
extern const unsigned char {name}[];
extern const size_t {name}_size;

#ifdef __cplusplus
}}
#endif

#endif /* {guard} */
"""


def c_source(deployment: Deployment, content: bytes) -> str:
    """The definition; C11."""
    name = f"{deployment.snake}_model"
    lines = "".join(
        f"    {','.join(f'0x{byte:02x}' for byte in content[i : i + _LINE])},\n"
        for i in range(0, len(content), _LINE)
    )
    return f"""\
/* {deployment.name} {deployment.version}; model.tflite, sha256 {sha256(content)} */
#include "{name}.h"

_Alignas(16) const unsigned char {name}[] = {{
{lines}}};
const size_t {name}_size = sizeof({name});
"""
