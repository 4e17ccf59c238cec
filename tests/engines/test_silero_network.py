"""Silero's network against onnxruntime, which runs the same file."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from vivavoce.engines import onnx_file
from vivavoce.engines.onnx_file import Graph, Node
from vivavoce.engines.silero_network import ROW, STATE, SileroNetwork

ZERO = np.zeros(STATE, np.float32)


def model() -> Path:
    package = find_spec("faster_whisper")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).with_name("assets") / "silero_vad_v6.onnx"


@pytest.fixture(scope="module")
def graph() -> Graph:
    return onnx_file.read(model())


@pytest.fixture(scope="module")
def network(graph: Graph) -> SileroNetwork:
    return SileroNetwork(graph)


@pytest.fixture(scope="module")
def published() -> Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray]]:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model()), settings, providers=["CPUExecutionProvider"])

    def run(rows: np.ndarray, hidden: np.ndarray, cell: np.ndarray):
        state = {"h": hidden.reshape(1, 1, STATE), "c": cell.reshape(1, 1, STATE)}
        probabilities, hidden, cell = session.run(None, {"input": rows, **state})
        return probabilities, hidden.reshape(STATE), cell.reshape(STATE)

    return run


def rows(count: int, seed: int) -> np.ndarray:
    """Noise, hums and silence, up to full scale."""
    rng = np.random.default_rng(seed)
    at = np.arange(count * ROW).reshape(count, ROW)
    hum = np.sin(at * rng.uniform(0.01, 2, (count, 1)))
    noise = rng.standard_normal((count, ROW))
    loud = rng.choice([0, 1e-4, 0.01, 0.1, 0.5], (count, 1))
    return np.clip((hum + noise * rng.uniform(0, 1, (count, 1))) * loud, -1, 1).astype(np.float32)


def test_the_network_is_the_published_one(network, published):
    ours = theirs = (ZERO, ZERO)
    for seed in range(100):
        frames = rows(1 + seed % 5, seed)
        mine, *ours = network(frames, *ours)
        its, *theirs = published(frames, *theirs)
        assert np.abs(mine - its).max() < 1e-5
        assert np.abs(ours[0] - theirs[0]).max() < 2e-5
        assert np.abs(ours[1] - theirs[1]).max() < 2e-4  # cells count up to 30 and more


def test_many_rows_are_row_after_row(network):
    frames = rows(12, 1)
    together, *state = network(frames, ZERO, ZERO)
    alone, hidden, cell = [], ZERO, ZERO
    for frame in frames:
        probability, hidden, cell = network(frame[np.newaxis], hidden, cell)
        alone.append(probability[0])
    assert together.tolist() == alone
    assert np.array_equal(state[0], hidden)
    assert np.array_equal(state[1], cell)


def test_the_state_that_was_given_is_left_alone(network):
    _, hidden, cell = network(rows(3, 2), ZERO, ZERO)
    before = hidden.copy(), cell.copy()
    network(rows(3, 3), hidden, cell)
    assert np.array_equal(hidden, before[0])
    assert np.array_equal(cell, before[1])
    assert not ZERO.any()


def test_threads_do_not_disturb_each_other(network):
    pieces = [rows(50, seed) for seed in range(8)]
    expected = [network(piece, ZERO, ZERO)[0].tolist() for piece in pieces]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            found = pool.map(lambda piece: network(piece, ZERO, ZERO)[0].tolist(), pieces)
            assert list(found) == expected


class TestOtherNetworks:
    def test_one_without_lstm(self, graph):
        with pytest.raises(ValueError, match="not Silero VAD v6"):
            SileroNetwork(Graph((Node("Conv", ("input",)),), graph.weights))

    def test_one_that_lacks_a_layer(self, graph):
        weights = {name: value for name, value in graph.weights.items() if "conv_layers.2" not in name}
        with pytest.raises(ValueError, match=r"it has no 'encoder.conv_layers.2.weight'"):
            SileroNetwork(Graph(graph.nodes, weights))

    def test_one_of_another_size(self, graph):
        weights = graph.weights | {"decoder.conv1d.weight": np.zeros((1, 64, 1), np.float32)}
        with pytest.raises(ValueError, match=r"decoder.conv1d.weight is \(1, 64, 1\), not \(1, 128, 1\)"):
            SileroNetwork(Graph(graph.nodes, weights))


class TestFile:
    def test_nodes_and_weights(self, graph):
        assert [node.operation for node in graph.nodes].count("Conv") == 6
        lstm = next(node for node in graph.nodes if node.operation == "LSTM")
        assert [graph.weights[name].shape for name in lstm.inputs[1:4]] == [
            (1, 512, 128),
            (1, 512, 128),
            (1, 1024),
        ]
        assert lstm.inputs[5:] == ("h", "c")
        assert all(value.dtype == np.float32 for value in graph.weights.values())

    def test_half_a_file_is_refused_or_has_less(self, graph, tmp_path):
        whole = model().read_bytes()
        file = tmp_path / "half.onnx"
        read = []
        for size in range(0, len(whole), 9973):
            file.write_bytes(whole[:size])
            with suppress(ValueError):
                read.append(len(onnx_file.read(file).nodes))
        assert len(read) < 5
        assert all(nodes < len(graph.nodes) for nodes in read)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\xff" * 20,
            b"RIFF....WAVEfmt ",
            b"\x3a\x05hello",
            b"\x38\x01",  # a number where the graph should be
            b"\x3a\x80\x80\x80",
            b"\x3a\x08\x2a\x06\x08\x02\x10\x01\x42\x00",  # two numbers that are not there
        ],
    )
    def test_what_is_no_model(self, content, tmp_path):
        file = tmp_path / "model.onnx"
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"^This is no ONNX file: .*\.$"):
            onnx_file.read(file)

    def test_a_tensor_of_numbers_one_by_one(self, tmp_path):
        """Dimensions may come packed or each by itself; fields that nobody knows are passed over."""
        data = np.arange(6, dtype="<f4").tobytes()
        packed = b"\x0a\x02\x02\x03\x10\x01\x42\x01a\x4a\x18" + data
        single = b"\x08\x06\x10\x01\x42\x01b\x4a\x18" + data
        integers = b"\x08\x01\x10\x07\x42\x01c\x4a\x08" + bytes(8)
        unknown = b"\x7d\x00\x00\x00\x00\x79" + bytes(8)
        tensors = b"".join(b"\x2a" + bytes([len(each)]) + each for each in (packed, single, integers))
        graph = b"\x0a\x0a\x0a\x01x\x0a\x01y\x22\x02Go" + tensors + unknown
        file = tmp_path / "model.onnx"
        file.write_bytes(unknown + b"\x3a" + bytes([0x80 | len(graph) & 127, len(graph) >> 7]) + graph)
        read = onnx_file.read(file)
        assert read.nodes == (Node("Go", ("x", "y")),)
        assert {name: value.tolist() for name, value in read.weights.items()} == {
            "a": [[0, 1, 2], [3, 4, 5]],
            "b": [0, 1, 2, 3, 4, 5],
        }

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(OSError, match="No such file"):
            onnx_file.read(tmp_path / "model.onnx")
