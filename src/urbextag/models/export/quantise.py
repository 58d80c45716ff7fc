"""Turns an ONNX file in fp32 into the same graph in int8 or fp16."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from urbextag.choices import Precision
from urbextag.models.export.quiet import quiet_tools

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TABLE_MIN = 2**16
"""Elements from which a table of embeddings is worth turning into int8."""


def convert(source: Path, target: Path, precision: Precision) -> None:
    """Write the fp32 file `source` in another precision; inputs and outputs keep their names and types.

    Needs about twice the size of `source` in memory, and as much beside it on the disk while it works.

    Args:
        source: an ONNX file in fp32, all weights inside (below 2 GiB).
        target: is written; its folder exists.
        precision: `int8` or `fp16`.

    Raises:
        ValueError: `precision` is fp32, which needs no conversion.

    """
    if precision == "int8":
        to_int8(source, target)
    elif precision == "fp16":
        to_fp16(source, target)
    else:
        raise ValueError(f"{source} is in {precision} already")


def to_int8(source: Path, target: Path) -> None:
    """Weights as signed 8-bit integers, activations quantised while the model runs (dynamic quantisation).

    MatMul and Gemm: symmetric, a scale per output channel, by ONNX Runtime's own tool. Tables of embeddings: symmetric,
    a scale per row; that tool knows one scale for a whole table only, and a few rows many times as large as the others
    leave those two or three bits (cosine 0.96 in place of 0.9997 where one row of SigLIP's table is 30 times as large).
    Convolutions stay as they are: they hold few of the weights.
    Limit: on x86 without VNNI (before Intel's Cascade Lake and AMD's Zen 4), sums of two products can saturate; the
    agreement is measured on the machine that exports.
    Source: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with quiet_tools():
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            weight_type=QuantType.QInt8,
        )
    model = onnx.load(target)
    if _tables_to_int8(model.graph):
        onnx.save(model, target)


def to_fp16(source: Path, target: Path) -> None:
    """Weights and arithmetic in 16-bit floats, inputs and outputs in 32-bit, by ONNX Runtime's own tool.

    Meant for graphics processors: the CPU has few kernels for them and widens most weights again.
    """
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with quiet_tools():
        onnx.save(convert_float_to_float16(str(source), keep_io_types=True), target)


def quantise_rows(table: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Symmetric int8 with a scale per row, so that `rows * scales` is `table` within half a step of each row.

    Args:
        table: float32 (n, d), finite.

    Returns:
        int8 (n, d) in [-127, 127] and float32 (n, 1); the scale of a row of nearly nothing but zeros is 1.

    """
    import numpy as np

    largest = np.abs(table).max(axis=1, keepdims=True)
    scales = np.where(largest > 1e-30, largest / np.float32(127), np.float32(1)).astype(np.float32)
    return np.clip(np.rint(table / scales), -127, 127).astype(np.int8), scales


def _tables_to_int8(graph: Any) -> int:
    """Replace Gather(float table, ids) by Gather(int8 table, ids) * Gather(scales, ids); how many tables."""
    from onnx import helper, numpy_helper

    tables = {tensor.name: tensor for tensor in graph.initializer if _is_table(tensor)}
    users: dict[str, list[Any]] = {name: [] for name in tables}
    for node in graph.node:
        for name in node.input:
            if name in users:
                users[name].append(node)
    nodes: dict[int, list[Any]] = {}
    for name, used_by in users.items():
        if not used_by or not all(_gathers_rows(node, name) for node in used_by):
            continue
        rows, scales = quantise_rows(numpy_helper.to_array(tables[name]))
        graph.initializer.remove(tables[name])
        graph.initializer.append(numpy_helper.from_array(rows, f"{name}_int8"))
        graph.initializer.append(numpy_helper.from_array(scales, f"{name}_scales"))
        for node in used_by:
            ids, out = node.input[1], node.output[0]
            nodes[id(node)] = [
                helper.make_node("Gather", [f"{name}_int8", ids], [f"{out}_int8"], f"{node.name}_int8", axis=0),
                helper.make_node(
                    "Cast", [f"{out}_int8"], [f"{out}_wide"], f"{node.name}_wide", to=tables[name].data_type
                ),
                helper.make_node("Gather", [f"{name}_scales", ids], [f"{out}_scale"], f"{node.name}_scale", axis=0),
                helper.make_node("Mul", [f"{out}_wide", f"{out}_scale"], [out], f"{node.name}_scaled"),
            ]
    if nodes:
        new = [made for node in graph.node for made in nodes.get(id(node), [node])]
        del graph.node[:]
        graph.node.extend(new)
    return len(nodes)


def _is_table(tensor: Any) -> bool:
    from onnx import TensorProto

    shape = tuple(tensor.dims)
    return tensor.data_type == TensorProto.FLOAT and len(shape) == 2 and shape[0] * shape[1] >= _TABLE_MIN


def _gathers_rows(node: Any, table: str) -> bool:
    axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
    return bool(node.op_type == "Gather" and node.input[0] == table and axis == 0)
