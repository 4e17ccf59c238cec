/** WAV files: 16-bit samples behind a header of 44 bytes. */

/**
 * @param {Int16Array[]} pieces interleaved samples
 * @param {number} channels
 * @param {number} rate samples a second and channel
 * @returns {Blob}
 */
export function wav(pieces, channels, rate) {
  const size = pieces.reduce((bytes, piece) => bytes + piece.byteLength, 0);
  const header = new DataView(new ArrayBuffer(44));
  const text = (/** @type {number} */ at, /** @type {string} */ word) =>
    [...word].forEach((letter, index) => header.setUint8(at + index, letter.charCodeAt(0)));
  text(0, 'RIFF');
  header.setUint32(4, 36 + size, true);
  text(8, 'WAVEfmt ');
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true);
  header.setUint16(22, channels, true);
  header.setUint32(24, rate, true);
  header.setUint32(28, rate * channels * 2, true);
  header.setUint16(32, channels * 2, true);
  header.setUint16(34, 16, true);
  text(36, 'data');
  header.setUint32(40, size, true);
  return new Blob([header, ...pieces], { type: 'audio/wav' });
}
