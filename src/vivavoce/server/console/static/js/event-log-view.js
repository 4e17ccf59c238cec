/** The event log, as people read it: a line for each event, and its JSON on demand. */

import { element } from './dom.js';

/** Most lines that are shown; of more that fit a filter the latest are. */
const MOST_LINES = 1000;
/** Events that bring audio or text piece by piece. */
const PIECES = /\.(append|delta)$/;
/** How far from the end one may have scrolled and still be taken along. */
const NEAR_PX = 40;

/** @typedef {import('./event-log.js').Logged} Logged */

export class EventLogView {
  #log;
  #lines;
  #scroll;
  #count;
  /** @type {Map<number, HTMLElement>} By the numbers of the entries. */
  #shown = new Map();
  #filter = { words: '', direction: '', deltas: false };
  #paused = false;
  /** @type {Logged[]} What the next frame shows. */
  #new = [];

  /**
   * @param {import('./event-log.js').EventLog} log
   * @param {{lines: HTMLElement, scroll: HTMLElement, count: HTMLElement}} elements
   */
  constructor(log, { lines, scroll, count }) {
    this.#log = log;
    this.#lines = lines;
    this.#scroll = scroll;
    this.#count = count;
    log.addEventListener('entry', ({ detail }) => this.#add(detail));
    log.addEventListener('more', ({ detail }) => this.#more(detail));
    log.addEventListener('dropped', ({ detail }) => this.#drop(detail));
    log.addEventListener('clear', () => this.#redraw());
  }

  /** @param {{words: string, direction: string, deltas: boolean}} filter */
  filter(filter) {
    this.#filter = { ...filter, words: filter.words.trim().toLowerCase() };
    this.#redraw();
  }

  /**
   * Show nothing new for a while; it is kept all the same.
   * @param {boolean} paused
   */
  pause(paused) {
    this.#paused = paused;
    if (!paused) this.#redraw();
    this.#tellCount();
  }

  /** @param {Logged} entry */
  #add(entry) {
    if (this.#new.length === 0) requestAnimationFrame(() => this.#draw());
    this.#new.push(entry);
  }

  #draw() {
    const entries = this.#new.splice(0).filter((entry) => !this.#paused && this.#fits(entry));
    this.#tellCount();
    if (entries.length === 0) return;
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    const near = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    entries.forEach((entry) => this.#append(entry));
    if (near) this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }

  /** @param {Logged} entry */
  #append(entry) {
    const shown = line(entry);
    this.#shown.set(entry.number, shown);
    this.#lines.append(shown);
    if (this.#shown.size > MOST_LINES) this.#remove(this.#shown.keys().next().value);
  }

  /** @param {Logged} entry */
  #more(entry) {
    const shown = this.#shown.get(entry.number);
    if (shown !== undefined && !this.#paused) shown.querySelector('.gist').textContent = gist(entry);
  }

  /** @param {Logged} entry */
  #drop({ number }) {
    this.#remove(number);
  }

  /** @param {number} number */
  #remove(number) {
    this.#shown.get(number)?.remove();
    this.#shown.delete(number);
  }

  #redraw() {
    this.#new = [];
    this.#shown.clear();
    this.#lines.replaceChildren();
    this.#log.entries
      .filter((entry) => this.#fits(entry))
      .slice(-MOST_LINES)
      .forEach((entry) => this.#append(entry));
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#tellCount();
  }

  /** @param {Logged} entry */
  #fits(entry) {
    const { words, direction, deltas } = this.#filter;
    if (direction && entry.direction !== direction) return false;
    if (!deltas && PIECES.test(entry.type)) return false;
    return (
      words === '' || entry.type.includes(words) || JSON.stringify(entry.event).toLowerCase().includes(words)
    );
  }

  #tellCount() {
    const { length } = this.#log.entries;
    this.#count.textContent = `${length || ''}${this.#paused ? ' · paused' : ''}`;
  }
}

/** @param {Logged} entry */
function line(entry) {
  const { at, direction, type, event } = entry;
  const sent = direction === 'sent';
  const summary = element(
    'summary',
    {},
    element('time', {}, clock(at)),
    element(
      'span.way',
      {},
      element('span', { 'aria-hidden': 'true' }, sent ? '↑' : '↓'),
      element('span.unseen', {}, sent ? 'sent' : 'received'),
    ),
    element('span.type', {}, type),
    element('span.gist', {}, gist(entry)),
  );
  const shown = element(`details.${direction}${type === 'error' ? '.bad' : ''}`, {}, summary);
  shown.addEventListener('toggle', () => {
    if (shown.open && shown.querySelector('pre') === null) shown.append(json(event));
  });
  return shown;
}

/** @param {number} at unix time in milliseconds */
function clock(at) {
  const date = new Date(at);
  const two = (/** @type {number} */ number) => String(number).padStart(2, '0');
  return `${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/**
 * What an event is about, in a few words.
 * @param {Logged} entry
 */
function gist({ event, count, bytes }) {
  if (bytes > 0) return `× ${count}, ${(bytes / 48_000).toFixed(2)} s`;
  if (event.error?.message) return event.error.message;
  if (typeof event.delta === 'string') return event.delta;
  if (typeof event.transcript === 'string') return event.transcript;
  if (typeof event.text === 'string') return event.text;
  if (event.item)
    return [event.item.role ?? event.item.type, event.item.name, event.item.status]
      .filter(Boolean)
      .join(' · ');
  if (event.response?.status) return event.response.status;
  if (event.session?.model) return event.session.model;
  if (event.audio_end_ms !== undefined) return `${event.audio_end_ms} ms`;
  if (event.audio_start_ms !== undefined) return `${event.audio_start_ms} ms`;
  return '';
}

/**
 * JSON with its keys, texts and numbers told apart.
 * @param {any} value
 */
function json(value) {
  const pre = element('pre', { tabindex: '0' });
  const text = JSON.stringify(value, null, 2);
  let at = 0;
  for (const token of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|-?\d[\d.eE+-]*|\b(?:true|false|null)\b/g)) {
    const kind = token[2] ? 'key' : token[1] ? 'text' : 'number';
    const words = token[1] ?? token[0];
    pre.append(text.slice(at, token.index), element(`span.${kind}`, {}, words));
    at = token.index + words.length;
  }
  pre.append(text.slice(at));
  return pre;
}
