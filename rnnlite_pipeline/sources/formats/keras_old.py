"""Architectures of Keras 1 and early Keras 2, in the words of tf-keras.

tf-keras loads the weights of all of them, and rearranges what cuDNN and Keras 1 stored otherwise
(tf_keras/src/saving/legacy/hdf5_format.py, preprocess_weights_for_loading). What it lacks is their
layers' names and arguments. Rules:

1. CuDNNLSTM and CuDNNGRU, which run on a GPU alone, are LSTM and GRU with reset_after.
2. A GRU that does not say `reset_after` was written before Keras 2.2 had it: it is False.
3. Arguments of Keras 1 have their names of Keras 2; a Merge is the layer of its mode.
4. What matters in training alone, and is spelled otherwise in Keras 1, goes: initializers,
   regularizers, constraints.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

Config = dict[str, Any]

_CUDNN = {"CuDNNLSTM": "LSTM", "CuDNNGRU": "GRU"}

#: Classes of Keras 1 under their names of Keras 2.
_CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
}
_MERGES = {
    "concat": "Concatenate",
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
}

#: Arguments of Keras 1 under their names of Keras 2. `output_dim` is an Embedding's still.
_ARGUMENTS = {
    "output_dim": "units",
    "inner_activation": "recurrent_activation",
    "bias": "use_bias",
    "p": "rate",
    "sigma": "stddev",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "subsample_length": "strides",
    "subsample": "strides",
    "atrous_rate": "dilation_rate",
    "border_mode": "padding",
    "pool_length": "pool_size",
    "stride": "strides",
    "input_dtype": "dtype",
}
_ORDERS = {"th": "channels_first", "tf": "channels_last"}

#: Arguments of Keras 1 that training alone reads, or that say how a step is computed.
_TRAINING = frozenset(
    {
        "activity_regularizer",
        "b_constraint",
        "b_regularizer",
        "beta_init",
        "beta_regularizer",
        "consume_less",
        "create_input_layer",
        "forget_bias_init",
        "gamma_init",
        "gamma_regularizer",
        "init",
        "inner_init",
        "U_regularizer",
        "W_constraint",
        "W_regularizer",
        "weights",
    }
)

#: What only the arguments of Keras 1 can be told by.
_OF_KERAS_1 = frozenset({*_ARGUMENTS, *_TRAINING, "nb_row", "dim_ordering", "mode"}) - {
    "activity_regularizer",
    "output_dim",
}


def modern(architecture: Any, custom: Collection[str] = ()) -> Any:
    """An architecture, as JSON, that tf-keras can build (rules 1 to 4).

    Args:
        architecture: The value of `model_config`, or of what to_json wrote.
        custom: The classes that are the user's own, whose arguments stay as they are.
    """
    if isinstance(architecture, list):
        return [modern(each, custom) for each in architecture]
    if not isinstance(architecture, Mapping):
        return architecture
    value = {key: modern(each, custom) for key, each in architecture.items()}
    is_object = isinstance(value.get("class_name"), str) and isinstance(value.get("config"), dict)
    return _layer(value) if is_object and value["class_name"] not in custom else value


def _layer(value: Config) -> Config:
    name, config = value["class_name"], dict(value["config"])
    if _is_keras_1(name, config):
        name, config = _of_keras_1(name, config)
    if name in _CUDNN:
        name = _CUDNN[name]
        config |= {"reset_after": True} if name == "GRU" else {}
    elif name == "GRU":
        config.setdefault("reset_after", False)
    return {**value, "class_name": name, "config": config}


def _is_keras_1(name: str, config: Config) -> bool:
    return name in ("Merge", "TimeDistributedDense", *_CLASSES) or bool(_OF_KERAS_1 & config.keys())


def _of_keras_1(name: str, config: Config) -> tuple[str, Config]:
    if name == "Merge":
        axis = {"axis": config.get("concat_axis", -1)} if config.get("mode") == "concat" else {}
        return _MERGES.get(str(config.get("mode")), name), {"name": config.get("name"), **axis}
    config = _shaped(name, config)
    if "nb_row" in config:
        config["kernel_size"] = [config.pop("nb_row"), config.pop("nb_col")]
    order = _ORDERS.get(config.pop("dim_ordering", ""))
    config |= {"data_format": order} if order else {}
    if name in ("BatchNormalization", "Embedding"):
        config = {key: each for key, each in config.items() if key not in ("mode", "dropout")}
    kept = {"output_dim"} if name == "Embedding" else set()
    config = {
        key if key in kept else _ARGUMENTS.get(key, key): each
        for key, each in config.items()
        if key not in _TRAINING
    }
    if name == "TimeDistributedDense":
        outer: Config = {k: config.pop(k) for k in ("name", "batch_input_shape") if k in config}
        inner = {**config, "name": f"{outer.get('name', 'time_distributed')}_dense"}
        return "TimeDistributed", {**outer, "layer": {"class_name": "Dense", "config": inner}}
    return _CLASSES.get(name, name), config


def _shaped(name: str, config: Config) -> Config:
    """The shape that Keras 1 gives a first layer as input_dim and input_length."""
    config = dict(config)
    if name == "Embedding":
        return config
    features, length = config.pop("input_dim", None), config.pop("input_length", None)
    if features is not None and "batch_input_shape" not in config:
        sequence = name == "TimeDistributedDense" or "inner_activation" in config
        sequence = sequence or "filter_length" in config
        config["batch_input_shape"] = [None, length, features] if sequence else [None, features]
    return config
