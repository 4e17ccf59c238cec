/** Sample rates, changed as the samples come: a windowed sinc, whose taps are worked out once. */

/** Samples of the slower of the two rates on either side of what is worked out. */
const REACH = 16;
/** Positions between two samples for which the taps are worked out; those in between take the nearest. */
const PHASES = 256;
/** The part of the band that passes. */
const PASSED = 0.92;

export class Resampler {
  /** @type {Float32Array} What came and is still needed. */
  #pending;
  /** @type {number} Where the next sample lies in it. */
  #position;
  /** @type {Float32Array[]} */
  #taps;
  #reach;
  #step;

  /**
   * @param {number} from samples a second that come
   * @param {number} to samples a second that are wanted
   */
  constructor(from, to) {
    const band = Math.min(1, to / from);
    this.#step = from / to;
    this.#reach = Math.ceil(REACH / band);
    this.#taps = from === to ? [] : taps(this.#reach, band * PASSED);
    this.reset();
  }

  /** Forget what came: what follows has nothing to do with it. */
  reset() {
    this.#pending = new Float32Array(this.#reach);
    this.#position = this.#reach;
  }

  /**
   * What can be worked out now.
   * @param {Float32Array} samples
   * @returns {Float32Array}
   */
  push(samples) {
    if (this.#taps.length === 0) return samples.slice();
    const reach = this.#reach;
    const all = new Float32Array(this.#pending.length + samples.length);
    all.set(this.#pending);
    all.set(samples, this.#pending.length);
    const last = all.length - reach - 1;
    const count = Math.max(0, Math.floor((last - this.#position) / this.#step) + 1);
    const made = new Float32Array(count);
    for (let index = 0; index < count; index += 1) {
      made[index] = this.#at(all, this.#position + index * this.#step);
    }
    this.#position += count * this.#step;
    const unneeded = Math.max(0, Math.floor(this.#position) - reach);
    this.#pending = all.slice(unneeded);
    this.#position -= unneeded;
    return made;
  }

  /**
   * The rest, with silence behind it. Start afresh with `reset`.
   * @returns {Float32Array}
   */
  flush() {
    return this.#taps.length === 0 ? new Float32Array(0) : this.push(new Float32Array(this.#reach));
  }

  /**
   * @param {Float32Array} samples
   * @param {number} position
   */
  #at(samples, position) {
    let before = Math.floor(position);
    let phase = Math.round((position - before) * PHASES);
    if (phase === PHASES) {
      before += 1;
      phase = 0;
    }
    const weights = this.#taps[phase];
    const first = before - this.#reach + 1;
    let sum = 0;
    for (let index = 0; index < weights.length; index += 1)
      sum += weights[index] * (samples[first + index] ?? 0);
    return sum;
  }
}

/**
 * The weights of the `2 * reach` samples around each position between two.
 * @param {number} reach
 * @param {number} band the part of the band of what comes that passes
 */
function taps(reach, band) {
  return Array.from({ length: PHASES }, (_, phase) => {
    const weights = Float32Array.from({ length: 2 * reach }, (_, index) => {
      const distance = index - reach + 1 - phase / PHASES;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * distance) / reach);
      return Math.abs(distance) >= reach ? 0 : window * band * sinc(band * distance);
    });
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return weights.map((weight) => weight / sum);
  });
}

/** @param {number} x */
function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}
