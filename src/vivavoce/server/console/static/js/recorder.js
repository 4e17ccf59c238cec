/** The conversation as it sounded: the user on the left, the assistant on the right. It stays in this page. */

import { RATE } from '../worklets/pcm.js';
import { wav } from './wav.js';

/** The longest recording; of a longer one the beginning is dropped. */
const LONGEST_S = 30 * 60;
const CHANNELS = 2;

/** Dispatches `length` when there is more, or less. */
export class Recorder extends EventTarget {
  /** @type {Int16Array[]} */
  #pieces = [];
  #samples = 0;
  #port;
  #flushes = 0;
  /** @type {Map<number, () => void>} */
  #flushed = new Map();
  recording = false;

  /** @param {import('./sound.js').Sound} sound */
  attach(sound) {
    this.#port = sound.recording.port;
    this.#port.onmessage = ({ data }) => {
      if (data instanceof Int16Array) this.#keep(data);
      else this.#flushed.get(data.flushed)?.();
    };
  }

  get seconds() {
    return this.#samples / CHANNELS / RATE;
  }

  /** Forget it. */
  clear() {
    this.#pieces = [];
    this.#samples = 0;
    this.dispatchEvent(new Event('length'));
  }

  /** @returns {Promise<Blob>} */
  async file() {
    if (this.#port !== undefined && this.recording) {
      const tag = ++this.#flushes;
      await new Promise((resolve) => {
        this.#flushed.set(tag, () => resolve(undefined));
        this.#port.postMessage({ type: 'flush', tag });
      });
      this.#flushed.delete(tag);
    }
    return wav(this.#pieces, CHANNELS, RATE);
  }

  /** @param {Int16Array} piece */
  #keep(piece) {
    if (!this.recording) return;
    this.#pieces.push(piece);
    this.#samples += piece.length;
    while (this.seconds > LONGEST_S) this.#samples -= this.#pieces.shift().length;
    this.dispatchEvent(new Event('length'));
  }
}
