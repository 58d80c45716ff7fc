"""Makes encoder and decoder as published Florence-2 files have them: one decoder, an `If` with and without a past.

As Optimum's `merge_decoders` (optimum/onnx/graph_transformations.py) does: both branches share the initializers of the
outer graph, and the branch with a past fills the outputs that it does not make (cross-attention) with empty constants.
"""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import GraphProto, ModelProto, TensorProto, helper
from torch import Tensor, nn
from transformers import Florence2ForConditionalGeneration
from transformers.cache_utils import DynamicCache, EncoderDecoderCache

OPSET = 17


class Encoder(nn.Module):  # type: ignore[misc]
    """attention_mask, inputs_embeds -> last_hidden_state."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.encoder = model.model.language_model.encoder

    def forward(self, attention_mask: Tensor, inputs_embeds: Tensor) -> Tensor:
        """See the class."""
        return self.encoder(inputs_embeds=inputs_embeds, attention_mask=attention_mask).last_hidden_state


class Decoder(nn.Module):  # type: ignore[misc]
    """The decoder of transformers with its own cache, without a past or with one."""

    def __init__(self, model: Any, with_past: bool) -> None:
        super().__init__()
        self.decoder = model.model.language_model.decoder
        self.lm_head = model.lm_head
        self.layers = model.config.text_config.decoder_layers
        self.with_past = with_past

    def forward(
        self, encoder_attention_mask: Tensor, encoder_hidden_states: Tensor, inputs_embeds: Tensor, *past: Tensor
    ) -> tuple[Tensor, ...]:
        """Logits, then per layer own key and value, and without a past the cross-attention's too."""
        cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        for layer in range(self.layers if self.with_past else 0):
            own_key, own_value, cross_key, cross_value = past[4 * layer : 4 * layer + 4]
            cache.self_attention_cache.update(own_key, own_value, layer)
            cache.cross_attention_cache.update(cross_key, cross_value, layer)
            cache.is_updated[layer] = True
        states = self.decoder(
            inputs_embeds=inputs_embeds,
            encoder_hidden_states=encoder_hidden_states,
            encoder_attention_mask=encoder_attention_mask,
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        outputs = [self.lm_head(states)]
        for layer in range(self.layers):
            own, cross = cache.self_attention_cache.layers[layer], cache.cross_attention_cache.layers[layer]
            outputs += [own.keys, own.values] + ([] if self.with_past else [cross.keys, cross.values])
        return tuple(outputs)


def published(source: Path, out: Path, half: Path) -> None:
    """Write `encoder_model` and `decoder_model_merged` into `out`; these and `embed_tokens` in fp16 into `half`."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = Florence2ForConditionalGeneration.from_pretrained(
        source, local_files_only=True, attn_implementation="eager"
    ).eval()
    with torch.no_grad():
        _export_encoder(model, out)
        with tempfile.TemporaryDirectory() as temporary:
            branches = [_export_decoder(model, Path(temporary), with_past) for with_past in (False, True)]
    halves = [convert_float_to_float16(copy.deepcopy(branch)) for branch in branches]
    onnx.save(merge(*branches), str(out / "decoder_model_merged.onnx"))
    half.mkdir(parents=True, exist_ok=True)
    for name in ("embed_tokens", "encoder_model"):
        onnx.save(convert_float_to_float16(onnx.load(out / f"{name}.onnx")), str(half / f"{name}_fp16.onnx"))
    onnx.save(merge(*halves), str(half / "decoder_model_merged_fp16.onnx"))


def _export(
    module: nn.Module, example: tuple[Tensor, ...], path: Path, names: tuple[list[str], list[str]]
) -> ModelProto:
    inputs, outputs = names
    axes = {name: _axes(name) for name in [*inputs, *outputs]}
    torch.onnx.export(
        module.eval(),
        example,
        str(path),
        dynamo=False,
        opset_version=OPSET,
        input_names=inputs,
        output_names=outputs,
        dynamic_axes=axes,
    )
    return onnx.load(path)


def _axes(name: str) -> dict[int, str]:
    """The names that Optimum gives to axes."""
    if ".decoder." in name:
        return {0: "batch_size", 2: "past_decoder_sequence_length" + (" + 1" if name.startswith("present") else "")}
    if ".encoder." in name:
        return {0: "batch_size", 2: "encoder_sequence_length"}
    length = "encoder_sequence_length" if "encoder" in name or name == "attention_mask" else "decoder_sequence_length"
    return {0: "batch_size", 1: length}


def _example(model: Any) -> tuple[Tensor, Tensor, Tensor]:
    width = model.config.text_config.d_model
    return torch.ones(2, 7, dtype=torch.long), torch.randn(2, 7, width), torch.randn(2, 1, width)


def _export_encoder(model: Any, out: Path) -> None:
    mask, states, _ = _example(model)
    names = (["attention_mask", "inputs_embeds"], ["last_hidden_state"])
    _export(Encoder(model), (mask, states), out / "encoder_model.onnx", names)


def _export_decoder(model: Any, folder: Path, with_past: bool) -> ModelProto:
    text = model.config.text_config
    heads, dim = text.decoder_attention_heads, text.d_model // text.decoder_attention_heads
    kinds = [f"{layer}.{side}" for layer in range(text.decoder_layers) for side in ("decoder", "encoder")]
    slots = [f"{kind}.{part}" for kind in kinds for part in ("key", "value")]
    inputs = ["encoder_attention_mask", "encoder_hidden_states", "inputs_embeds"]
    kept = [slot for slot in slots if not with_past or ".decoder." in slot]
    past = [torch.randn(2, heads, 3 if ".decoder." in slot else 7, dim) for slot in slots] if with_past else []
    inputs += [f"past_key_values.{slot}" for slot in slots[: len(past)]]
    outputs = ["logits", *(f"present.{slot}" for slot in kept)]
    example = (*_example(model), *past)
    return _export(Decoder(model, with_past), example, folder / f"decoder_{with_past}.onnx", (inputs, outputs))


def merge(without: ModelProto, with_past: ModelProto) -> ModelProto:
    """One model with the input `use_cache_branch`: False runs `without`, True runs `with_past`."""
    _rename(with_past.graph, "past_")
    _fill(with_past.graph, without.graph)
    shared: dict[tuple[Any, ...], TensorProto] = {}
    for graph in (without.graph, with_past.graph):
        _share(graph, shared)
    inputs = {value.name: value for graph in (without.graph, with_past.graph) for value in graph.input}
    outputs = list(without.graph.output)
    branches = {
        key: helper.make_graph(list(graph.node), name, [], list(graph.output), list(graph.initializer))
        for key, name, graph in (
            ("then_branch", "with_past", with_past.graph),
            ("else_branch", "no_past", without.graph),
        )
    }
    flag = helper.make_tensor_value_info("use_cache_branch", TensorProto.BOOL, [1])
    choice = helper.make_node("If", [flag.name], [value.name for value in outputs], "optimum::if", **branches)
    merged = helper.make_graph([choice], "merged", [*inputs.values(), flag], outputs, list(shared.values()))
    return helper.make_model(merged, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)


def _rename(graph: GraphProto, prefix: str) -> None:
    """Prefix the names that are neither inputs nor outputs, so that the branches share none by accident."""
    kept = {value.name for value in [*graph.input, *graph.output]} | {""}
    for initializer in graph.initializer:
        initializer.name = prefix + initializer.name
    for node in graph.node:
        node.name = prefix + node.name
        for names in (node.input, node.output):
            names[:] = [name if name in kept else prefix + name for name in names]


def _fill(graph: GraphProto, other: GraphProto) -> None:
    """Give `graph` the outputs of `other` in its order, as constants with an axis of length 0 where it makes none."""
    own = {value.name: value for value in graph.output}
    for value in other.output:
        if value.name in own:
            continue
        axes = [axis.dim_value for axis in value.type.tensor_type.shape.dim]
        free = [place for place, length in enumerate(axes) if not length]
        shape = [length or int(place != free[0]) for place, length in enumerate(axes)]
        empty = helper.make_tensor(f"empty_{value.name}", value.type.tensor_type.elem_type, shape, [])
        graph.node.append(helper.make_node("Constant", [], [value.name], value=empty))
    del graph.output[:]
    graph.output.extend(other.output)


def _share(graph: GraphProto, shared: dict[tuple[Any, ...], TensorProto]) -> None:
    """Move the initializers with at least one axis to the outer graph, those of equal content once."""
    small = []
    names: dict[str, str] = {}
    for initializer in graph.initializer:
        if not initializer.dims or (len(initializer.dims) == 1 and initializer.data_type in (6, 7)):
            small.append(initializer)
            continue
        content = (tuple(initializer.dims), initializer.data_type, initializer.raw_data)
        names[initializer.name] = shared.setdefault(content, initializer).name
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
    del graph.initializer[:]
    graph.initializer.extend(small)
