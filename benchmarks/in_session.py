"""A graph of TensorFlow 1 as a source, for the builders of published_models/."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rnnlite_pipeline.sources.graphdef.session import session_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load

#: Tensors by name: the inputs, and the outputs.
Built = tuple[dict[str, Any], dict[str, Any]]


def in_session(build: Callable[[], Built]) -> SourceModel:
    """What a function builds in control flow of version 1, its variables given random values."""
    tf: Any = load("tensorflow")
    v1: Any = tf.compat.v1
    later = v1.control_flow_v2_enabled()
    v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default() as graph:
            v1.set_random_seed(0)
            v1.get_variable_scope().set_initializer(v1.random_normal_initializer(stddev=0.3))
            inputs, outputs = build()
            session = v1.Session(graph=graph)
            session.run([v1.global_variables_initializer(), v1.local_variables_initializer()])
            return session_model(session, inputs, outputs, {})
    finally:
        if later:
            v1.enable_control_flow_v2()
