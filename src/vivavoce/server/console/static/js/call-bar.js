/** The buttons with which one talks. */

const WORDS = {
  closed: 'Start talking',
  connecting: 'Cancel',
  open: 'End',
  troubled: 'End',
  waiting: 'Give up',
};
/** Where the space bar has a meaning of its own. */
const BUSY = 'input, select, textarea, button, summary, a, [contenteditable]';

/**
 * @typedef {object} Rooms
 * @property {import('./talk.js').Talk} talk
 * @property {import('./settings.js').Settings} settings
 * @property {import('./connection.js').Connection} connection
 */

/** Dispatches `start` and `end`, and `listen` when the microphone is to be turned on meanwhile. */
export class CallBar extends EventTarget {
  #talk;
  #settings;
  #connection;
  /** @type {import('./sound.js').Sound | null} */
  #sound = null;
  #elements;
  #muted = false;
  #hushed = false;

  /**
   * @param {Rooms} rooms
   * @param {Record<'start' | 'hold' | 'mute' | 'stop', HTMLButtonElement>} elements
   */
  constructor({ talk, settings, connection }, elements) {
    super();
    this.#talk = talk;
    this.#settings = settings;
    this.#connection = connection;
    this.#elements = elements;
    const { start, hold, mute, stop } = elements;
    start.addEventListener('click', () =>
      this.dispatchEvent(new Event(connection.state === 'closed' ? 'start' : 'end')),
    );
    stop.addEventListener('click', () => talk.stop());
    mute.addEventListener('click', () => {
      if (this.#hears) this.#mute(!this.#muted);
      else this.dispatchEvent(new Event('listen'));
    });
    hold.addEventListener('pointerdown', (event) => {
      hold.setPointerCapture(event.pointerId);
      talk.press();
    });
    for (const end of ['pointerup', 'pointercancel', 'lostpointercapture'])
      hold.addEventListener(end, () => talk.release());
    hold.addEventListener('contextmenu', (event) => event.preventDefault());
    document.addEventListener('keydown', (event) => this.#keyDown(event));
    document.addEventListener('keyup', (event) => event.code === 'Space' && talk.release());
    window.addEventListener('blur', () => talk.release());
    talk.addEventListener('holding', ({ detail }) => {
      hold.setAttribute('aria-pressed', String(detail));
      hold.querySelector('span').textContent = detail ? 'Listening' : 'Hold to talk';
    });
    connection.addEventListener('state', () => this.show());
    settings.addEventListener('change', () => this.show());
    this.show();
  }

  /** @param {import('./sound.js').Sound} sound */
  attach(sound) {
    this.#sound = sound;
    this.#mute(false);
  }

  /**
   * Let nothing be heard for now, whether the user has muted the microphone or not.
   * @param {boolean} hushed
   */
  hush(hushed) {
    this.#hushed = hushed;
    this.#sound?.mute(this.#muted || hushed);
  }

  /** Whether there is a microphone. */
  get #hears() {
    return this.#sound?.microphone != null;
  }

  /** What can be done now. */
  show() {
    const { start, hold, mute, stop } = this.#elements;
    const { state, isOpen } = this.#connection;
    const { handsFree } = this.#settings.values;
    const hears = this.#hears;
    start.querySelector('span').textContent = WORDS[state];
    start.querySelector('use').setAttribute('href', state === 'closed' ? '#icon-mic' : '#icon-end');
    hold.hidden = !isOpen || !hears || handsFree;
    mute.hidden = !isOpen || (hears && !handsFree);
    mute.setAttribute('aria-label', hears ? 'Mute the microphone' : 'Turn the microphone on');
    mute.setAttribute('aria-pressed', String(hears && this.#muted));
    mute.querySelector('use').setAttribute('href', hears && !this.#muted ? '#icon-mic' : '#icon-mic-off');
    stop.hidden = !isOpen || !this.#talk.answering;
  }

  /** From the button that connected on to the one with which to talk. */
  focus() {
    const { start, hold } = this.#elements;
    this.show();
    if (!hold.hidden && document.activeElement === start) hold.focus();
  }

  /** @param {KeyboardEvent} event */
  #keyDown(event) {
    if (
      event.key === 'Escape' &&
      !this.#elements.stop.hidden &&
      document.querySelector('dialog[open]') === null
    )
      this.#talk.stop();
    const { hold } = this.#elements;
    if (event.code !== 'Space' || hold.hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = /** @type {Element} */ (event.target);
    if (target !== hold && target.closest(BUSY) !== null) return;
    event.preventDefault();
    if (!event.repeat) this.#talk.press();
  }

  /** @param {boolean} muted */
  #mute(muted) {
    this.#muted = muted;
    this.#sound?.mute(muted || this.#hushed);
    this.show();
  }
}
