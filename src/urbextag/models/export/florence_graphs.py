"""The torch modules that become Florence-2's ONNX graphs, with their inputs, outputs and free axes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

OPSET = 17
"""The first with LayerNormalization as one operator."""
MASKED = -1e4
"""Added to the scores of masked positions: exp() of it is 0 in fp32, and fp16 can hold it, unlike the least float."""

BATCH = "batch_size"


@dataclass(frozen=True, slots=True)
class Piece:
    """One graph to write."""

    name: str
    module: nn.Module
    example: tuple[Tensor, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    axes: Mapping[str, Mapping[int, str]]
    """Axes that may differ from the example's, by name of input or output."""


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    """Scaled dot-product attention of (batch, heads, positions, dim); the query comes scaled."""
    scores = query @ key.transpose(2, 3)
    return (scores if bias is None else scores + bias).softmax(-1) @ value


def mask_bias(mask: Tensor) -> Tensor:
    """(batch, positions) of 1 and 0 -> what is added to scores, (batch, 1, 1, positions)."""
    return (1.0 - mask.to(torch.float32))[:, None, None, :] * MASKED


def feed_forward(layer: Any, states: Tensor) -> Tensor:
    """The last third of a BART layer: two linear maps, the residual, the norm."""
    return layer.final_layer_norm(states + layer.fc2(layer.activation_fn(layer.fc1(states))))


class VisionEncoder(nn.Module):  # type: ignore[misc]
    """pixel_values (1, 3, size, size) -> image_features (1, image tokens, d_model)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.tower = model.model.vision_tower
        self.projector = model.model.multi_modal_projector

    def forward(self, pixel_values: Tensor) -> Tensor:
        """See the class."""
        return self.projector(self.tower(pixel_values).last_hidden_state)


class EmbedTokens(nn.Module):  # type: ignore[misc]
    """input_ids (batch, positions) -> inputs_embeds (batch, positions, d_model)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.table = model.get_input_embeddings()

    def forward(self, input_ids: Tensor) -> Tensor:
        """See the class."""
        return self.table(input_ids)


