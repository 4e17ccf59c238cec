/** Both sides of the conversation, side by side in time. */

import { RATE, toPcm } from './pcm.js';
import { Resampler } from './resampler.js';

/** Frames in one message: a fifth of a second. */
const PIECE = RATE / 5;

/**
 * Takes two channels, the user on the left and the assistant on the right, and posts interleaved
 * `Int16Array`s at the protocol's rate. A message `{type: "flush", tag}` posts what is left of them, and
 * then `{flushed: tag}`.
 */
class Recording extends AudioWorkletProcessor {
  #resamplers = [new Resampler(sampleRate, RATE), new Resampler(sampleRate, RATE)];
  #piece = new Float32Array(2 * PIECE);
  #filled = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      this.#post();
      this.port.postMessage({ flushed: data.tag });
    };
  }

  /** @param {Float32Array[][]} inputs */
  process([channels]) {
    if (channels.length < 2) return true;
    const [left, right] = channels.slice(0, 2).map((samples, side) => this.#resamplers[side].push(samples));
    left.forEach((sample, index) => {
      this.#piece[this.#filled] = sample;
      this.#piece[this.#filled + 1] = right[index];
      this.#filled += 2;
      if (this.#filled === this.#piece.length) this.#post();
    });
    return true;
  }

  #post() {
    if (this.#filled === 0) return;
    const pcm = toPcm(this.#piece.subarray(0, this.#filled));
    this.#filled = 0;
    this.port.postMessage(pcm, [pcm.buffer]);
  }
}

registerProcessor('recording', Recording);
