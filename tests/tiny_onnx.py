"""A dual encoder of a few nodes, written byte by byte so that no test needs the onnx package or a download."""

import random
import struct

FLOAT, INT64 = 1, 7


def _varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def _field(tag, value):
    """One field of a protobuf message: a number, text, or bytes."""
    if isinstance(value, int):
        return _varint(tag << 3) + _varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return _varint(tag << 3 | 2) + _varint(len(raw)) + raw


def _value(name, kind, shape):
    sides = b"".join(_field(1, _field(1, side) if isinstance(side, int) else _field(2, side)) for side in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, sides)))


def _mean(source, target, axes):
    attributes = [
        _field(1, "axes") + b"".join(_field(8, axis) for axis in axes) + _field(20, 7),
        _field(1, "keepdims") + _field(3, 0) + _field(20, 2),
    ]
    ends = _field(1, source) + _field(2, target) + _field(4, "ReduceMean")
    return ends + b"".join(_field(5, attribute) for attribute in attributes)


def _model(nodes, inputs, outputs, initializers=(), padding=0):
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, "tiny")
    graph += b"".join(_field(5, tensor) for tensor in initializers)
    graph += b"".join(_field(11, entry) for entry in inputs) + b"".join(_field(12, entry) for entry in outputs)
    model = _field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 13))
    # noise, so that a lost or doubled block cannot go unseen
    return model + _field(6, random.Random(0).randbytes(padding // 2).hex()) if padding else model


def vision_model(size, padding=0, output="embedding"):
    """Mean colour: (n, 3, size, size) -> (n, 3). `padding`: bytes of notes that make the file larger."""
    return _model(
        [_mean("pixel_values", output, (2, 3))],
        [_value("pixel_values", FLOAT, ("n", 3, size, size))],
        [_value(output, FLOAT, ("n", 3))],
        padding=padding,
    )


def text_model(words=8):
    """Mean of the words' vectors: (n, length) -> (n, 3)."""
    table = struct.pack(f"<{words * 3}f", *range(1, words * 3 + 1))
    gather = _field(1, "table") + _field(1, "input_ids") + _field(2, "looked_up") + _field(4, "Gather")
    tensor = _field(1, words) + _field(1, 3) + _field(2, FLOAT) + _field(8, "table") + _field(9, table)
    return _model(
        [gather, _mean("looked_up", "embedding", (1,))],
        [_value("input_ids", INT64, ("n", "length"))],
        [_value("embedding", FLOAT, ("n", 3))],
        [tensor],
    )


def tokenizer():
    """Eight words, the second of which ends every prompt."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = ["<unk>", "</s>", "a", "photo", "of", "an", "abandoned", "building"]
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    made.add_special_tokens(["<unk>", "</s>"])
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return made.to_str().encode()
