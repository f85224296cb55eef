"""Recurrent models of Keras's examples of all years, and of what its users publish, small."""

from __future__ import annotations

from typing import Any

from rnnlite_pipeline.toolchain import load

keras: Any = load("keras")
layers, ops = keras.layers, keras.ops

WORDS = 50


def mnist_hierarchical() -> Any:
    """keras-team/keras 1.x examples/mnist_hierarchical_rnn: an LSTM of rows, one of columns."""
    x = keras.Input((8, 8, 1))
    rows = layers.TimeDistributed(layers.LSTM(6))(x)
    return keras.Model(x, layers.Dense(10, activation="softmax")(layers.LSTM(6)(rows)))


def mnist_irnn() -> Any:
    """keras-team/keras 1.x examples/mnist_irnn: ReLU and an identity kernel, pixel by pixel."""
    x = keras.Input((64, 1))
    y = layers.SimpleRNN(10, activation="relu", recurrent_initializer="identity")(x)
    return keras.Model(x, layers.Dense(10, activation="softmax")(y))


def imdb_cnn_lstm() -> Any:
    """keras-team/keras 2.x examples/imdb_cnn_lstm."""
    x = keras.Input((20,), dtype="int32")
    y = layers.Dropout(0.25)(layers.Embedding(WORDS, 12)(x))
    y = layers.MaxPooling1D(4)(layers.Conv1D(8, 5, activation="relu")(y))
    return keras.Model(x, layers.Dense(1, activation="sigmoid")(layers.LSTM(7)(y)))


def babi_rnn() -> Any:
    """keras-team/keras 2.x examples/babi_rnn: the question repeated beside each word of a story."""
    story, question = keras.Input((12,), dtype="int32"), keras.Input((4,), dtype="int32")
    told = layers.Dropout(0.3)(layers.Embedding(WORDS, 10)(story))
    asked = layers.LSTM(10)(layers.Dropout(0.3)(layers.Embedding(WORDS, 10)(question)))
    y = layers.LSTM(10)(layers.Add()([told, layers.RepeatVector(12)(asked)]))
    return keras.Model([story, question], layers.Dense(WORDS, activation="softmax")(y))


def babi_memory() -> Any:
    """keras-team/keras 2.x examples/babi_memnn: a memory network with an LSTM at its end."""
    story, question = keras.Input((12,), dtype="int32"), keras.Input((4,), dtype="int32")
    m, c = layers.Embedding(WORDS, 8)(story), layers.Embedding(WORDS, 4)(story)
    u = layers.Embedding(WORDS, 8)(question)
    match = layers.Activation("softmax")(layers.Dot(axes=(2, 2))([m, u]))
    response = layers.Permute((2, 1))(layers.Add()([match, c]))
    y = layers.LSTM(9)(layers.Concatenate()([response, u]))
    return keras.Model([story, question], layers.Activation("softmax")(layers.Dense(WORDS)(y)))


def image_ocr() -> Any:
    """keras-team/keras 2.x examples/image_ocr: GRUs ahead and back, summed, then joined."""
    x = keras.Input((16, 8, 1))
    y = layers.MaxPooling2D(2)(layers.Conv2D(4, 3, padding="same", activation="relu")(x))
    y = layers.Dense(8, activation="relu")(layers.Reshape((8, 16))(y))
    ahead = layers.GRU(6, return_sequences=True)(y)
    back = layers.GRU(6, return_sequences=True, go_backwards=True)(y)
    y = layers.Add()([ahead, back])
    ahead = layers.GRU(6, return_sequences=True)(y)
    back = layers.GRU(6, return_sequences=True, go_backwards=True)(y)
    y = layers.Concatenate()([ahead, back])
    return keras.Model(x, layers.Activation("softmax")(layers.Dense(11)(y)))


