/** The protocol's samples: 16 bits, mono, 24 kHz. */

export const RATE = 24_000;

/**
 * @param {Float32Array} samples between -1 and 1
 * @returns {Int16Array}
 */
export function toPcm(samples) {
  return Int16Array.from(samples, (sample) => Math.round(Math.max(-1, Math.min(1, sample)) * 32_767));
}

/**
 * @param {Int16Array} pcm
 * @returns {Float32Array}
 */
export function fromPcm(pcm) {
  return Float32Array.from(pcm, (sample) => sample / 32_768);
}
