/** Pictures as the API takes them: PNG or JPEG in a data URL, no larger than it helps. */

import { Problem } from './problem.js';

/** The longer side of a picture that is sent, in pixels. */
const LONGEST_SIDE = 1536;
/** The most bytes of a picture: as text, with all around it, it fits into one message of a data channel. */
const LARGEST_FILE = 180 * 1024;
/** How much smaller it is made as long as it has more. */
const STEP = 0.8;
const JPEG_QUALITY = 0.85;
const AS_THEY_ARE = ['image/png', 'image/jpeg'];

/**
 * @param {Blob} file
 * @returns {Promise<string>} a data URL
 */
export async function dataUrl(file) {
  if (!file.type.startsWith('image/'))
    throw new Problem('That is no picture', 'Attach a PNG, JPEG, WebP or GIF file.');
  if (AS_THEY_ARE.includes(file.type) && file.size <= LARGEST_FILE) return read(file);
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    throw new Problem('This picture cannot be read', 'Attach a PNG, JPEG, WebP or GIF file.');
  }
  let scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
  for (;;) {
    const jpeg = await draw(picture, scale);
    if (jpeg.size <= LARGEST_FILE) return read(jpeg);
    scale *= STEP;
  }
}

/**
 * @param {ImageBitmap} picture
 * @param {number} scale
 */
function draw(picture, scale) {
  const canvas = new OffscreenCanvas(Math.ceil(picture.width * scale), Math.ceil(picture.height * scale));
  const context = canvas.getContext('2d');
  context.fillStyle = 'white';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: 'image/jpeg', quality: JPEG_QUALITY });
}

/**
 * @param {Blob} blob
 * @returns {Promise<string>}
 */
function read(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new Problem('This file cannot be read', reader.error?.message ?? ''));
    reader.readAsDataURL(blob);
  });
}
