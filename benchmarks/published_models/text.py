"""Published models of text, as small builds of their architectures."""

from __future__ import annotations

from typing import Any

from rnnlite_pipeline.toolchain import load

keras: Any = load("keras")
layers, ops = keras.layers, keras.ops

WORDS = 50


def imdb_bilstm() -> Any:
    """keras.io/examples/nlp/bidirectional_lstm_imdb."""
    x = keras.Input((None,), dtype="int32")
    y = layers.Embedding(WORDS, 16)(x)
    y = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(y)
    y = layers.Bidirectional(layers.LSTM(8))(y)
    return keras.Model(x, layers.Dense(1, activation="sigmoid")(y))


def seq2seq_training() -> Any:
    """keras.io/examples/nlp/lstm_seq2seq, the model that is trained."""
    source, target = keras.Input((None, 12)), keras.Input((None, 14))
    _, h, c = layers.LSTM(8, return_state=True)(source)
    y, _, _ = layers.LSTM(8, return_sequences=True, return_state=True)(target, initial_state=[h, c])
    return keras.Model([source, target], layers.Dense(14, activation="softmax")(y))


def seq2seq_encoder() -> Any:
    """keras.io/examples/nlp/lstm_seq2seq, the encoder."""
    x = keras.Input((None, 12))
    return keras.Model(x, layers.LSTM(8, return_state=True)(x)[1:])


def seq2seq_decoder() -> Any:
    """keras.io/examples/nlp/lstm_seq2seq, the decoder with its states as inputs."""
    x, h, c = keras.Input((None, 14)), keras.Input((8,)), keras.Input((8,))
    cell = layers.LSTM(8, return_sequences=True, return_state=True)
    y, *states = cell(x, initial_state=[h, c])
    return keras.Model([x, h, c], [layers.Dense(14, activation="softmax")(y), *states])


def addition_rnn() -> Any:
    """keras.io/examples/nlp/addition_rnn."""
    x = keras.Input((7, 12))
    y = layers.RepeatVector(4)(layers.LSTM(16)(x))
    y = layers.LSTM(16, return_sequences=True)(y)
    return keras.Model(x, layers.Dense(12, activation="softmax")(y))


def character_text() -> Any:
    """keras.io/examples/generative/lstm_character_level_text_generation."""
    x = keras.Input((40, 20))
    return keras.Model(x, layers.Dense(20, activation="softmax")(layers.LSTM(16)(x)))


def text_classification_rnn() -> Any:
    """tensorflow.org/text/tutorials/text_classification_rnn, from the tokens on."""
    x = keras.Input((None,), dtype="int32")
    y = layers.Embedding(WORDS, 16, mask_zero=True)(x)
    y = layers.Bidirectional(layers.LSTM(16))(y)
    return keras.Model(x, layers.Dense(1)(layers.Dense(16, activation="relu")(y)))


def text_generation_gru() -> Any:
    """tensorflow.org/text/tutorials/text_generation, with its state."""
    x, state = keras.Input((None,), dtype="int32"), keras.Input((16,))
    gru = layers.GRU(16, return_sequences=True, return_state=True)
    y, new = gru(layers.Embedding(WORDS, 8)(x), initial_state=state)
    return keras.Model([x, state], [layers.Dense(WORDS)(y), new])


def nmt_with_attention() -> Any:
    """tensorflow.org/text/tutorials/nmt_with_attention, without subclasses."""
    source, target = (keras.Input((None,), dtype="int32") for _ in range(2))
    encoder = layers.Bidirectional(layers.GRU(16, return_sequences=True), merge_mode="sum")
    context = encoder(layers.Embedding(WORDS, 16)(source))
    y = layers.GRU(16, return_sequences=True)(layers.Embedding(WORDS, 16)(target))
    attended = layers.MultiHeadAttention(key_dim=16, num_heads=1)(query=y, value=context)
    y = layers.LayerNormalization()(layers.Add()([y, attended]))
    return keras.Model([source, target], layers.Dense(WORDS)(y))


def bilstm_attention() -> Any:
    """Zhou et al. 2016, attention over a bidirectional LSTM for relation classification."""
    x = keras.Input((None,), dtype="int32")
    y = layers.Embedding(WORDS, 16)(x)
    y = layers.Bidirectional(layers.LSTM(8, return_sequences=True), merge_mode="sum")(y)
    weights = layers.Softmax(axis=1)(layers.Dense(1, use_bias=False)(layers.Activation("tanh")(y)))
    y = layers.Activation("tanh")(ops.sum(y * weights, axis=1))
    return keras.Model(x, layers.Dense(5, activation="softmax")(y))


