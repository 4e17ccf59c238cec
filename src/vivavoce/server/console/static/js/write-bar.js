/** Where one writes, with pictures. */

import { element, icon } from './dom.js';
import { dataUrl } from './images.js';

/** Most pictures in one message. */
const MOST = 8;

/**
 * @typedef {object} Elements
 * @property {HTMLFormElement} form
 * @property {HTMLTextAreaElement} text
 * @property {HTMLInputElement} file
 * @property {HTMLElement} attached where pictures wait to be sent
 * @property {HTMLElement} drop where pictures may be dropped
 */

/** Dispatches `message` (detail: `{text, images}`) and `problem` (detail: what was thrown). */
export class WriteBar extends EventTarget {
  #text;
  #file;
  #attached;
  /** @type {string[]} Data URLs. */
  #images = [];

  /**
   * @param {Elements} elements
   */
  constructor({ form, text, file, attached, drop }) {
    super();
    this.#text = text;
    this.#file = file;
    this.#attached = attached;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
    });
    text.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    text.addEventListener('paste', (event) => this.#take(event.clipboardData?.files));
    file.addEventListener('change', async () => {
      await this.#take(file.files);
      file.value = '';
    });
    drop.addEventListener('dragover', (event) => {
      event.preventDefault();
      drop.classList.add('dropping');
    });
    for (const end of ['dragleave', 'drop'])
      drop.addEventListener(end, () => drop.classList.remove('dropping'));
    drop.addEventListener('drop', (event) => {
      event.preventDefault();
      this.#take(event.dataTransfer?.files);
    });
  }

  #send() {
    const text = this.#text.value.trim();
    if (text === '' && this.#images.length === 0) return;
    this.dispatchEvent(new CustomEvent('message', { detail: { text, images: this.#images } }));
    this.#text.value = '';
    this.#images = [];
    this.#show();
  }

  /** @param {FileList | null | undefined} files */
  async #take(files) {
    for (const file of [...(files ?? [])].slice(0, MOST - this.#images.length)) {
      try {
        this.#images.push(await dataUrl(file));
      } catch (error) {
        this.dispatchEvent(new CustomEvent('problem', { detail: error }));
      }
    }
    this.#show();
  }

  #show() {
    const remove = (/** @type {number} */ index) => () => {
      this.#images.splice(index, 1);
      this.#show();
      this.#file.focus();
    };
    this.#attached.replaceChildren(
      ...this.#images.map((url, index) =>
        element(
          'li',
          {},
          element('img', { src: url, alt: `Picture ${index + 1} to send` }),
          element(
            'button.icon',
            { type: 'button', 'aria-label': `Remove picture ${index + 1}`, onclick: remove(index) },
            icon('end'),
          ),
        ),
      ),
    );
  }
}
