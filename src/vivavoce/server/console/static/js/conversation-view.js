/** The conversation, as people read it. */

import { heardOf } from './conversation.js';
import { element } from './dom.js';

const NAMES = { user: 'You', assistant: 'Assistant', system: 'System', tool: 'Function' };
/** How far from the end one may have scrolled and still be taken along. */
const NEAR_PX = 80;

export class ConversationView {
  #list;
  #scroll;
  #announcer;
  #conversation;
  #calls;
  /** @type {Map<string, HTMLElement>} By the ids of the entries. */
  #shown = new Map();
  /** @type {Set<import('./conversation.js').Entry>} What changed since it was shown. */
  #changed = new Set();
  /** @type {Set<string>} Entries that were read out. */
  #announced = new Set();

  /**
   * @param {import('./conversation.js').Conversation} conversation
   * @param {import('./calls.js').Calls} calls
   * @param {{list: HTMLElement, scroll: HTMLElement, announcer: HTMLElement}} elements
   */
  constructor(conversation, calls, { list, scroll, announcer }) {
    this.#conversation = conversation;
    this.#calls = calls;
    this.#list = list;
    this.#scroll = scroll;
    this.#announcer = announcer;
    conversation.addEventListener('change', ({ detail }) => this.#note(detail));
    conversation.addEventListener('remove', ({ detail }) => this.#remove(detail.id));
    conversation.addEventListener('clear', () => this.#clear());
    calls.addEventListener('call', ({ detail }) => {
      const entry = conversation.find(detail.itemId);
      if (entry !== undefined) this.#note(entry);
    });
  }

  /**
   * A line between what was before and what comes.
   * @param {string} words
   */
  divide(words) {
    this.#follow(() => this.#list.append(element('li.divider', {}, element('p.hint', {}, words))));
  }

  /**
   * Show what is new with the next frame: words come faster than anybody reads.
   * @param {import('./conversation.js').Entry} entry
   */
  #note(entry) {
    if (this.#changed.size === 0) requestAnimationFrame(() => this.#draw());
    this.#changed.add(entry);
  }

  #draw() {
    const { entries } = this.#conversation;
    const changed = entries.filter((entry) => this.#changed.has(entry));
    this.#changed.clear();
    this.#follow(() => changed.forEach((entry) => this.#show(entry)));
  }

  /** @param {import('./conversation.js').Entry} entry */
  #show(entry) {
    let shown = this.#shown.get(entry.id);
    if (shown === undefined) {
      shown = blank(entry);
      this.#shown.set(entry.id, shown);
    }
    this.#place(shown, entry);
    if (entry.kind === 'call') this.#fillCall(shown, entry);
    else fill(shown, entry);
    this.#announce(entry);
  }

  /**
   * Behind the entry that comes before it; what is in its place stays there.
   * @param {HTMLElement} shown
   * @param {import('./conversation.js').Entry} entry
   */
  #place(shown, entry) {
    const { entries } = this.#conversation;
    let before = this.#shown.get(entries[entries.indexOf(entry) - 1]?.id);
    while (before?.nextElementSibling?.matches('.divider')) before = before.nextElementSibling;
    if (before === undefined) {
      if (this.#list.firstElementChild !== shown) this.#list.prepend(shown);
    } else if (before.nextElementSibling !== shown) {
      before.after(shown);
    }
  }

  /**
   * @param {HTMLElement} shown
   * @param {import('./conversation.js').Entry} entry
   */
  #fillCall(shown, entry) {
    const call = this.#calls.find(entry.id);
    const said = shown.querySelector('.said');
    const card = element(
      'div.card',
      {},
      element('code', {}, `${entry.name}(${entry.text})`),
      entry.output === undefined ? null : element('code.output', {}, entry.output),
      call?.trouble ? element('p.trouble', {}, call.trouble) : null,
      call?.state === 'running' ? element('p.hint', {}, 'The snippet is running …') : null,
    );
    const form = said.querySelector('form');
    if (call?.state === 'waiting') card.append(form ?? this.#answerForm(entry));
    said.replaceChildren(card);
  }

  /** @param {import('./conversation.js').Entry} entry */
  #answerForm({ id, name }) {
    const output = element('textarea.code', {
      rows: 2,
      name: 'output',
      spellcheck: 'false',
      placeholder: '{"result": …}',
    });
    const onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#calls.answer(id, output.value);
    };
    return element(
      'form',
      { onsubmit },
      element('label.field', {}, `Answer of ${name}`, output),
      element('button.primary.small', { type: 'submit' }, 'Answer'),
    );
  }

  /** @param {string} id */
  #remove(id) {
    this.#shown.get(id)?.remove();
    this.#shown.delete(id);
  }

  #clear() {
    this.#shown.clear();
    this.#changed.clear();
    this.#announced.clear();
    this.#list.replaceChildren();
  }

  /**
   * Read an utterance out once it is whole.
   * @param {import('./conversation.js').Entry} entry
   */
  #announce({ id, kind, role, text, status }) {
    const whole = status === 'completed' || status === 'incomplete';
    if (!whole || kind !== 'message' || text === '' || this.#announced.has(id)) return;
    this.#announced.add(id);
    this.#announcer.textContent = `${NAMES[role]}: ${text}`;
  }

  /**
   * Change something, and stay at the end if that is where the reader is.
   * @param {() => void} change
   */
  #follow(change) {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    const near = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    change();
    if (near) this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }
}

/** @param {import('./conversation.js').Entry} entry */
function blank({ role, kind }) {
  const who = element('p.who', {}, NAMES[role]);
  return element(`li.entry.${role}.${kind}`, {}, who, element('div.said'));
}

/**
 * @param {HTMLElement} shown
 * @param {import('./conversation.js').Entry} entry
 */
function fill(shown, entry) {
  const { status, role, text, images, cutMs, heard } = entry;
  const waiting =
    status === 'speaking' || status === 'pending' || (status === 'in_progress' && role !== 'user');
  shown.classList.toggle('waiting', waiting);
  const words = element('p.words');
  if (cutMs === null || heard === null) words.append(text);
  else {
    const kept = heardOf(entry);
    const rest = text.slice(kept.length);
    words.append(kept);
    if (rest.trim()) words.append(element('del', {}, element('span.unseen', {}, ' not heard: '), rest));
  }
  const pictures = images.map((src, index) =>
    element('img', { src, alt: `Picture ${index + 1} of the message` }),
  );
  shown
    .querySelector('.said')
    .replaceChildren(element('div.pictures', {}, ...pictures), words, element('p.about', {}, about(entry)));
}

/** @param {import('./conversation.js').Entry} entry */
function about({ status, role, spoken, cutMs }) {
  if (cutMs === 0) return 'Interrupted before it was heard';
  if (cutMs !== null) return `Interrupted after ${(cutMs / 1000).toFixed(1)} s`;
  if (status === 'speaking') return 'Listening';
  if (status === 'pending') return 'Understanding';
  if (status === 'failed' && role === 'user') return 'This could not be understood.';
  if (status === 'incomplete') return spoken ? 'Broken off' : 'Stopped';
  return '';
}
