"""Published models of speech, music, images and video, as small builds of their architectures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnnlite_pipeline.toolchain import load

keras: Any = load("keras")
layers, ops = keras.layers, keras.ops


def deep_speech_2() -> Any:
    """keras.io/examples/audio/ctc_asr (DeepSpeech 2)."""
    x = keras.Input((None, 32))
    y = layers.Reshape((-1, 32, 1))(x)
    for stride in ((2, 2), (1, 2)):
        y = layers.Conv2D(4, (5, 5), stride, padding="same", use_bias=False)(y)
        y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.Reshape((-1, 32))(y)
    for _ in range(3):
        y = layers.Bidirectional(layers.GRU(8, return_sequences=True, reset_after=True))(y)
        y = layers.Dropout(0.5)(y)
    return keras.Model(x, layers.Dense(29, activation="softmax")(y))


def listener() -> Any:
    """Chan et al. 2016, the pyramidal listener of Listen, Attend and Spell."""
    y = x = keras.Input((24, 10))
    for length in (24, 12, 6):
        y = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(y)
        y = layers.Reshape((length // 2, 24))(y)
    return keras.Model(x, y)


def transducer_prediction() -> Any:
    """Graves 2012, the prediction network of an RNN transducer, with its states."""
    x, h, c = keras.Input((None,), dtype="int32"), keras.Input((12,)), keras.Input((12,))
    lstm = layers.LSTM(12, return_sequences=True, return_state=True)
    return keras.Model([x, h, c], lstm(layers.Embedding(30, 8)(x), initial_state=[h, c]))


def dtln_core() -> Any:
    """Westhausen and Meyer 2020, DTLN: one separation core."""
    x = keras.Input((None, 33))
    y = x
    for _ in range(2):
        y = layers.Dropout(0.25)(layers.LSTM(16, return_sequences=True)(y))
    return keras.Model(x, x * layers.Dense(33, activation="sigmoid")(y))


def rnnoise() -> Any:
    """Valin 2018, RNNoise: three GRUs that read each other."""
    x = keras.Input((None, 42))
    y = layers.Dense(24, activation="tanh")(x)
    voice = layers.GRU(24, return_sequences=True, reset_after=False)(y)
    noise = layers.GRU(24, activation="relu", return_sequences=True, reset_after=False)(
        layers.Concatenate()([y, voice, x])
    )
    gains = layers.GRU(32, return_sequences=True, reset_after=False)(
        layers.Concatenate()([voice, noise, x])
    )
    active = layers.Dense(1, activation="sigmoid")(voice)
    return keras.Model(x, [layers.Dense(22, activation="sigmoid")(gains), active])


def keyword_crnn() -> Any:
    """Zhang et al. 2017 (Hello Edge), keyword spotting: convolution and two GRUs."""
    x = keras.Input((49, 10))
    y = layers.Reshape((49, 10, 1))(x)
    y = layers.Conv2D(8, (10, 4), (2, 2), activation="relu")(y)
    y = layers.Reshape((20, 32))(y)
    y = layers.GRU(12)(layers.GRU(12, return_sequences=True)(y))
    return keras.Model(x, layers.Dense(12, activation="softmax")(y))


def attention_keywords() -> Any:
    """de Andrade et al. 2018, keyword spotting with attention over bidirectional LSTMs."""
    x = keras.Input((40, 20))
    y = layers.Reshape((40, 20, 1))(x)
    y = layers.Conv2D(4, (5, 1), activation="relu", padding="same")(y)
    y = layers.Conv2D(1, (5, 1), activation="relu", padding="same")(y)
    y = layers.Reshape((40, 20))(y)
    for _ in range(2):
        y = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(y)
    query = layers.Dense(16)(y[:, -1])
    scores = layers.Softmax()(layers.Dot(axes=(1, 2))([query, y]))
    return keras.Model(x, layers.Dense(12, activation="softmax")(layers.Dot(axes=1)([scores, y])))


def tacotron_encoder() -> Any:
    """Wang et al. 2017, Tacotron's CBHG: convolutions, highways and a bidirectional GRU."""
    x = keras.Input((None, 12))
    bank = [layers.Conv1D(6, k, padding="same", activation="relu")(x) for k in (1, 2, 3, 4)]
    y = layers.MaxPooling1D(2, 1, padding="same")(layers.Concatenate()(bank))
    y = layers.Conv1D(12, 3, padding="same")(y) + x
    for _ in range(2):
        gate = layers.Dense(12, activation="sigmoid")(y)
        y = gate * layers.Dense(12, activation="relu")(y) + (1.0 - gate) * y
    return keras.Model(x, layers.Bidirectional(layers.GRU(8, return_sequences=True))(y))


def tacotron_2_encoder() -> Any:
    """Shen et al. 2018, Tacotron 2's encoder."""
    x = keras.Input((None,), dtype="int32")
    y = layers.Embedding(40, 12)(x)
    for _ in range(3):
        y = layers.ReLU()(layers.BatchNormalization()(layers.Conv1D(12, 5, padding="same")(y)))
    return keras.Model(x, layers.Bidirectional(layers.LSTM(8, return_sequences=True))(y))


def onsets_and_frames() -> Any:
    """Hawthorne et al. 2018, piano transcription (Magenta)."""
    x = keras.Input((None, 24))

    def heard() -> Any:
        y = layers.Reshape((-1, 24, 1))(x)
        y = layers.Conv2D(4, 3, padding="same", activation="relu")(y)
        y = layers.MaxPooling2D((1, 2))(y)
        return layers.Dense(12, activation="relu")(layers.Reshape((-1, 48))(y))

    onset = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(heard())
    onset = layers.Dense(22, activation="sigmoid")(onset)
    both = layers.Concatenate()([onset, layers.Dense(22, activation="sigmoid")(heard())])
    frame = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(both)
    return keras.Model(x, [onset, layers.Dense(22, activation="sigmoid")(frame)])


