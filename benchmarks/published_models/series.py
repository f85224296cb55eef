"""Published models of time series, control and health, as small builds of their architectures."""

from __future__ import annotations

from typing import Any

from rnnlite_pipeline.toolchain import load

keras: Any = load("keras")
layers, ops = keras.layers, keras.ops


def weather_forecasting() -> Any:
    """keras.io/examples/timeseries/timeseries_weather_forecasting."""
    x = keras.Input((24, 7))
    return keras.Model(x, layers.Dense(1)(layers.LSTM(16)(x)))


def time_series_wide() -> Any:
    """tensorflow.org/tutorials/structured_data/time_series, the LSTM of every step."""
    x = keras.Input((None, 19))
    return keras.Model(x, layers.Dense(1)(layers.LSTM(16, return_sequences=True)(x)))


def time_series_feedback() -> Any:
    """tensorflow.org/tutorials/structured_data/time_series, autoregressive, written out."""
    x = keras.Input((12, 5))
    cell, dense = layers.LSTMCell(12), layers.Dense(5)
    y, *state = layers.RNN(cell, return_state=True)(x)
    made = [dense(y)]
    for _ in range(5):
        y, state = cell(made[-1], state)
        made.append(dense(y))
    return keras.Model(x, ops.stack(made, axis=1))


def deep_ar() -> Any:
    """Salinas et al. 2020, DeepAR: three LSTM layers and a Gaussian."""
    y = x = keras.Input((None, 6))
    for _ in range(3):
        y = layers.LSTM(10, return_sequences=True)(y)
    return keras.Model(x, [layers.Dense(1)(y), layers.Dense(1, activation="softplus")(y)])


def lstnet() -> Any:
    """Lai et al. 2018, LSTNet: convolution, a GRU and a GRU that skips."""
    x = keras.Input((25, 4))
    y = layers.Conv1D(6, 6, activation="relu")(x)
    fast = layers.GRU(8, activation="relu")(y)
    skipped = layers.Permute((2, 1, 3))(layers.Reshape((5, 4, 6))(y))
    slow = keras.Sequential([keras.Input((5, 6)), layers.GRU(3, activation="relu")])
    slow = layers.Flatten()(layers.TimeDistributed(slow)(skipped))
    linear = ops.mean(x[:, -8:], axis=1)
    return keras.Model(x, layers.Dense(4)(layers.Concatenate()([fast, slow])) + linear)


def web_traffic() -> Any:
    """Suilin 2017 (Kaggle web traffic): a GRU encodes, another one decodes."""
    x = keras.Input((30, 5))
    _, state = layers.GRU(12, return_state=True)(x)
    y = layers.RepeatVector(7)(layers.Dense(6)(state))
    y = layers.GRU(12, return_sequences=True)(y, initial_state=state)
    return keras.Model(x, layers.Dense(1)(y))


def lstm_fcn() -> Any:
    """Karim et al. 2018, LSTM-FCN."""
    x = keras.Input((30, 2))
    y = x
    for filters, size in ((6, 8), (8, 5), (6, 3)):
        y = layers.Conv1D(filters, size, padding="same")(y)
        y = layers.ReLU()(layers.BatchNormalization()(y))
    along = layers.LSTM(4)(layers.Permute((2, 1))(x))
    y = layers.Concatenate()([layers.GlobalAveragePooling1D()(y), along])
    return keras.Model(x, layers.Dense(3, activation="softmax")(y))


def temporal_pattern_attention() -> Any:
    """Shih et al. 2019, attention over what each unit did."""
    x = keras.Input((16, 5))
    states = layers.LSTM(8, return_sequences=True)(x)
    last = states[:, -1]
    patterns = layers.Conv1D(6, 15)(states[:, :-1])
    weights = layers.Activation("sigmoid")(
        layers.Dot(axes=(2, 1))([patterns, layers.Dense(6)(last)])
    )
    attended = layers.Flatten()(ops.expand_dims(weights, 2) * patterns)
    return keras.Model(x, layers.Dense(5)(layers.Dense(8)(last) + layers.Dense(8)(attended)))


