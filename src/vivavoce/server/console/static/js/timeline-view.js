/** The timeline, drawn as it happens: a table for each turn, in which the bars are drawn and the numbers say the
 * same to whoever cannot see them. */

import { drawn, element } from './dom.js';
import { isLive, latency, origin, STAGES } from './timeline.js';

const NAMES = {
  speech: 'Speech',
  transcript: 'Transcript',
  language: 'Language',
  voice: 'Voice',
  playback: 'Playback',
  tool: 'Function',
};
const COLUMNS = [
  ['stage', 'Stage'],
  ['picture', 'Drawn'],
  ['after', 'After the end of your turn'],
  ['lasted', 'Lasted'],
];
const TITLES = { written: 'Written', asked: 'Asked', spoken: 'Spoken' };
/** The shortest time that is drawn over the whole width, in milliseconds. */
const SHORTEST_MS = 1500;
/** How often a turn that goes on is drawn, in milliseconds. */
const EVERY_MS = 66;
const CALM_MS = 500;

/** @typedef {import('./timeline.js').Turn} Turn */

export class TimelineView {
  #list;
  #summary;
  #timeline;
  /** @type {Map<Turn, HTMLElement>} */
  #shown = new Map();
  /** @type {Set<Turn>} What changed since it was drawn. */
  #changed = new Set();
  #timer = 0;
  #calm = matchMedia('(prefers-reduced-motion: reduce)');

  /**
   * @param {import('./timeline.js').Timeline} timeline
   * @param {{list: HTMLElement, summary: HTMLElement}} elements
   */
  constructor(timeline, { list, summary }) {
    this.#timeline = timeline;
    this.#list = list;
    this.#summary = summary;
    timeline.addEventListener('turn', ({ detail }) => this.#add(detail));
    timeline.addEventListener('change', ({ detail }) => this.#note(detail));
    timeline.addEventListener('dropped', ({ detail }) => this.#drop(detail));
    timeline.addEventListener('clear', () => {
      this.#shown.clear();
      this.#changed.clear();
      this.#list.replaceChildren();
      this.#summary.textContent = '';
    });
  }

  /** @param {Turn} turn */
  #add(turn) {
    const shown = element('li.turn');
    this.#shown.set(turn, shown);
    this.#list.prepend(shown);
    this.#note(turn);
  }

  /** @param {Turn} turn */
  #drop(turn) {
    this.#shown.get(turn)?.remove();
    this.#shown.delete(turn);
    this.#changed.delete(turn);
  }

  /** @param {Turn} turn */
  #note(turn) {
    this.#changed.add(turn);
    if (this.#timer === 0) this.#timer = setTimeout(() => this.#draw(), 0);
  }

  #draw() {
    const now = performance.now();
    for (const turn of this.#changed) this.#shown.get(turn)?.replaceChildren(...picture(turn, now));
    this.#changed = new Set(this.#timeline.turns.filter(isLive));
    this.#summary.textContent = summary(this.#timeline.turns);
    const delay = this.#calm.matches ? CALM_MS : EVERY_MS;
    this.#timer = this.#changed.size > 0 ? setTimeout(() => this.#draw(), delay) : 0;
  }
}

/**
 * @param {Turn} turn
 * @param {number} now
 * @returns {HTMLElement[]}
 */
function picture(turn, now) {
  const ends = STAGES.flatMap((stage) => turn.stages[stage].map(({ to }) => to ?? now));
  const span = Math.max(SHORTEST_MS, Math.max(turn.from, ...ends) - turn.from);
  const answer =
    latency(turn, 'playback') ?? (turn.stages.playback.length > 0 ? null : latency(turn, 'language'));
  const title = element(
    'h3',
    {},
    element('span.number', {}, String(turn.number)),
    element('span.words', {}, turn.words.trim() || TITLES[turn.kind]),
    answer === null ? null : element('span.answer', {}, `answer after ${ms(answer)}`),
  );
  const rows = STAGES.filter((stage) => turn.stages[stage].length > 0).map((stage) =>
    row(turn, stage, span, now),
  );
  const heading = ([name, words]) =>
    element(`th.${name}`, { scope: 'col' }, element('span.unseen', {}, words));
  const head = element('thead', {}, element('tr', {}, ...COLUMNS.map(heading)));
  return [title, element('table', {}, head, element('tbody', {}, ...rows))];
}

/**
 * @param {Turn} turn
 * @param {string} stage
 * @param {number} span the milliseconds that the whole width stands for
 * @param {number} now
 */
function row(turn, stage, span, now) {
  const part = (/** @type {number} */ length) => `${Math.max(0, (100 * length) / span).toFixed(3)}%`;
  const bars = turn.stages[stage].flatMap(({ from, first, to, cut }) => {
    const end = to ?? now;
    const start = first ?? end;
    const at = (/** @type {string} */ kind, /** @type {number} */ begin, /** @type {number} */ length) =>
      drawn(`rect.${kind}`, { x: part(begin - turn.from), width: part(length), y: 2, height: 8, rx: 1.5 });
    return [
      at('wait', from, start - from),
      at('stretch', start, end - start),
      cut ? drawn('rect.cut', { x: part(end - turn.from), width: 2, y: 0, height: 12 }) : null,
    ].filter((bar) => bar !== null);
  });
  const lane = drawn('rect.lane', { width: '100%', y: 5.5, height: 1 });
  const turnEnd = drawn('rect.now', { x: part(origin(turn) - turn.from), width: 1, y: -4, height: 20 });
  const after = latency(turn, stage);
  const cut = turn.stages[stage].some((stretch) => stretch.cut);
  return element(
    'tr',
    { 'data-stage': stage },
    element('th', { scope: 'row' }, NAMES[stage]),
    element('td', {}, drawn('svg', { 'aria-hidden': 'true' }, lane, ...bars, turnEnd)),
    element('td.after', {}, after === null ? '' : `${after < 0 ? '−' : '+'}${ms(Math.abs(after))}`),
    element('td.lasted', {}, lasted(turn, stage, now), cut ? element('span.unseen', {}, ', cut off') : null),
  );
}

/**
 * @param {Turn} turn
 * @param {string} stage
 * @param {number} now
 */
function lasted(turn, stage, now) {
  const total = turn.stages[stage].reduce((sum, { from, to }) => sum + (to ?? now) - from, 0);
  return total < 1000 ? ms(total) : `${(total / 1000).toFixed(2)} s`;
}

/** @param {number} length */
function ms(length) {
  return `${Math.round(length)} ms`;
}

/**
 * The answers' latencies at a glance.
 * @param {Turn[]} turns
 */
function summary(turns) {
  const answers = turns
    .map((turn) => latency(turn, 'playback'))
    .filter((each) => each !== null)
    .sort((a, b) => a - b);
  if (answers.length === 0) return '';
  const median = answers[Math.floor((answers.length - 1) / 2)];
  return `answers after ${ms(median)}`;
}