def conv_lstm_movies() -> Any:
    """keras-team/keras 2.x examples/conv_lstm: layers of ConvLSTM2D and a Conv3D."""
    x = y = keras.Input((None, 8, 8, 1))
    for _ in range(2):
        y = layers.ConvLSTM2D(4, 3, padding="same", return_sequences=True)(y)
        y = layers.BatchNormalization()(y)
    return keras.Model(x, layers.Conv3D(1, 3, padding="same", activation="sigmoid")(y))


def conv_lstm_activity() -> Any:
    """learnopencv.com's activity recognition: ConvLSTM2D with dropout and 3-D pooling between."""
    x = y = keras.Input((6, 16, 16, 3))
    for filters in (4, 6):
        y = layers.ConvLSTM2D(
            filters, 3, activation="tanh", recurrent_dropout=0.2, return_sequences=True
        )(y)
        y = layers.MaxPooling3D((1, 2, 2), padding="same")(y)
        y = layers.TimeDistributed(layers.Dropout(0.2))(y)
    return keras.Model(x, layers.Dense(4, activation="softmax")(layers.Flatten()(y)))


def conv_lstm_of_series() -> Any:
    """keras.io/api/layers/recurrent_layers/conv_lstm1d: ConvLSTM1D over windows of a series."""
    x = keras.Input((4, 12, 2))
    y = layers.ConvLSTM1D(5, 3, padding="same", return_sequences=True)(x)
    y = layers.ConvLSTM1D(5, 3, strides=2, go_backwards=True)(y)
    return keras.Model(x, layers.Dense(3)(layers.Flatten()(y)))


def conv_lstm_of_volumes() -> Any:
    """keras.io/api/layers/recurrent_layers/conv_lstm3d: ConvLSTM3D over volumes."""
    x = keras.Input((3, 4, 6, 6, 1))
    y = layers.ConvLSTM3D(3, 3, padding="same")(x)
    return keras.Model(x, layers.Dense(2)(layers.GlobalAveragePooling3D()(y)))


def recurrent_convolutional() -> Any:
    """Donahue et al. 2015, LRCN: a convolutional network on each frame, and an LSTM."""
    x = keras.Input((5, 16, 16, 3))
    y = layers.TimeDistributed(layers.Conv2D(4, 3, padding="same", activation="relu"))(x)
    y = layers.TimeDistributed(layers.MaxPooling2D(4))(y)
    y = layers.TimeDistributed(layers.Flatten())(layers.TimeDistributed(layers.Dropout(0.2))(y))
    return keras.Model(x, layers.Dense(4, activation="softmax")(layers.LSTM(8)(y)))


def action_detection() -> Any:
    """Sign language by MediaPipe's landmarks, as many repositories have it: three ReLU LSTMs."""
    x = y = keras.Input((30, 24))
    for units, sequences in ((8, True), (16, True), (8, False)):
        y = layers.LSTM(units, return_sequences=sequences, activation="relu")(y)
    y = layers.Dense(8, activation="relu")(y)
    return keras.Model(x, layers.Dense(3, activation="softmax")(y))


def stateful_forecast() -> Any:
    """keras-team/keras 2.x examples/lstm_stateful: two layers that go on from call to call."""
    x = keras.Input(batch_shape=(1, 4, 2))
    y = layers.LSTM(6, stateful=True, return_sequences=True)(x)
    return keras.Model(x, layers.Dense(1)(layers.GRU(6, stateful=True)(y)))


def masked_stack() -> Any:
    """A tagger as Keras's guide to masking has it: the mask goes through four kinds of layers."""
    x = keras.Input((None,), dtype="int32")
    y = layers.Embedding(WORDS, 8, mask_zero=True)(x)
    y = layers.Bidirectional(layers.GRU(6, return_sequences=True), merge_mode="sum")(y)
    y = layers.Dropout(0.2)(layers.SimpleRNN(6, return_sequences=True)(y))
    y = layers.TimeDistributed(layers.Dense(6, activation="relu"))(y)
    y = layers.LSTM(6, return_sequences=True, go_backwards=True)(y)
    return keras.Model(x, layers.Dense(5)(layers.GRU(4)(y)))


