"""Writes a Qwen3-VL of about 1 MB with random weights as GGUF files, for a real server to load in tests.

What it says is nonsense, and that is enough: the server's protocol, its grammar for JSON schemas, its vision encoder
and its limits are the real ones. Every byte is one token, so that it can read and write any text.

One trick makes the nonsense usable. Dimension 0 of the hidden state is a constant: token embeddings and the picture's
projection set it to `CONSTANT`, and the row that would write to it is zero in every later weight matrix. Column 0 of
the output matrix is thereby a bias for each token's logit, and `_bias` uses it: only printable ASCII is said (half a
character of UTF-8 makes llama-server answer 500), strings and lists end soon, and free text ends at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from gguf import GGUFWriter
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

TEXT, VISION = "tiny-qwen3vl.gguf", "mmproj-tiny-qwen3vl.gguf"
CONSTANT = 4.0
NEVER, PHRASE = -30.0, 1.0
_END = "<|im_end|>"
_BIAS = {'"': 0.06, " ": 0.06, "{": -0.1, ",": -0.55, "]": -0.45, "9": -0.8, "1": -2.4, "\\": NEVER, "`": NEVER}
_BIAS[_END] = -0.3
"""Biases by token, for the temperature 0.2 that the settings have: found by trying. See `_bias` for all others."""

# The text model: hidden width, layers, heads, heads of keys and values, width of a head, of the feed-forward layer.
WIDTH, LAYERS, HEADS, KV_HEADS, HEAD, FORWARD = 64, 2, 2, 1, 32, 128
# The vision encoder: width, layers, heads, feed-forward width, pixels of a patch's side, pixels of the position grid.
V_WIDTH, V_LAYERS, V_HEADS, V_FORWARD, PATCH, SIDE = 32, 2, 2, 64, 16, 64
MERGED = 4 * V_WIDTH
"""The encoder hands on 2 x 2 patches as one."""

_SPECIAL = ["<|endoftext|>", "<|im_start|>", _END, "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>"]
_SPECIAL += ["<|image_pad|>", "<|video_pad|>"]

_MESSAGES = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- endfor %}"
)
CHATML = _MESSAGES + "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
THINKING = _MESSAGES.replace("message.content", "message.content.split('</think>')[-1]") + (
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}"
    "{%- else %}{{- '<think>\\n' }}{%- endif %}{%- endif %}"
)
"""Qwen3's way: the model thinks unless `enable_thinking` is false. The server knows the form by its `</think>`."""


def build(folder: Path, *, phrases: Sequence[str], thinking: bool = False, seed: int = 0) -> Path:
    """Write the text model and its vision projector into a folder, which is made if need be.

    Args:
        phrases: texts that are one token each, which it likes best to say; a schema's make its answers quick.
        thinking: its chat template opens with `<think>`, and whatever it then says is thinking.
        seed: of the weights; another one is another model.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    _write_text(folder / TEXT, rng, THINKING if thinking else CHATML, phrases)
    _write_vision(folder / VISION, rng)
    return folder


def phrases(schema: Mapping[str, Any]) -> list[str]:
    """The names of all properties of a JSON schema as they stand in an answer: `"tag":`."""
    properties = schema.get("properties", {})
    found = dict.fromkeys(f'"{name}":' for name in properties)
    for part in (*properties.values(), *([schema["items"]] if "items" in schema else [])):
        found |= dict.fromkeys(phrases(part))
    return list(found)


def _random(rng: np.random.Generator, *shape: int, scale: float = 0.2) -> Array:
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def _ones(size: int) -> Array:
    return np.ones(size, np.float32)


def _sparing(weights: Array) -> Array:
    """Weights that leave dimension 0 of the hidden state alone."""
    weights[0] = 0
    return weights


def _byte_symbols() -> list[str]:
    """GPT-2's printable symbol for each of the 256 bytes: its own where there is one, else one from 256 on."""
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = iter(range(256, 512))
    return [chr(byte if byte in own else next(rest)) for byte in range(256)]


def _bias(token: str) -> float:
    """What is added to a token's logit, in units of the constant after the last normalisation.

    The order of the digits lets the grammar for years write 1999, so that hardly an interval ends before it begins.
    """
    if token in _BIAS:
        return _BIAS[token]
    if len(token) > 1:
        return PHRASE
    if not token.isascii() or not token.isprintable():
        return NEVER
    return 0.0 if token.islower() else -0.5 if token.isupper() else -5.0 if token.isdigit() else -0.6