class Encoder(nn.Module):  # type: ignore[misc]
    """attention_mask, inputs_embeds -> last_hidden_state and the decoder's cross-attention keys and values."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        bart = model.model.language_model
        self.layers = bart.encoder.layers
        self.positions = bart.encoder.embed_positions
        self.norm = bart.encoder.layernorm_embedding
        self.keys = nn.ModuleList(layer.encoder_attn.k_proj for layer in bart.decoder.layers)
        self.values = nn.ModuleList(layer.encoder_attn.v_proj for layer in bart.decoder.layers)
        self.heads = model.config.text_config.encoder_attention_heads
        self.cross_heads = model.config.text_config.decoder_attention_heads

    def forward(self, attention_mask: Tensor, inputs_embeds: Tensor) -> tuple[Tensor, ...]:
        """See the class; keys and values are (batch, heads, positions, dim), layer by layer."""
        bias = mask_bias(attention_mask)
        numbers = torch.cumsum(torch.ones_like(attention_mask[:1]), dim=1) - 1 + self.positions.offset
        states = self.norm(inputs_embeds + nn.functional.embedding(numbers, self.positions.weight))
        for layer in self.layers:
            attention = layer.self_attn
            query = split(attention.q_proj(states) * attention.scaling, self.heads)
            key, value = split(attention.k_proj(states), self.heads), split(attention.v_proj(states), self.heads)
            seen = attend(query, key, value, bias).transpose(1, 2).flatten(2)
            states = layer.self_attn_layer_norm(states + attention.out_proj(seen))
            states = feed_forward(layer, states)
        cross = [
            split(project(states), self.cross_heads)
            for pair in zip(self.keys, self.values, strict=True)
            for project in pair
        ]
        return states, *cross


def split(states: Tensor, heads: int) -> Tensor:
    """(batch, positions, d_model) -> (batch, heads, positions, dim)."""
    return states.unflatten(2, (heads, -1)).transpose(1, 2)


class DecoderStep(nn.Module):  # type: ignore[misc]
    """One token with its past -> logits (batch, 1, vocabulary) and the past with that token.

    The cross-attention's batch may be 1 while the tokens' is the number of beams: all beams look at the same photo.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        decoder = model.model.language_model.decoder
        self.layers = decoder.layers
        self.positions = decoder.embed_positions
        self.norm = decoder.layernorm_embedding
        self.lm_head = model.lm_head
        self.heads = model.config.text_config.decoder_attention_heads

    def forward(self, inputs_embeds: Tensor, encoder_attention_mask: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """See the class; `past` per layer: own key, own value, cross key, cross value."""
        bias = mask_bias(encoder_attention_mask)
        number = torch.zeros(1, dtype=torch.long) + past[0].shape[2] + self.positions.offset
        states = self.norm(inputs_embeds + nn.functional.embedding(number, self.positions.weight))
        present: list[Tensor] = []
        for index, layer in enumerate(self.layers):
            own_key, own_value, cross_key, cross_value = past[4 * index : 4 * index + 4]
            own = layer.self_attn
            key = torch.cat([own_key, self._head(own.k_proj(states))], dim=2)
            value = torch.cat([own_value, self._head(own.v_proj(states))], dim=2)
            present += [key, value]
            seen = attend(self._head(own.q_proj(states) * own.scaling), key, value, None)
            states = layer.self_attn_layer_norm(states + own.out_proj(self._join(seen)))
            cross = layer.encoder_attn
            seen = attend(self._head(cross.q_proj(states) * cross.scaling), cross_key, cross_value, bias)
            states = layer.encoder_attn_layer_norm(states + cross.out_proj(self._join(seen)))
            states = feed_forward(layer, states)
        return self.lm_head(states), *present

    def _head(self, states: Tensor) -> Tensor:
        """(batch, 1, d_model) -> (batch, heads, 1, dim): with one position no transposition is needed."""
        return states.reshape(-1, self.heads, 1, states.shape[2] // self.heads)

    def _join(self, seen: Tensor) -> Tensor:
        return seen.reshape(-1, 1, self.heads * seen.shape[3])


def pieces(model: Any, size: int) -> Iterator[Piece]:
    """The four graphs of a Florence2ForConditionalGeneration, one after the other, traced on pictures of `size` px."""
    pixels = torch.zeros(1, 3, size, size)
    vision = VisionEncoder(model).eval()
    yield Piece("vision_encoder", vision, (pixels,), ("pixel_values",), ("image_features",), {})
    ids = torch.tensor([[0, 5, 6, 2]])
    embed = EmbedTokens(model).eval()
    free = {0: BATCH, 1: "sequence_length"}
    yield Piece(
        "embed_tokens", embed, (ids,), ("input_ids",), ("inputs_embeds",), {"input_ids": free, "inputs_embeds": free}
    )
    yield _encoder_piece(model, embed(ids))
    yield _decoder_piece(model, embed(ids))


def _names(kind: str, layers: int, sides: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        f"{kind}.{layer}.{side}.{part}" for layer in range(layers) for side in sides for part in ("key", "value")
    )


def _encoder_piece(model: Any, embeds: Tensor) -> Piece:
    cross = _names("present", model.config.text_config.decoder_layers, ("encoder",))
    free = {0: BATCH, 1: "encoder_sequence_length"}
    heads = {0: BATCH, 2: "encoder_sequence_length"}
    mask = torch.ones(embeds.shape[:2], dtype=torch.long)
    return Piece(
        "encoder_model",
        Encoder(model).eval(),
        (mask, embeds),
        ("attention_mask", "inputs_embeds"),
        ("last_hidden_state", *cross),
        {"attention_mask": free, "inputs_embeds": free, "last_hidden_state": free} | dict.fromkeys(cross, heads),
    )


def _decoder_piece(model: Any, embeds: Tensor) -> Piece:
    text = model.config.text_config
    past = _names("past_key_values", text.decoder_layers, ("decoder", "encoder"))
    present = _names("present", text.decoder_layers, ("decoder",))
    heads = text.decoder_attention_heads
    own, cross = torch.zeros(2, heads, 3, text.d_model // heads), torch.zeros(1, heads, 7, text.d_model // heads)
    example = [own if ".decoder." in name else cross for name in past]
    axes: dict[str, dict[int, str]] = {"inputs_embeds": {0: BATCH}, "logits": {0: BATCH}}
    axes["encoder_attention_mask"] = {0: "encoder_batch_size", 1: "encoder_sequence_length"}
    for name in past:
        axes[name] = (
            {0: BATCH, 2: "past_decoder_sequence_length"}
            if ".decoder." in name
            else {0: "encoder_batch_size", 2: "encoder_sequence_length"}
        )
    axes |= {name: {0: BATCH, 2: "past_decoder_sequence_length + 1"} for name in present}
    return Piece(
        "decoder_with_past_model",
        DecoderStep(model).eval(),
        (embeds[:, :1].repeat(2, 1, 1), torch.ones(1, 7, dtype=torch.long), *example),
        ("inputs_embeds", "encoder_attention_mask", *past),
        ("logits", *present),
        axes,
    )