def masked_values() -> Any:
    """Lipton et al. 2016, diagnoses from clinical series: padded steps are masked, two layers."""
    x = keras.Input((None, 7))
    y = layers.Masking(-1.0)(x)
    y = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(y)
    y = layers.Bidirectional(layers.LSTM(6), merge_mode="mul")(y)
    return keras.Model(x, layers.Dense(5, activation="sigmoid")(y))


def merged_apart() -> Any:
    """Bidirectional with merge_mode None, of two different cells, and ave."""
    x = keras.Input((None, 5))
    back = layers.LSTM(8, return_sequences=True, go_backwards=True, activation="relu")
    one, other = layers.Bidirectional(
        layers.LSTM(8, return_sequences=True), merge_mode=None, backward_layer=back
    )(x)
    y = layers.Concatenate()([one, layers.LayerNormalization()(other)])
    y = layers.Bidirectional(layers.GRU(6, return_sequences=True), merge_mode="ave")(y)
    return keras.Model(x, layers.Dense(2)(y))


def stacked_cells() -> Any:
    """keras.io/api/layers/recurrent_layers/rnn: StackedRNNCells of three kinds, with states."""
    x = keras.Input((None, 5))
    cells = [layers.LSTMCell(6), layers.GRUCell(7), layers.SimpleRNNCell(8)]
    y, *states = layers.RNN(cells, return_sequences=True, return_state=True)(x)
    flat = keras.tree.flatten(states)
    return keras.Model(x, [layers.Dense(2)(y), *flat])


def translator_with_attention() -> Any:
    """Luong et al. 2015 with AdditiveAttention: stacked encoder, its states into the decoder."""
    source, target = (keras.Input((None,), dtype="int32") for _ in range(2))
    x = layers.Embedding(WORDS, 8, mask_zero=True)(source)
    x, *first = layers.LSTM(8, return_sequences=True, return_state=True)(x)
    x, *second = layers.LSTM(8, return_sequences=True, return_state=True)(x)
    y = layers.Embedding(WORDS, 8, mask_zero=True)(target)
    y = layers.LSTM(8, return_sequences=True)(y, initial_state=first)
    y = layers.LSTM(8, return_sequences=True)(y, initial_state=second)
    context = layers.AdditiveAttention()([y, x])
    y = layers.TimeDistributed(layers.Dense(WORDS, activation="softmax"))(
        layers.Concatenate()([y, context])
    )
    return keras.Model([source, target], y)


def bidirectional_encoder_states() -> Any:
    """Abstractive summaries as many repositories have them: a bidirectional encoder's states."""
    source, target = (keras.Input((None,), dtype="int32") for _ in range(2))
    encoder = layers.Bidirectional(layers.LSTM(6, return_sequences=True, return_state=True))
    x, h, c, hb, cb = encoder(layers.Embedding(WORDS, 8)(source))
    states = [layers.Concatenate()([h, hb]), layers.Concatenate()([c, cb])]
    y = layers.Embedding(WORDS, 8)(target)
    y = layers.LSTM(12, return_sequences=True)(y, initial_state=states)
    y = layers.Concatenate()([y, layers.Attention()([y, x])])
    return keras.Model([source, target], layers.Dense(WORDS, activation="softmax")(y))


def image_captions() -> Any:
    """Vinyals et al. 2015, Show and Tell: an image's features are the first word."""
    image, words = keras.Input((12,)), keras.Input((7,), dtype="int32")
    first = layers.RepeatVector(1)(layers.Dense(8)(image))
    y = layers.Concatenate(axis=1)([first, layers.Embedding(WORDS, 8)(words)])
    y = layers.LSTM(8, return_sequences=True)(y)
    return keras.Model([image, words], layers.Dense(WORDS)(y))


