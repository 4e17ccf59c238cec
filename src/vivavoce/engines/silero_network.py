"""Silero VAD v6 itself: 700,000 multiplications for a frame of 32 ms.

The weights are those of the ONNX file; the operations are written out in numpy, because for one small frame
at a time that takes 39 µs where onnxruntime takes 86, of which most is not arithmetic. Results differ in the
sixth decimal.

    row          (576,)     64 samples of context and 512 new ones, mirrored at the end to 640
    spectrum     (4, 129)   magnitudes of four windows of 256 samples, 128 apart
    convolution  (4, 128)   width 3, of which each is followed by max(0, x)
    convolution  (2, 64)    width 3, every second
    convolution  (1, 64)    width 3, every second
    convolution  (1, 128)   width 3
    LSTM         (128,)     with what it made of the frame before
    probability  ()         of max(0, x), weighted

A convolution is one product of matrices: a window of three time steps lies in memory as one row.
"""

import math
import threading
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from vivavoce.engines.onnx_file import Graph

CONTEXT: Final = 64
FRAME: Final = 512
ROW: Final = CONTEXT + FRAME
STATE: Final = 128

Floats = npt.NDArray[np.float32]


class SileroNetwork:
    """The network with its weights. May be run by several threads at once.

    Raises ValueError for the graph of another network.
    """

    def __init__(self, graph: Graph) -> None:
        self._weights = _Weights(graph)
        self._work = _Work()

    def __call__(self, rows: Floats, hidden: Floats, cell: Floats) -> tuple[Floats, Floats, Floats]:
        """The probability of speech in each of the consecutive rows `(n, 576)`, from -1.0 to 1.0 of full
        scale, and the state after the last: hidden and cell, each `(128,)`, as they are given for the first.
        """
        probabilities = np.empty(len(rows), np.float32)
        for n, row in enumerate(rows):
            probabilities[n], hidden, cell = self._step(row, hidden, cell)
        return probabilities, hidden, cell

    def _step(self, row: Floats, hidden: Floats, cell: Floats) -> tuple[float, Floats, Floats]:
        w, to = self._weights, self._work
        to.samples[:ROW] = row
        to.tail[:] = to.mirrored
        to.windows[:] = to.windows_of_samples
        np.dot(to.windows, w.cosines, out=to.real)
        np.dot(to.windows, w.sines, out=to.imaginary)
        np.square(to.real, out=to.real)
        np.square(to.imaginary, out=to.imaginary)
        np.add(to.real, to.imaginary, out=to.real)
        np.sqrt(to.real, out=to.magnitudes)

        to.threes_of_4[:] = to.threes_of_magnitudes
        np.dot(to.threes_of_4, w.first, out=to.of_4)
        np.add(to.of_4, w.first_bias, out=to.of_4)
        np.maximum(to.of_4, _ZERO, out=to.first)
        to.threes_of_2[:] = to.threes_of_first
        np.dot(to.threes_of_2, w.second, out=to.second)
        np.add(to.second, w.second_bias, out=to.second)
        np.maximum(to.second, _ZERO, out=to.second)
        np.dot(to.flat_second, w.third, out=to.third)
        np.add(to.third, w.third_bias, out=to.third)
        np.maximum(to.third, _ZERO, out=to.third)
        np.dot(to.third, w.fourth, out=to.fourth)
        np.add(to.fourth, w.fourth_bias, out=to.fourth)
        np.maximum(to.fourth, _ZERO, out=to.feature)

        to.hidden[:] = hidden
        np.dot(to.both, w.gates, out=to.gates)
        np.add(to.gates, w.gates_bias, out=to.gates)
        np.tanh(to.gates, out=to.gates)
        np.multiply(to.sigmoids, _HALF, out=to.sigmoids)
        np.add(to.sigmoids, _HALF, out=to.sigmoids)
        cell = to.forget * cell
        np.multiply(to.input, to.candidate, out=to.input)
        np.add(cell, to.input, out=cell)
        hidden = np.tanh(cell)
        np.multiply(hidden, to.output, out=hidden)
        np.maximum(hidden, _ZERO, out=to.heard)
        logit = float(np.dot(to.heard, w.decoder)) + w.decoder_bias
        return 1 / (1 + math.exp(-logit)), hidden, cell


