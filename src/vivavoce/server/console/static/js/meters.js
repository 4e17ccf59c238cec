/** How loud both sides are. */

import { decibels } from './sound.js';

/** The range of the meters, in decibels below the loudest. */
const QUIETEST = -60;
/** How often they are told to who cannot see them, in milliseconds. */
const TOLD_EVERY_MS = 250;
/** How much of its height a level loses in a frame. */
const FALL = 0.9;

export class Meters {
  /** @type {{element: HTMLElement, analyser: AnalyserNode, shown: number, loudest: number}[]} */
  #sides;
  #frame = 0;
  #toldAt = 0;

  /**
   * @param {import('./sound.js').Sound} sound
   * @param {{you: HTMLElement, assistant: HTMLElement}} elements
   */
  constructor(sound, { you, assistant }) {
    this.#sides = [
      { element: you, analyser: sound.inputLevel, shown: 0, loudest: QUIETEST },
      { element: assistant, analyser: sound.outputLevel, shown: 0, loudest: QUIETEST },
    ];
    this.#draw(0);
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    for (const side of this.#sides) show(side, QUIETEST, 0);
  }

  /** @param {number} now */
  #draw(now) {
    const told = now - this.#toldAt >= TOLD_EVERY_MS;
    for (const side of this.#sides) {
      const level = Math.max(QUIETEST, Math.min(0, decibels(side.analyser)));
      side.loudest = Math.max(side.loudest, level);
      side.shown = Math.max(1 - level / QUIETEST, side.shown * FALL);
      side.element.firstElementChild.style.transform = `scaleX(${side.shown.toFixed(3)})`;
      if (told) {
        show(side, side.loudest, side.shown);
        side.loudest = QUIETEST;
      }
    }
    if (told) this.#toldAt = now;
    this.#frame = requestAnimationFrame((next) => this.#draw(next));
  }
}

/**
 * @param {{element: HTMLElement}} side
 * @param {number} level
 * @param {number} shown
 */
function show({ element }, level, shown) {
  element.setAttribute('aria-valuenow', String(Math.round(level)));
  element.setAttribute('aria-valuetext', level <= QUIETEST ? 'silent' : `${Math.round(level)} decibels`);
  element.firstElementChild.style.transform = `scaleX(${shown.toFixed(3)})`;
}