def captions_from_state() -> Any:
    """Karpathy and Fei-Fei 2015, captions: an image's features are the first state."""
    image, words = keras.Input((12,)), keras.Input((None,), dtype="int32")
    state = layers.Dense(8, activation="tanh")(image)
    y = layers.Embedding(WORDS, 8, mask_zero=True)(words)
    y = layers.LSTM(8)(y, initial_state=[state, state])
    return keras.Model([image, words], layers.Dense(WORDS, activation="softmax")(y))


def visual_questions() -> Any:
    """Antol et al. 2015, visual question answering: image features times an LSTM's state."""
    image, words = keras.Input((16,)), keras.Input((9,), dtype="int32")
    y = layers.LSTM(8, return_sequences=True)(layers.Embedding(WORDS, 6)(words))
    y = layers.Dense(8, activation="tanh")(layers.LSTM(8)(y))
    y = layers.Multiply()([layers.Dense(8, activation="tanh")(image), y])
    return keras.Model([image, words], layers.Dense(6, activation="softmax")(y))


def time_to_vector() -> Any:
    """Kazemi et al. 2019, Time2Vec: periods of the time beside the input of an LSTM."""
    x = keras.Input((None, 3))
    straight, waves = layers.Dense(1)(x[..., :1]), ops.sin(layers.Dense(4)(x[..., :1]))
    y = layers.LSTM(8, return_sequences=True)(layers.Concatenate()([x, straight, waves]))
    y = layers.MultiHeadAttention(2, 4)(y, y)
    return keras.Model(x, layers.Dense(1)(layers.GlobalAveragePooling1D()(y)))


def convolutions_then_gru() -> Any:
    """Bai et al. 2018, TCN: dilated causal residual blocks, and a GRU after them."""
    x = keras.Input((None, 4))
    y = layers.Conv1D(6, 1)(x)
    for dilation in (1, 2, 4):
        inner = layers.Conv1D(6, 3, padding="causal", dilation_rate=dilation)(y)
        inner = layers.Activation("relu")(layers.LayerNormalization()(inner))
        inner = layers.Conv1D(6, 3, padding="causal", dilation_rate=dilation)(inner)
        y = layers.Activation("relu")(layers.Add()([y, inner]))
    return keras.Model(x, layers.Dense(2)(layers.GRU(6)(y)))


def sequence_autoencoder_reversed() -> Any:
    """Sutskever et al. 2014: the source is read backwards, the decoder is given its states."""
    source, target = keras.Input((None, 9)), keras.Input((None, 9))
    _, h, c = layers.LSTM(8, go_backwards=True, return_state=True)(source)
    y, h, c = layers.LSTM(8, return_sequences=True, return_state=True)(target, initial_state=[h, c])
    return keras.Model([source, target], [layers.Dense(9)(y), h, c])


def recurrent_policy() -> Any:
    """TF-Agents' LstmEncodingNetwork: dense layers, LSTM steps that an episode's start resets."""
    observation, starts = keras.Input((None, 5)), keras.Input((None, 1))
    states = [keras.Input((8,)), keras.Input((8,))]

    class Resetting(layers.Layer):  # type: ignore[misc, name-defined]
        state_size = (8, 8)
        output_size = 8

        def build(self, _shape: Any) -> None:
            self.cell = layers.LSTMCell(8)
            self.cell.build((None, 6))
            self.built = True

        def call(self, inputs: Any, held: Any) -> Any:
            go_on = ops.cast(inputs[:, 6:] < 0.5, "float32")
            return self.cell(inputs[:, :6], [each * go_on for each in held])

    y = layers.Concatenate()([layers.Dense(6, activation="relu")(observation), starts])
    y, h, c = layers.RNN(Resetting(), return_sequences=True, return_state=True)(
        y, initial_state=states
    )
    y = layers.Dense(6, activation="relu")(y)
    return keras.Model(
        [observation, starts, *states], [layers.Dense(3, activation="tanh")(y), h, c]
    )