class _Weights:
    """Matrices as the steps want them: what is multiplied is one row, the result another."""

    def __init__(self, graph: Graph) -> None:
        try:
            lstm = next(node for node in graph.nodes if node.operation == "LSTM").inputs
            basis = self._take(graph, "encoder.feature_extractor.forward_basis_buffer", (258, 1, 256))
            convolutions = [
                (
                    self._take(graph, f"encoder.conv_layers.{n}.weight", (outputs, inputs, 3)),
                    self._take(graph, f"encoder.conv_layers.{n}.bias", (outputs,)),
                )
                for n, (inputs, outputs) in enumerate(((129, 128), (128, 64), (64, 64), (64, 128)))
            ]
            decoder = self._take(graph, "decoder.conv1d.weight", (1, STATE, 1))
            decoder_bias = self._take(graph, "decoder.conv1d.bias", (1,))
            of_input = self._take(graph, lstm[1], (1, 4 * STATE, STATE))
            of_hidden = self._take(graph, lstm[2], (1, 4 * STATE, STATE))
            biases = self._take(graph, lstm[3], (1, 8 * STATE))
        except (KeyError, IndexError, StopIteration) as error:
            raise ValueError(f"This is not Silero VAD v6: it has no {error}.") from error
        self.cosines = _matrix(basis[:129, 0].T)
        self.sines = _matrix(basis[129:, 0].T)
        (first, self.first_bias), (second, self.second_bias) = convolutions[:2]
        (third, self.third_bias), (fourth, self.fourth_bias) = convolutions[2:]
        self.first = _matrix(first.transpose(2, 1, 0).reshape(3 * 129, 128))
        self.second = _matrix(second.transpose(2, 1, 0).reshape(3 * 128, 64))
        # Of these two, the first time step of three is always padding, and of the last the third, too.
        self.third = _matrix(third.transpose(2, 1, 0)[1:].reshape(2 * 64, 64))
        self.fourth = _matrix(fourth.transpose(2, 1, 0)[1])
        # ONNX has the gates in the order input, output, forget, candidate. A sigmoid is
        # (1 + tanh(x / 2)) / 2: one tanh does for all four.
        halves = np.repeat(np.array([0.5, 0.5, 0.5, 1], np.float32), STATE)
        self.gates = _matrix(np.concatenate((of_input[0], of_hidden[0]), axis=1).T * halves)
        self.gates_bias = (biases[0, : 4 * STATE] + biases[0, 4 * STATE :]) * halves
        self.decoder = _matrix(decoder[0, :, 0])
        self.decoder_bias = float(decoder_bias[0])

    def _take(self, graph: Graph, name: str, shape: tuple[int, ...]) -> Floats:
        found = graph.weights[name]
        if found.shape != shape:
            raise ValueError(f"This is not Silero VAD v6: {name} is {found.shape}, not {shape}.")
        return found


class _Work(threading.local):
    """A thread's memory for what lies between the rows and the probability, and views of it: making them
    anew for every frame would take as long as the arithmetic."""

    def __init__(self) -> None:
        self.samples = _zeros(640)
        self.tail = self.samples[ROW:]
        self.mirrored = self.samples[ROW - 2 : ROW - 66 : -1]
        self.windows = _zeros(4, 256)
        self.windows_of_samples = _windows(self.samples, 4, 256, 128)
        self.real = _zeros(4, 129)
        self.imaginary = _zeros(4, 129)
        padded = _zeros(6, 129)
        self.magnitudes = padded[1:5]
        self.threes_of_4 = _zeros(4, 3 * 129)
        self.threes_of_magnitudes = _windows(padded, 4, 3 * 129, 129)
        self.of_4 = _zeros(4, 128)
        padded = _zeros(5, 128)
        self.first = padded[1:]
        self.threes_of_2 = _zeros(2, 3 * 128)
        self.threes_of_first = _windows(padded, 2, 3 * 128, 2 * 128)
        self.second = _zeros(2, 64)
        self.flat_second = self.second.reshape(128)
        self.third = _zeros(64)
        self.fourth = _zeros(STATE)
        self.both = _zeros(2 * STATE)
        self.feature, self.hidden = self.both[:STATE], self.both[STATE:]
        self.gates = _zeros(4 * STATE)
        self.sigmoids = self.gates[: 3 * STATE]
        self.input, self.output, self.forget, self.candidate = self.gates.reshape(4, STATE)
        self.heard = _zeros(STATE)


def _zeros(*shape: int) -> Floats:
    return np.zeros(shape, np.float32)


def _matrix(values: npt.NDArray[Any]) -> Floats:
    return np.ascontiguousarray(values, np.float32)


def _windows(values: Floats, count: int, width: int, apart: int) -> Floats:
    """A view of contiguous memory as overlapping rows."""
    return as_strided(values, (count, width), (apart * values.itemsize, values.itemsize))


# Arrays, because numpy takes longer for a Python number.
_ZERO: Final = np.array(0, np.float32)
_HALF: Final = np.array(0.5, np.float32)