def _write_text(path: Path, rng: np.random.Generator, template: str, phrases: Sequence[str]) -> None:
    import gguf

    symbols = _byte_symbols()
    tokens = [*symbols, *("".join(symbols[byte] for byte in phrase.encode()) for phrase in phrases), *_SPECIAL]
    writer = gguf.GGUFWriter(path, "qwen3vl")
    writer.add_name("tiny random Qwen3-VL")
    writer.add_context_length(32768)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(5e6)
    writer.add_rope_dimension_count(HEAD)
    writer.add_rope_dimension_sections([8, 4, 4, 0])
    writer.add_uint32("qwen3vl.n_deepstack_layers", 1)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * (256 + len(phrases)) + [gguf.TokenType.CONTROL] * len(_SPECIAL))
    writer.add_token_merges([f"{symbols[32]} {symbols[32]}"])  # llama.cpp wants the list, and not an empty one
    writer.add_eos_token_id(tokens.index(_END))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(template)

    embedding, output = _random(rng, len(tokens), WIDTH, scale=0.3), _random(rng, len(tokens), WIDTH, scale=0.015)
    embedding[:, 0] = CONSTANT
    output[:, 0] = [
        *(_bias(chr(byte)) for byte in range(256)),
        *map(_bias, phrases),
        *(_BIAS.get(token, NEVER) for token in _SPECIAL),
    ]
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output_norm.weight", _ones(WIDTH))
    writer.add_tensor("output.weight", output)
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        for norm, size in {"attn_norm": WIDTH, "ffn_norm": WIDTH, "attn_q_norm": HEAD, "attn_k_norm": HEAD}.items():
            sharpness = 4 if norm == "attn_q_norm" else 1  # heads look at some tokens, the picture's among them
            writer.add_tensor(f"{block}{norm}.weight", sharpness * _ones(size))
        writer.add_tensor(block + "attn_q.weight", _random(rng, HEADS * HEAD, WIDTH))
        for part in ("attn_k", "attn_v"):
            writer.add_tensor(f"{block}{part}.weight", _random(rng, KV_HEADS * HEAD, WIDTH))
        writer.add_tensor(block + "attn_output.weight", _sparing(_random(rng, WIDTH, HEADS * HEAD)))
        for part in ("ffn_gate", "ffn_up"):
            writer.add_tensor(f"{block}{part}.weight", _random(rng, FORWARD, WIDTH))
        writer.add_tensor(block + "ffn_down.weight", _sparing(_random(rng, WIDTH, FORWARD)))
    _finish(writer)


def _write_vision(path: Path, rng: np.random.Generator) -> None:
    import gguf

    writer = gguf.GGUFWriter(path, "clip")
    writer.add_type("mmproj")
    writer.add_name("tiny random Qwen3-VL, vision")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type("qwen3vl_merger")
    writer.add_vision_projection_dim(WIDTH)
    writer.add_vision_image_size(SIDE)
    writer.add_vision_patch_size(PATCH)
    writer.add_vision_embedding_length(V_WIDTH)
    writer.add_vision_feed_forward_length(V_FORWARD)
    writer.add_vision_block_count(V_LAYERS)
    writer.add_vision_head_count(V_HEADS)
    writer.add_vision_attention_layernorm_eps(1e-6)
    writer.add_vision_image_mean([0.5] * 3)
    writer.add_vision_image_std([0.5] * 3)
    writer.add_vision_use_gelu(True)
    writer.add_vision_spatial_merge_size(2)
    writer.add_vision_is_deepstack_layers([True, False])

    def norm(name: str, size: int) -> None:
        writer.add_tensor(f"{name}.weight", _ones(size))
        writer.add_tensor(f"{name}.bias", _random(rng, size, scale=0.05))

    def linear(name: str, into: int, out: int, scale: float = 0.2) -> None:
        writer.add_tensor(f"{name}.weight", _random(rng, out, into, scale=scale))
        writer.add_tensor(f"{name}.bias", _random(rng, out, scale=0.05))

    for name in ("v.patch_embd.weight", "v.patch_embd.weight.1"):  # Qwen3-VL reads a still as two frames
        writer.add_tensor(name, _random(rng, V_WIDTH, 3, PATCH, PATCH, scale=0.05))
    writer.add_tensor("v.patch_embd.bias", _random(rng, V_WIDTH, scale=0.05))
    writer.add_tensor("v.position_embd.weight", _random(rng, (SIDE // PATCH) ** 2, V_WIDTH, scale=0.05))
    norm("v.post_ln", V_WIDTH)
    for layer in range(V_LAYERS):
        block = f"v.blk.{layer}."
        norm(block + "ln1", V_WIDTH)
        norm(block + "ln2", V_WIDTH)
        linear(block + "attn_qkv", V_WIDTH, 3 * V_WIDTH)
        linear(block + "attn_out", V_WIDTH, V_WIDTH)
        linear(block + "ffn_up", V_WIDTH, V_FORWARD)
        linear(block + "ffn_down", V_FORWARD, V_WIDTH)
    norm("v.deepstack.0.norm", MERGED)
    linear("v.deepstack.0.fc1", MERGED, MERGED, scale=0.05)
    linear("mm.0", MERGED, MERGED)
    for name, constant, scale in (("v.deepstack.0.fc2", 0.0, 0.05), ("mm.2", CONSTANT, 1.0)):
        bias = _random(rng, WIDTH, scale=0.05)
        bias[0] = constant
        writer.add_tensor(f"{name}.weight", _sparing(_random(rng, WIDTH, MERGED, scale=scale)))
        writer.add_tensor(f"{name}.bias", bias)
    _finish(writer)


def _finish(writer: GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
