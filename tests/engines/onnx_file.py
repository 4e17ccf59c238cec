"""ONNX models small enough to be written by hand, in protobuf's wire format (numbers as in onnx.proto)."""

import struct

FLOAT = 1


def model(nodes: list[bytes], inputs: list[bytes], outputs: list[bytes], constants: list[bytes]) -> bytes:
    """A ModelProto of IR version 8 and opset 17."""
    graph = b"".join(
        [
            *(_bytes(1, node) for node in nodes),
            _bytes(2, b"graph"),
            *(_bytes(5, constant) for constant in constants),
            *(_bytes(11, each) for each in inputs),
            *(_bytes(12, each) for each in outputs),
        ]
    )
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 17))


def node(operation: str, inputs: list[str], output: str, **ints: int) -> bytes:
    """A NodeProto with whole numbers as attributes."""
    attributes = [
        _bytes(1, name.encode()) + _number(3, value) + _number(20, 2) for name, value in ints.items()
    ]
    return b"".join(
        [
            *(_bytes(1, each.encode()) for each in inputs),
            _bytes(2, output.encode()),
            _bytes(4, operation.encode()),
            *(_bytes(5, attribute) for attribute in attributes),
        ]
    )


def value(name: str, *shape: int) -> bytes:
    """The ValueInfoProto of a tensor of floats."""
    dims = b"".join(_bytes(1, _number(1, dim)) for dim in shape)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _number(1, FLOAT) + _bytes(2, dims)))


def constant(name: str, number: float) -> bytes:
    """The TensorProto of one float."""
    return _number(2, FLOAT) + _bytes(8, name.encode()) + _bytes(9, struct.pack("<f", number))


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def _number(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content