def actor_and_critic() -> Any:
    """Mnih et al. 2016, A3C with an LSTM: convolutions of each frame, last action and reward."""
    frames, action = keras.Input((None, 12, 12, 1)), keras.Input((None, 4))
    reward, h, c = keras.Input((None, 1)), keras.Input((8,)), keras.Input((8,))
    y = layers.TimeDistributed(layers.Conv2D(4, 4, strides=2, activation="elu"))(frames)
    y = layers.TimeDistributed(layers.Flatten())(y)
    y = layers.Concatenate()([layers.Dense(8, activation="relu")(y), action, reward])
    y, h2, c2 = layers.LSTM(8, return_sequences=True, return_state=True)(y, initial_state=[h, c])
    heads = [layers.Dense(4, activation="softmax")(y), layers.Dense(1)(y)]
    return keras.Model([frames, action, reward, h, c], [*heads, h2, c2])


def mixture_density() -> Any:
    """github.com/cpmpercussion/robojam: two LSTMs and a mixture density layer for touches."""
    x = keras.Input((None, 3))
    y = layers.LSTM(8, return_sequences=True)(x)
    y = layers.LSTM(8)(y)
    means, spreads = layers.Dense(15)(y), layers.Dense(15, activation="elu")(y) + 1.0 + 1e-7
    return keras.Model(x, layers.Concatenate()([means, spreads, layers.Dense(5)(y)]))


def deepmoji() -> Any:
    """Felbo et al. 2017, DeepMoji: two bidirectional LSTMs with skips, weighted attention."""
    x = keras.Input((None,), dtype="int32")
    e = layers.Activation("tanh")(layers.Embedding(WORDS, 8, mask_zero=False)(x))
    one = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(e)
    two = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(one)
    y = layers.Concatenate()([two, one, e])
    scores = layers.Dense(1, use_bias=False)(y)
    raised = ops.exp(scores - ops.max(scores, axis=1, keepdims=True))
    y = ops.sum(y * raised / (ops.sum(raised, axis=1, keepdims=True) + 1e-7), axis=1)
    return keras.Model(x, layers.Dense(7, activation="softmax")(y))


def text_generator_with_context() -> Any:
    """github.com/minimaxir/textgenrnn: two LSTMs and the embedding, attention by a softmax."""
    x = keras.Input((10,), dtype="int32")
    e = layers.Embedding(WORDS, 8)(x)
    one = layers.LSTM(8, return_sequences=True)(e)
    two = layers.LSTM(8, return_sequences=True)(one)
    y = layers.Concatenate()([e, one, two])
    weights = ops.softmax(layers.Dense(1)(y), axis=1)
    return keras.Model(x, layers.Dense(WORDS, activation="softmax")(ops.sum(y * weights, axis=1)))


def convolution_and_recurrent_regressor() -> Any:
    """Borovykh-like load forecasts: Conv1D, pooling and an unrolled, regularized GRU."""
    x = keras.Input((12, 5))
    y = layers.MaxPooling1D(2)(layers.Conv1D(8, 3, activation="relu", padding="same")(x))
    y = layers.GRU(8, unroll=True, reset_after=False, kernel_regularizer="l2")(y)
    return keras.Model(x, layers.Dense(4)(layers.Dropout(0.1)(y)))


def speech_emotion() -> Any:
    """Zhao et al. 2019, speech emotions: 2-D convolutions of a log-mel spectrogram, then LSTM."""
    x = keras.Input((16, 24, 1))
    y = x
    for filters in (4, 6):
        y = layers.Conv2D(filters, 3, padding="same")(y)
        y = layers.Activation("elu")(layers.BatchNormalization()(y))
        y = layers.MaxPooling2D(2)(y)
    y = layers.Reshape((6, 24))(layers.Permute((2, 1, 3))(y))
    return keras.Model(x, layers.Dense(7, activation="softmax")(layers.LSTM(8)(y)))