def autoencoder() -> Any:
    """Srivastava et al. 2015, an LSTM autoencoder for anomalies."""
    x = keras.Input((20, 3))
    y = layers.LSTM(8)(layers.LSTM(16, return_sequences=True)(x))
    y = layers.RepeatVector(20)(y)
    y = layers.LSTM(16, return_sequences=True)(layers.LSTM(8, return_sequences=True)(y))
    return keras.Model(x, layers.TimeDistributed(layers.Dense(3))(y))


def deep_conv_lstm() -> Any:
    """Ordonez and Roggen 2016, DeepConvLSTM for activities."""
    y = x = keras.Input((24, 9))
    for _ in range(4):
        y = layers.Conv1D(8, 5, activation="relu", padding="same")(y)
    y = layers.LSTM(12)(layers.LSTM(12, return_sequences=True)(y))
    return keras.Model(x, layers.Dense(6, activation="softmax")(y))


def ecg_cnn_bilstm() -> Any:
    """Oh et al. 2018, arrhythmia by convolutions and an LSTM."""
    y = x = keras.Input((60, 1))
    for filters, size in ((3, 20), (6, 10), (6, 5)):
        y = layers.Conv1D(filters, size, padding="same", activation="relu")(y)
        y = layers.MaxPooling1D(2)(y)
    y = layers.Bidirectional(layers.LSTM(6))(y)
    return keras.Model(x, layers.Dense(5, activation="softmax")(y))


def energy_disaggregation() -> Any:
    """Kelly and Knottenbelt 2015, neural NILM."""
    x = keras.Input((32, 1))
    y = layers.Conv1D(4, 4, padding="same")(x)
    y = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(y)
    y = layers.Bidirectional(layers.LSTM(12, return_sequences=True))(y)
    return keras.Model(x, layers.Dense(1)(layers.Dense(8, activation="tanh")(y)))


def world_model() -> Any:
    """Ha and Schmidhuber 2018, the MDN-RNN of World Models, with its states."""
    x, h, c = keras.Input((None, 11)), keras.Input((12,)), keras.Input((12,))
    lstm = layers.LSTM(12, return_sequences=True, return_state=True)
    y, *states = lstm(x, initial_state=[h, c])
    return keras.Model([x, h, c], [layers.Dense(30)(y), *states])


def remaining_life() -> Any:
    """Zheng et al. 2017, the remaining life of turbofan engines."""
    x = keras.Input((30, 14))
    y = layers.LSTM(8)(layers.LSTM(16, return_sequences=True)(x))
    return keras.Model(x, layers.Dense(1, activation="relu")(layers.Dense(6, activation="relu")(y)))


def stacked_residual_gru() -> Any:
    """Wu et al. 2016, residual recurrent layers as in GNMT's encoder."""
    x = keras.Input((None, 12))
    y = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(x)
    for _ in range(3):
        y = y + layers.LSTM(12, return_sequences=True)(y)
    return keras.Model(x, y)


def clockwork_dilated() -> Any:
    """Chang et al. 2017, a dilated recurrent layer as interleaved sequences."""
    x = keras.Input((16, 6))
    y = layers.SimpleRNN(8, return_sequences=True)(x)
    parts = [layers.SimpleRNN(8, return_sequences=True)(y[:, k::2]) for k in range(2)]
    y = layers.Reshape((16, 8))(ops.stack(parts, axis=2))
    return keras.Model(x, layers.Dense(3)(y))


def irregular_gru_decay() -> Any:
    """Che et al. 2018, GRU-D's idea: inputs decayed by the time since they were seen."""
    x, since = keras.Input((None, 5)), keras.Input((None, 5))
    decay = ops.exp(-ops.relu(layers.Dense(5)(since)))
    y = layers.GRU(8)(layers.Concatenate()([x * decay, since]))
    return keras.Model([x, since], layers.Dense(1, activation="sigmoid")(y))


def variational_encoder() -> Any:
    """Bowman et al. 2016, the encoder of a sequence VAE."""
    x = keras.Input((None, 8))
    h = layers.GRU(10)(x)
    return keras.Model(x, [layers.Dense(4)(h), layers.Dense(4)(h)])
