/** What goes over the wire in both directions, without its weight: sound and pictures are left out. */

/** Most entries that are kept; the oldest go first. */
export const MOST_ENTRIES = 3000;
/** Longest text that is kept as it is. */
const LONGEST_TEXT = 4000;
/** Of these events many follow on each other: they share an entry. */
const SOUND = { 'input_audio_buffer.append': 'audio', 'response.output_audio.delta': 'delta' };

/**
 * @typedef {object} Logged
 * @property {number} number counts from 1
 * @property {number} at unix time in milliseconds
 * @property {'sent' | 'received'} direction
 * @property {string} type
 * @property {any} event without sound and pictures
 * @property {number} count how many events it stands for
 * @property {number} bytes of sound in them
 */

/** Dispatches `entry` (detail: a Logged that is new), `more` (a Logged that stands for one more), `dropped`
 * (a Logged) and `clear`. */
export class EventLog extends EventTarget {
  /** @type {Logged[]} */
  entries = [];
  #number = 0;

  /**
   * @param {'sent' | 'received'} direction
   * @param {any} event
   */
  add(direction, event) {
    const field = SOUND[event.type];
    const bytes = field === undefined ? 0 : Math.floor((event[field].length * 3) / 4);
    const last = this.entries.at(-1);
    if (field !== undefined && last?.type === event.type && last.event.item_id === event.item_id) {
      last.count += 1;
      last.bytes += bytes;
      this.dispatchEvent(new CustomEvent('more', { detail: last }));
      return;
    }
    const light = field === undefined ? lighten(event) : { ...event, [field]: `⟨${bytes} bytes of audio⟩` };
    this.#number += 1;
    const entry = {
      number: this.#number,
      at: Date.now(),
      direction,
      type: event.type,
      event: light,
      count: 1,
      bytes,
    };
    this.entries.push(entry);
    if (this.entries.length > MOST_ENTRIES) {
      this.dispatchEvent(new CustomEvent('dropped', { detail: this.entries.shift() }));
    }
    this.dispatchEvent(new CustomEvent('entry', { detail: entry }));
  }

  clear() {
    this.entries = [];
    this.dispatchEvent(new Event('clear'));
  }

  /** One line of JSON for each entry. */
  file() {
    const lines = this.entries.map(({ at, direction, count, event }) =>
      JSON.stringify({ at: new Date(at).toISOString(), direction, ...(count > 1 ? { count } : {}), event }),
    );
    return new Blob(
      lines.map((line) => `${line}\n`),
      { type: 'application/jsonl' },
    );
  }
}

/**
 * The same with long texts cut short.
 * @param {any} value
 * @returns {any}
 */
function lighten(value) {
  if (typeof value === 'string') {
    return value.length <= LONGEST_TEXT ? value : `${value.slice(0, 40)}… ⟨${value.length} characters⟩`;
  }
  if (Array.isArray(value)) return value.map(lighten);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, lighten(each)]));
}
