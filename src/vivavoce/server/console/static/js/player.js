/** The assistant's speech where it comes inside events: played in order, stopped at once, with what was heard. */

import { decodePcm } from './base64.js';

/**
 * @typedef {object} Played
 * @property {string} id the item
 * @property {number} playedMs what reached the loudspeaker
 * @property {number} receivedMs what came
 */

/** Dispatches `started`, `position` and `finished`, and `stopped` for each that was not played to its end
 * (detail: a Played). */
export class Player extends EventTarget {
  #port;
  #sound;
  /** @type {Set<string>} Items of which more may come, or of which not all was played. */
  #pending = new Set();
  /** @type {Set<string>} Items that were stopped: what still comes of them is not played. */
  #stopped = new Set();
  /** @type {((utterances: Played[]) => void)[]} */
  #stops = [];

  /** @param {import('./sound.js').Sound} sound */
  constructor(sound) {
    super();
    this.#sound = sound;
    this.#port = sound.player.port;
    this.#port.onmessage = ({ data }) => {
      if (data.type === 'stopped') {
        this.#stops.shift()?.(data.utterances);
        return;
      }
      const { type, ...played } = data;
      if (type === 'finished') this.#pending.delete(played.id);
      this.#tell(type, played);
    };
  }

  /** Whether anything is being played, or will be. */
  get busy() {
    return this.#pending.size > 0;
  }

  /**
   * @param {string} id the item
   * @param {string} audio base64
   */
  play(id, audio) {
    if (this.#stopped.has(id)) return;
    this.#pending.add(id);
    const pcm = decodePcm(audio);
    this.#port.postMessage({ type: 'audio', id, pcm }, [pcm.buffer]);
  }

  /**
   * No more will come of this item.
   * @param {string} id
   */
  end(id) {
    this.#port.postMessage({ type: 'end', id });
  }

  /**
   * Be silent at once.
   * @returns {Promise<Played[]>} what was not played to its end, in order
   */
  async stop() {
    const ids = [...this.#pending];
    this.#pending.clear();
    ids.forEach((id) => this.#stopped.add(id));
    const utterances = await new Promise((resolve) => {
      this.#stops.push(resolve);
      this.#port.postMessage({ type: 'stop' });
    });
    // What the context has played is still on its way through the device.
    const way = this.#sound.latencyMs;
    const played = utterances.map((/** @type {Played} */ each) => ({
      ...each,
      playedMs: Math.max(0, each.playedMs - way),
    }));
    played.forEach((/** @type {Played} */ each) => this.#tell('stopped', each));
    return played;
  }

  /**
   * @param {string} type
   * @param {Played} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