def hierarchical_attention() -> Any:
    """Yang et al. 2016, hierarchical attention networks."""
    words = keras.Input((6, 10), dtype="int32")
    y = layers.Embedding(WORDS, 8)(words)
    word = keras.Input((10, 8))
    encoded = layers.Bidirectional(layers.GRU(6, return_sequences=True))(word)
    scores = layers.Softmax(axis=1)(layers.Dense(1)(layers.Dense(6, activation="tanh")(encoded)))
    sentence = keras.Model(word, ops.sum(encoded * scores, axis=1))
    y = layers.Bidirectional(layers.GRU(6, return_sequences=True))(
        layers.TimeDistributed(sentence)(y)
    )
    scores = layers.Softmax(axis=1)(layers.Dense(1)(layers.Dense(6, activation="tanh")(y)))
    return keras.Model(words, layers.Dense(3, activation="softmax")(ops.sum(y * scores, axis=1)))


def word_and_character_tagger() -> Any:
    """Lample et al. 2016, a tagger of words by their characters, before its CRF."""
    words, letters = keras.Input((None,), dtype="int32"), keras.Input((None, 8), dtype="int32")
    one = keras.Input((8,), dtype="int32")
    spelled = layers.Bidirectional(layers.LSTM(4))(layers.Embedding(30, 6)(one))
    each = layers.TimeDistributed(keras.Model(one, spelled))(letters)
    y = layers.Concatenate()([layers.Embedding(WORDS, 12)(words), each])
    y = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(y)
    return keras.Model([words, letters], layers.Dense(9)(y))


def siamese_lstm() -> Any:
    """Mueller and Thyagarajan 2016, one LSTM on two sentences."""
    one, two = (keras.Input((12,), dtype="int32") for _ in range(2))
    embedding, lstm = layers.Embedding(WORDS, 8), layers.LSTM(8)
    a, b = (lstm(embedding(x)) for x in (one, two))
    return keras.Model([one, two], ops.exp(-ops.sum(ops.abs(a - b), axis=1, keepdims=True)))


def esim() -> Any:
    """Chen et al. 2017, ESIM for natural language inference."""
    one, two = (keras.Input((10,), dtype="int32") for _ in range(2))
    embedding = layers.Embedding(WORDS, 8)
    encoder = layers.Bidirectional(layers.LSTM(6, return_sequences=True))
    composer = layers.Bidirectional(layers.LSTM(6, return_sequences=True))
    a, b = (encoder(embedding(x)) for x in (one, two))
    energy = layers.Dot(axes=2)([a, b])
    to_a = layers.Dot(axes=(2, 1))([layers.Softmax(axis=2)(energy), b])
    to_b = layers.Dot(axes=(1, 1))([layers.Softmax(axis=1)(energy), a])
    pooled = []
    for x, aligned in ((a, to_a), (b, to_b)):
        y = composer(layers.Concatenate()([x, aligned, x - aligned, x * aligned]))
        pooled += [layers.GlobalAveragePooling1D()(y), layers.GlobalMaxPooling1D()(y)]
    return keras.Model(
        [one, two], layers.Dense(3, activation="softmax")(layers.Concatenate()(pooled))
    )


def elmo_forward() -> Any:
    """Peters et al. 2018, two LSTM layers with a residual connection."""
    x = keras.Input((None, 16))
    y = layers.LSTM(16, return_sequences=True)(x)
    return keras.Model(x, y + layers.LSTM(16, return_sequences=True)(y))


def gru4rec() -> Any:
    """Hidasi et al. 2016, session-based recommendation."""
    x = keras.Input((None,), dtype="int32")
    y = layers.GRU(16)(layers.Embedding(WORDS, 16)(x))
    return keras.Model(x, layers.Dense(WORDS, activation="tanh")(y))


def knowledge_tracing() -> Any:
    """Piech et al. 2015, deep knowledge tracing, masked."""
    x = keras.Input((None, 20))
    y = layers.LSTM(12, return_sequences=True)(layers.Masking(-1.0)(x))
    return keras.Model(x, layers.Dense(10, activation="sigmoid")(y))


def question_answering() -> Any:
    """Seo et al. 2017, bidirectional attention flow, in short."""
    context, query = keras.Input((14, 8)), keras.Input((6, 8))
    encoder = layers.Bidirectional(layers.LSTM(6, return_sequences=True))
    c, q = encoder(context), encoder(query)
    attended = layers.Attention()([c, q])
    y = layers.Concatenate()([c, attended, c * attended])
    for _ in range(2):
        y = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(y)
    return keras.Model([context, query], layers.Softmax(axis=1)(layers.Dense(1)(y)))
