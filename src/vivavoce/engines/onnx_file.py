"""The weights in an ONNX file, read without a library for ONNX.

An ONNX file is one Protocol Buffers message. Its fields are numbered in
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; only those are read that hold the graph's nodes and
its weights.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_FLOAT = 1
"""TensorProto.DataType of float32."""

_SIZES = {1: 8, 5: 4}
"""Bytes of the wire types that have a fixed size."""

Value = int | memoryview


class Node(NamedTuple):
    """One operation, and the names of what goes in."""

    operation: str
    inputs: tuple[str, ...]


class Graph(NamedTuple):
    """What a model is made of."""

    nodes: tuple[Node, ...]
    weights: dict[str, npt.NDArray[np.float32]]
    """The float32 tensors, by name."""


def read(file: str | os.PathLike[str]) -> Graph:
    """Read a model. Raises OSError, and ValueError for what is no ONNX file."""
    data = memoryview(Path(file).read_bytes())
    graph = Graph((), {})
    try:
        for number, value in _fields(data):
            if number == 7:  # ModelProto.graph
                graph = _graph(_message(value))
    except IndexError:
        raise ValueError("This is no ONNX file: it ends too early.") from None
    except ValueError as error:
        raise ValueError(f"This is no ONNX file: {error}") from None
    if not graph.nodes:
        raise ValueError("This is no ONNX file: it has no nodes.")
    return graph


def _graph(message: memoryview) -> Graph:
    nodes: list[Node] = []
    weights: dict[str, npt.NDArray[np.float32]] = {}
    for number, value in _fields(message):
        if number == 1:  # GraphProto.node
            nodes.append(_node(_message(value)))
        elif number == 5:  # GraphProto.initializer
            weights |= _tensor(_message(value))
    return Graph(tuple(nodes), weights)


def _node(message: memoryview) -> Node:
    operation, inputs = "", []
    for number, value in _fields(message):
        if number == 1:  # NodeProto.input
            inputs.append(_text(value))
        elif number == 4:  # NodeProto.op_type
            operation = _text(value)
    return Node(operation, tuple(inputs))


def _tensor(message: memoryview) -> dict[str, npt.NDArray[np.float32]]:
    """A tensor under its name; nothing if it is not float32."""
    name, kind, shape = "", 0, []
    data = message[:0]
    for number, value in _fields(message):
        if number == 1:  # TensorProto.dims
            shape += [value] if isinstance(value, int) else _varints(value)
        elif number == 2 and isinstance(value, int):  # TensorProto.data_type
            kind = value
        elif number == 8:  # TensorProto.name
            name = _text(value)
        elif number == 9:  # TensorProto.raw_data
            data = _message(value)
    if kind != _FLOAT:
        return {}
    if len(data) != 4 * math.prod(shape):
        raise ValueError(f"the tensor {name} of shape {shape} has {len(data)} bytes.")
    return {name: np.frombuffer(data, "<f4").astype(np.float32).reshape(shape)}


# Protocol Buffers. IndexError means that a message ends too early.


def _fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """Number and value of each field: an integer, or the bytes of anything else."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire_type = key >> 3, key & 7
        if wire_type == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire_type == 2:
            length, at = _varint(message, at)
        elif wire_type in _SIZES:
            length = _SIZES[wire_type]
        else:
            raise ValueError(f"Protocol Buffers have no wire type {wire_type}.")
        if at + length > len(message):
            raise IndexError
        yield number, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """An integer, and where the next field begins."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _varints(message: memoryview) -> list[int]:
    found, at = [], 0
    while at < len(message):
        value, at = _varint(message, at)
        found.append(value)
    return found


def _message(value: Value) -> memoryview:
    if isinstance(value, int):
        raise ValueError("there is a number where a message should be.")
    return value


def _text(value: Value) -> str:
    return str(_message(value), "utf-8", "replace")