def melody_rnn() -> Any:
    """Magenta's melody RNN: two LSTM layers over one-hot events."""
    x = keras.Input((None, 38))
    y = layers.LSTM(16, return_sequences=True)(layers.LSTM(16, return_sequences=True)(x))
    return keras.Model(x, layers.Dense(38, activation="softmax")(y))


def sketch_rnn_encoder() -> Any:
    """Ha and Eck 2018, sketch-rnn's encoder."""
    x = keras.Input((None, 5))
    h = layers.Bidirectional(layers.LSTM(12))(x)
    return keras.Model(x, [layers.Dense(6)(h), layers.Dense(6)(h)])


def sketch_rnn_decoder() -> Any:
    """Ha and Eck 2018, sketch-rnn's decoder: its first state is computed from z."""
    x, z = keras.Input((20, 5)), keras.Input((6,))
    start = layers.Dense(24, activation="tanh")(z)
    h, c = ops.split(start, 2, axis=1)
    y = layers.Concatenate()([x, layers.RepeatVector(20)(z)])
    y = layers.LSTM(12, return_sequences=True)(y, initial_state=[h, c])
    return keras.Model([x, z], layers.Dense(17)(y))


def ddsp_decoder() -> Any:
    """Engel et al. 2020, DDSP's RNN decoder."""
    pitch, loudness = keras.Input((None, 1)), keras.Input((None, 1))

    def stack(y: Any) -> Any:
        for _ in range(2):
            y = layers.LeakyReLU()(layers.LayerNormalization()(layers.Dense(12)(y)))
        return y

    y = layers.Concatenate()([stack(pitch), stack(loudness)])
    y = layers.Concatenate()([layers.GRU(12, return_sequences=True)(y), pitch, loudness])
    return keras.Model([pitch, loudness], layers.Dense(20)(stack(y)))


def music_generation() -> Any:
    """tensorflow.org/tutorials/audio/music_generation."""
    x = keras.Input((25, 3))
    y = layers.LSTM(16)(x)
    return keras.Model(x, [layers.Dense(32)(y), layers.Dense(1)(y), layers.Dense(1)(y)])


def music_tagger() -> Any:
    """Choi et al. 2017, music tagging: convolutions and two GRUs."""
    x = keras.Input((24, 48, 1))
    y = x
    for pool in ((2, 2), (3, 2), (4, 2)):
        y = layers.Conv2D(6, 3, padding="same")(y)
        y = layers.MaxPooling2D(pool)(layers.ELU()(layers.BatchNormalization()(y)))
    y = layers.Reshape((6, 6))(layers.Permute((2, 1, 3))(y))
    y = layers.GRU(8)(layers.GRU(8, return_sequences=True)(y))
    return keras.Model(x, layers.Dense(10, activation="sigmoid")(y))


def sound_events() -> Any:
    """Cakir et al. 2017, sound event detection."""
    x = keras.Input((None, 20))
    y = layers.Reshape((-1, 20, 1))(x)
    for pool in (5, 2):
        y = layers.MaxPooling2D((1, pool))(
            layers.Conv2D(6, 3, padding="same", activation="relu")(y)
        )
    y = layers.Reshape((-1, 12))(y)
    y = layers.Bidirectional(layers.GRU(8, return_sequences=True), merge_mode="mul")(y)
    return keras.Model(x, layers.Dense(6, activation="sigmoid")(y))


def _text_lines(shape: Sequence[int], classes: int) -> Any:
    x = keras.Input(shape)
    y = x
    for filters in (4, 8):
        y = layers.MaxPooling2D(2)(layers.Conv2D(filters, 3, padding="same", activation="relu")(y))
    y = layers.Reshape((shape[0] // 4, shape[1] // 4 * 8))(y)
    y = layers.Dense(12, activation="relu")(y)
    for _ in range(2):
        y = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(y)
    return keras.Model(x, layers.Dense(classes, activation="softmax")(y))


def captcha_ocr() -> Any:
    """keras.io/examples/vision/captcha_ocr."""
    return _text_lines((40, 16, 1), 20)


def handwriting_recognition() -> Any:
    """keras.io/examples/vision/handwriting_recognition."""
    return _text_lines((32, 8, 1), 30)


def crnn() -> Any:
    """Shi et al. 2017, CRNN for scene text."""
    x = keras.Input((16, 40, 1))
    y = x
    for pool in ((2, 2), (2, 2), (2, 1), (2, 1)):
        y = layers.MaxPooling2D(pool)(layers.Conv2D(6, 3, padding="same", activation="relu")(y))
    y = layers.Permute((2, 1, 3))(y)
    y = layers.Reshape((10, 6))(y)
    for _ in range(2):
        y = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(y)
    return keras.Model(x, layers.Dense(37, activation="softmax")(y))


def video_classification() -> Any:
    """keras.io/examples/vision/video_classification: masked features of frames."""
    x, mask = keras.Input((20, 16)), keras.Input((20,), dtype="bool")
    y = layers.GRU(8, return_sequences=True)(x, mask=mask)
    y = layers.Dense(8, activation="relu")(layers.GRU(8)(y))
    return keras.Model([x, mask], layers.Dense(5, activation="softmax")(y))


def next_frame() -> Any:
    """keras.io/examples/vision/conv_lstm."""
    x = keras.Input((6, 8, 8, 1))
    y = layers.ConvLSTM2D(4, 3, padding="same", return_sequences=True, activation="relu")(x)
    return keras.Model(x, layers.Conv3D(1, 3, padding="same", activation="sigmoid")(y))
