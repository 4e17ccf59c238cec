/** The conversation as the server tells it: who said what, in which order, and how much of it was heard. */

/**
 * @typedef {object} Entry
 * @property {string} id the item's
 * @property {'message' | 'call' | 'note'} kind
 * @property {'user' | 'assistant' | 'system' | 'tool'} role
 * @property {string} text what was said or written, all of it
 * @property {string[]} images
 * @property {'speaking' | 'pending' | 'in_progress' | 'completed' | 'incomplete' | 'failed'} status
 * @property {boolean} spoken
 * @property {number | null} cutMs where the speech was cut off, in milliseconds of its audio
 * @property {string | null} heard what the server keeps of a text that was cut; null: not known yet
 * @property {string} [name] of the function
 * @property {string} [callId]
 * @property {string} [output] of the function
 * @property {string} [responseId]
 */

/** Dispatches `change` (detail: an Entry), `remove` (detail: an Entry) and `clear`. */
export class Conversation extends EventTarget {
  /** @type {Entry[]} */
  entries = [];
  #reading = {
    'input_audio_buffer.speech_started': (event) => this.#speaking(event.item_id),
    'input_audio_buffer.speech_stopped': (event) => this.#change(event.item_id, { status: 'pending' }),
    'input_audio_buffer.cleared': () => this.#drop(this.entries.find((entry) => entry.status === 'speaking')),
    'conversation.item.added': (event) => this.#added(event),
    'conversation.item.done': (event) => this.#done(event.item),
    'conversation.item.deleted': (event) => this.#drop(this.find(event.item_id)),
    'conversation.item.truncated': (event) =>
      this.#change(event.item_id, { cutMs: event.audio_end_ms, heard: null }),
    'conversation.item.retrieved': (event) => this.#retrieved(event.item),
    'conversation.item.input_audio_transcription.delta': (event) => this.#said(event),
    'conversation.item.input_audio_transcription.completed': (event) =>
      this.#change(event.item_id, { text: event.transcript, status: 'completed' }),
    'conversation.item.input_audio_transcription.failed': (event) =>
      this.#change(event.item_id, { status: 'failed' }),
    'response.output_item.added': (event) => this.#change(event.item.id, { responseId: event.response_id }),
    'response.output_audio_transcript.delta': (event) => this.#said(event),
    'response.output_audio_transcript.done': (event) =>
      this.#change(event.item_id, { text: event.transcript }),
    'response.output_text.delta': (event) => this.#said(event),
    'response.output_text.done': (event) => this.#change(event.item_id, { text: event.text }),
    'response.function_call_arguments.delta': (event) => this.#said(event),
    'response.function_call_arguments.done': (event) =>
      this.#change(event.item_id, { text: event.arguments }),
  };

  /** @param {any} event of the server */
  receive(event) {
    this.#reading[event.type]?.(event);
  }

  /** @param {string} id */
  find(id) {
    return this.entries.find((entry) => entry.id === id);
  }

  clear() {
    this.entries = [];
    this.dispatchEvent(new Event('clear'));
  }

  /**
   * What was said and heard, as items that tell it to a new session: the words, and not how they sounded.
   * @returns {object[]}
   */
  items() {
    return this.entries.flatMap((entry) => {
      if (entry.kind === 'call') return callItems(entry);
      const text = (entry.cutMs === null ? entry.text : heardOf(entry)).trim();
      if (entry.kind !== 'message' || (text === '' && entry.images.length === 0)) return [];
      const type = entry.role === 'assistant' ? 'output_text' : 'input_text';
      const content = [
        ...entry.images.map((url) => ({ type: 'input_image', image_url: url })),
        ...(text ? [{ type, text }] : []),
      ];
      return [{ id: entry.id, type: 'message', role: entry.role, content }];
    });
  }

  /** The connection is gone: what was going on will not go on. */
  settle() {
    for (const entry of this.entries) {
      if (entry.status === 'speaking') this.#drop(entry);
      else if (entry.status === 'pending') this.#change(entry.id, { status: 'failed' });
      else if (entry.status === 'in_progress') this.#change(entry.id, { status: 'incomplete' });
    }
  }

  /** @param {string} id */
  #speaking(id) {
    if (this.find(id) === undefined) this.#insert(blank(id, 'user', 'speaking', true), undefined);
  }

  /** @param {{item: any, previous_item_id: string | null}} event */
  #added({ item, previous_item_id: previous }) {
    if (item.type === 'function_call_output') {
      const call = this.entries.find((entry) => entry.callId === item.call_id);
      if (call !== undefined) this.#change(call.id, { output: item.output });
      return;
    }
    const entry = this.find(item.id) ?? blank(item.id, item.role ?? 'tool', 'in_progress', false);
    Object.assign(entry, shown(item, entry));
    this.#insert(entry, previous);
  }

  /** @param {any} item */
  #done(item) {
    const entry = this.find(item.id);
    if (entry !== undefined) this.#change(item.id, shown(item, entry));
  }

  /** @param {any} item */
  #retrieved(item) {
    const entry = this.find(item.id);
    if (entry === undefined || entry.cutMs === null) return;
    this.#change(item.id, { heard: text(item.content?.[0]) ?? '' });
  }

  /** @param {{item_id: string, delta: string}} event */
  #said({ item_id: id, delta }) {
    const entry = this.find(id);
    if (entry !== undefined) this.#change(id, { text: entry.text + delta });
  }

  /**
   * @param {string} id
   * @param {Partial<Entry>} changes
   */
  #change(id, changes) {
    const entry = this.find(id);
    if (entry === undefined) return;
    Object.assign(entry, changes);
    this.#tell(entry);
  }

  /**
   * Put an entry where it belongs: behind the one that is named, first (null), or last (undefined).
   * @param {Entry} entry
   * @param {string | null | undefined} previous
   */
  #insert(entry, previous) {
    this.entries = this.entries.filter((each) => each !== entry);
    const before = this.entries.findIndex((each) => each.id === previous);
    const known = previous !== null && previous !== undefined && before >= 0;
    if (known) this.entries.splice(before + 1, 0, entry);
    else this.entries.push(entry);
    this.#tell(entry);
  }

  /** @param {Entry | undefined} entry */
  #drop(entry) {
    if (entry === undefined) return;
    this.entries = this.entries.filter((each) => each !== entry);
    this.dispatchEvent(new CustomEvent('remove', { detail: entry }));
  }

  /** @param {Entry} entry */
  #tell(entry) {
    this.dispatchEvent(new CustomEvent('change', { detail: entry }));
  }
}