def signature_of_two_rates() -> Any:
    """Multi-rate sensors: three inputs of different lengths, three kinds of layers, joined."""
    one, two, three = keras.Input((20, 3)), keras.Input((10, 4)), keras.Input((None, 2))
    y = [layers.LSTM(6)(one), layers.GRU(6)(two), layers.SimpleRNN(6)(three)]
    return keras.Model([one, two, three], layers.Dense(3)(layers.Concatenate()(y)))


def recurrent_dqn() -> Any:
    """Kapturowski et al. 2019, R2D2: a dueling head over an LSTM with stored states."""
    x, h, c = keras.Input((None, 6)), keras.Input((8,)), keras.Input((8,))
    y, h2, c2 = layers.LSTM(8, return_sequences=True, return_state=True)(x, initial_state=[h, c])
    value, advantage = layers.Dense(1)(y), layers.Dense(4)(y)
    return keras.Model(
        [x, h, c], [value + advantage - ops.mean(advantage, axis=-1, keepdims=True), h2, c2]
    )


def gated_convolution_gru() -> Any:
    """Ballas et al. 2016, convolutional GRU: its gates are convolutions of frames and state."""
    size = (6, 6, 3)

    class Cell(layers.Layer):  # type: ignore[misc, name-defined]
        state_size = (6 * 6 * 3,)
        output_size = 6 * 6 * 3

        def build(self, _shape: Any) -> None:
            self.gates = layers.Conv2D(6, 3, padding="same", activation="sigmoid")
            self.candidate = layers.Conv2D(3, 3, padding="same", activation="tanh")
            for layer in (self.gates, self.candidate):
                layer.build((None, 6, 6, 5))
            self.built = True

        def call(self, inputs: Any, states: Any) -> Any:
            h, x = ops.reshape(states[0], (-1, *size)), ops.reshape(inputs, (-1, 6, 6, 2))
            z, r = ops.split(self.gates(ops.concatenate([x, h], -1)), 2, axis=-1)
            candidate = self.candidate(ops.concatenate([x, r * h], -1))
            h = ops.reshape((1 - z) * h + z * candidate, (-1, 6 * 6 * 3))
            return h, [h]

    x = keras.Input((None, 6, 6, 2))
    y = layers.RNN(Cell(), return_sequences=True)(layers.Reshape((-1, 72))(x))
    y = layers.Reshape((-1, *size))(y)
    return keras.Model(x, layers.TimeDistributed(layers.Conv2D(1, 1))(y))


def learned_first_state() -> Any:
    """A learned initial state, as trainable-initial-state-rnn has it: broadcast to the batch."""
    x = keras.Input((None, 5))

    class First(layers.Layer):  # type: ignore[misc, name-defined]
        def build(self, _shape: Any) -> None:
            self.state = self.add_weight(shape=(2, 8), initializer="glorot_normal", name="first")
            self.built = True

        def call(self, inputs: Any) -> Any:
            rows = ops.zeros((ops.shape(inputs)[0], 1))
            return self.state[0] + rows, self.state[1] + rows

    h, c = First()(x)
    y = layers.LSTM(8, return_sequences=True)(x, initial_state=[h, c])
    return keras.Model(x, layers.Dense(2)(y))


def windows_of_two_lengths() -> Any:
    """Sales forecasts: an encoder, a repeated vector, and what is known of the future."""
    past, future = keras.Input((14, 4)), keras.Input((5, 3))
    y, h, c = layers.LSTM(8, return_state=True)(past)
    y = layers.Concatenate()([layers.RepeatVector(5)(layers.BatchNormalization()(y)), future])
    y = layers.LSTM(8, return_sequences=True)(y, initial_state=[h, c])
    y = layers.TimeDistributed(layers.Dense(4, activation="relu"))(y)
    return keras.Model([past, future], layers.TimeDistributed(layers.Dense(1))(y))
