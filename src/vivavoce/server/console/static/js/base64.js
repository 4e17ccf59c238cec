/** Samples as text, and back. */

const CHUNK = 0x8000;

/**
 * @param {Int16Array} pcm
 * @returns {string}
 */
export function encodePcm(pcm) {
  const bytes = new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  let text = '';
  for (let start = 0; start < bytes.length; start += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(start, start + CHUNK));
  }
  return btoa(text);
}

/**
 * @param {string} text
 * @returns {Int16Array}
 */
export function decodePcm(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Int16Array(bytes.buffer, 0, bytes.length >> 1);
}