/**
 * How much of a text that was cut off was heard. The server says so, unless it keeps no words of such an
 * item: then nothing is known, and nothing counts as heard.
 * @param {Entry} entry
 */
export function heardOf({ text: said, heard }) {
  if (heard === null) return said;
  return said.startsWith(heard.trimEnd()) ? heard.trimEnd() : '';
}

/**
 * @param {string} id
 * @param {Entry['role']} role
 * @param {Entry['status']} status
 * @param {boolean} spoken
 * @returns {Entry}
 */
function blank(id, role, status, spoken) {
  return { id, kind: 'message', role, text: '', images: [], status, spoken, cutMs: null, heard: null };
}

/**
 * What an item shows of itself. Transcripts come in events of their own, and an item that lacks one does not
 * take it back.
 * @param {any} item
 * @param {Entry} entry
 * @returns {Partial<Entry>}
 */
function shown(item, entry) {
  const status = item.status ?? 'completed';
  if (item.type === 'function_call') {
    return {
      kind: 'call',
      role: 'tool',
      name: item.name,
      callId: item.call_id,
      text: item.arguments || entry.text,
      status,
    };
  }
  if (item.type !== 'message') return { kind: 'note', role: 'tool', text: noted(item), status };
  const parts = item.content ?? [];
  const spoken = entry.spoken || parts.some((part) => part.type.endsWith('audio'));
  const words = parts.map(text).filter(Boolean).join('\n');
  const images = parts.filter((part) => part.type === 'input_image').map((part) => part.image_url);
  const awaited = item.role === 'user' && spoken && !words && !entry.text && entry.status !== 'failed';
  return {
    kind: 'message',
    role: item.role,
    spoken,
    text: entry.cutMs === null ? words || entry.text : entry.text,
    images: images.length > 0 ? images : entry.images,
    status: awaited ? 'pending' : status,
  };
}

/** @param {any} part of an item's content */
function text(part) {
  return part?.text ?? part?.transcript ?? '';
}

/** @param {any} item of a kind that this page does not write */
function noted(item) {
  const named = [item.server_label, item.name].filter(Boolean).join('.');
  return `${item.type.replaceAll('_', ' ')}${named ? `: ${named}` : ''}`;
}

/**
 * A call that was answered, and its answer.
 * @param {Entry} entry
 */
function callItems({ id, name, callId, text: args, output }) {
  if (output === undefined) return [];
  return [
    { id, type: 'function_call', name, call_id: callId, arguments: args },
    { type: 'function_call_output', call_id: callId, output },
  ];
}
