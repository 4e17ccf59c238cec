/** The microphone, cut into pieces as the protocol wants them. */

import { RATE, toPcm } from './pcm.js';
import { Resampler } from './resampler.js';

/** 40 ms. */
const PIECE = 960;

/**
 * Posts `Int16Array`s of 40 ms. A message `{type: "flush", tag}` posts what is left, if only a part of a
 * piece, and then `{flushed: tag}`.
 */
class Capture extends AudioWorkletProcessor {
  #resampler = new Resampler(sampleRate, RATE);
  #piece = new Float32Array(PIECE);
  #filled = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      this.#post();
      this.port.postMessage({ flushed: data.tag });
    };
  }

  /** @param {Float32Array[][]} inputs */
  process([[samples]]) {
    if (samples === undefined) return true;
    for (const sample of this.#resampler.push(samples)) {
      this.#piece[this.#filled] = sample;
      this.#filled += 1;
      if (this.#filled === PIECE) this.#post();
    }
    return true;
  }

  #post() {
    if (this.#filled === 0) return;
    const pcm = toPcm(this.#piece.subarray(0, this.#filled));
    this.#filled = 0;
    this.port.postMessage(pcm, [pcm.buffer]);
  }
}

registerProcessor('capture', Capture);
