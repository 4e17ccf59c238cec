/** When everything of a turn happened, as it looks from this page. Times are those of `performance.now()`. */

/** Most turns that are kept; the oldest go first. */
const MOST_TURNS = 50;

/** The stages of a turn, in the order in which they begin. */
export const STAGES = ['speech', 'transcript', 'language', 'voice', 'playback', 'tool'];

/**
 * @typedef {object} Stretch
 * @property {number} from
 * @property {number | null} first when there was something to see or hear; null: not yet
 * @property {number | null} to null: it goes on
 * @property {boolean} cut whether it ended before its time
 */

/**
 * @typedef {object} Turn
 * @property {number} number counts from 1
 * @property {number} from
 * @property {'spoken' | 'written' | 'asked'} kind how it began
 * @property {string} words of the user, as far as they are known
 * @property {Record<string, Stretch[]>} stages
 */

/** Dispatches `turn` (a Turn that is new), `change` (a Turn), `dropped` (a Turn) and `clear`. */
export class Timeline extends EventTarget {
  /** @type {Turn[]} */
  turns = [];
  #number = 0;
  /** @type {Map<string, Turn>} By the ids of user items, of responses, and of their items. */
  #turnOf = new Map();
  #reading = {
    'input_audio_buffer.speech_started': (event, at) => this.#speak(at, event.item_id, event.audio_start_ms),
    'input_audio_buffer.speech_stopped': (event, at) => this.#spoken(at, event.item_id, event.audio_end_ms),
    'input_audio_buffer.committed': (event, at) => this.#committed(at, event.item_id),
    'conversation.item.input_audio_transcription.delta': (event, at) => this.#understood(at, event, false),
    'conversation.item.input_audio_transcription.completed': (event, at) => this.#understood(at, event, true),
    'conversation.item.input_audio_transcription.failed': (event, at) =>
      this.#close(event.item_id, 'transcript', at, true),
    'response.created': (event, at) => this.#respond(at, event.response.id),
    'response.output_item.added': (event) => this.#link(event.item.id, event.response_id),
    'response.output_audio_transcript.delta': (event, at) => this.#first(event.response_id, 'language', at),
    'response.output_text.delta': (event, at) => this.#first(event.response_id, 'language', at),
    'response.function_call_arguments.delta': (event, at) => this.#first(event.response_id, 'language', at),
    'response.output_audio_transcript.done': (event, at) => this.#close(event.response_id, 'language', at),
    'response.output_text.done': (event, at) => this.#close(event.response_id, 'language', at),
    'response.function_call_arguments.done': (event, at) => this.#called(at, event),
    'response.output_audio.delta': (event, at) => this.#voiced(event.response_id, at),
    'response.output_audio.done': (event, at) => this.#close(event.response_id, 'voice', at),
    'response.done': (event, at) => this.#responded(at, event.response),
    'output_audio_buffer.started': (event, at) => {
      this.#voiced(event.response_id, at);
      this.playing(event.response_id, at);
    },
    'output_audio_buffer.stopped': (event, at) => this.played(event.response_id, at, false),
    'output_audio_buffer.cleared': (event, at) => this.played(event.response_id, at, true),
  };
  /** @type {Turn | null} The one that is answered next. */
  #asking = null;
  /** Where the speech of the latest turn began on the clock of the audio. */
  #audioStartMs = 0;

  /**
   * @param {any} event of the server
   * @param {number} at
   */
  receive(event, at) {
    this.#reading[event.type]?.(event, at);
  }

  /**
   * The user begins a turn by hand: by writing, or by holding the button.
   * @param {'spoken' | 'written'} kind
   * @param {number} at
   * @param {string} [words]
   */
  begin(kind, at, words = '') {
    const turn = this.#turn(kind, at, words);
    if (kind === 'spoken') this.#open(turn, 'speech', at);
    else this.#asking = turn;
  }

  /** The user has let go of the button. */
  released(at) {
    const turn = this.turns.at(-1);
    if (turn !== undefined) this.#end(turn, 'speech', at, false);
  }

  /**
   * The function call of this item was answered.
   * @param {string} id
   * @param {number} at
   */
  answered(id, at) {
    this.#close(id, 'tool', at);
  }

  /**
   * The speech of this item or response is being heard.
   * @param {string} id
   * @param {number} at
   */
  playing(id, at) {
    const turn = this.#turnOf.get(id);
    if (turn !== undefined) this.#open(turn, 'playback', at);
  }

  /**
   * It is heard no more.
   * @param {string} id
   * @param {number} at
   * @param {boolean} cut
   */
  played(id, at, cut) {
    this.#close(id, 'playback', at, cut);
  }

  /** The connection is gone: nothing goes on any more. */
  interrupt(at) {
    for (const turn of this.turns) STAGES.forEach((stage) => this.#end(turn, stage, at, true));
  }

  clear() {
    this.turns = [];
    this.#number = 0;
    this.#turnOf.clear();
    this.#asking = null;
    this.dispatchEvent(new Event('clear'));
  }

  #speak(at, id, startMs) {
    const turn = this.#turn('spoken', at, '');
    this.#audioStartMs = startMs;
    this.#turnOf.set(id, turn);
    this.#open(turn, 'speech', at);
  }

  #spoken(at, id, endMs) {
    const turn = this.#turnOf.get(id);
    if (turn === undefined) return;
    // When it began was told late, after it was sure; how long it lasted is told exactly.
    const [stretch] = turn.stages.speech;
    stretch.from = stretch.first = turn.from = at - (endMs - this.#audioStartMs);
    this.#end(turn, 'speech', at, false);
  }

  #committed(at, id) {
    const last = this.turns.at(-1);
    const turn = this.#turnOf.get(id) ?? (last?.kind === 'spoken' ? last : undefined);
    if (turn === undefined) return;
    this.#turnOf.set(id, turn);
    this.#asking = turn;
    if (turn.stages.transcript.length === 0) this.#open(turn, 'transcript', at, null);
  }

  #understood(at, event, whole) {
    const turn = this.#turnOf.get(event.item_id);
    if (turn === undefined) return;
    turn.words = whole ? event.transcript : turn.words + event.delta;
    if (turn.stages.transcript.length === 0) this.#open(turn, 'transcript', at);
    turn.stages.transcript[0].first ??= at;
    if (whole) this.#end(turn, 'transcript', at, false);
    else this.#tell(turn);
  }

  #respond(at, id) {
    this.#asking ??= this.#turn('asked', at, '');
    this.#turnOf.set(id, this.#asking);
    this.#open(this.#asking, 'language', at, null);
  }

  #link(itemId, responseId) {
    const turn = this.#turnOf.get(responseId);
    if (turn !== undefined) this.#turnOf.set(itemId, turn);
  }

  #called(at, event) {
    this.#close(event.response_id, 'language', at);
    const turn = this.#turnOf.get(event.response_id);
    if (turn !== undefined) this.#open(turn, 'tool', at);
  }

  #voiced(id, at) {
    const turn = this.#turnOf.get(id);
    if (turn !== undefined && this.#running(turn, 'voice') === undefined) this.#open(turn, 'voice', at);
  }

  #responded(at, response) {
    const cut = response.status === 'cancelled';
    for (const stage of ['language', 'voice']) this.#close(response.id, stage, at, cut);
  }

  #first(id, stage, at) {
    const turn = this.#turnOf.get(id);
    const stretch = turn && this.#running(turn, stage);
    if (stretch === undefined || stretch.first !== null) return;
    stretch.first = at;
    this.#tell(turn);
  }

  #turn(kind, at, words) {
    this.#number += 1;
    const stages = Object.fromEntries(STAGES.map((stage) => [stage, []]));
    const turn = { number: this.#number, from: at, kind, words, stages };
    this.turns.push(turn);
    if (this.turns.length > MOST_TURNS) this.#forget(this.turns.shift());
    this.dispatchEvent(new CustomEvent('turn', { detail: turn }));
    return turn;
  }

  #forget(turn) {
    for (const [id, of] of this.#turnOf) if (of === turn) this.#turnOf.delete(id);
    this.dispatchEvent(new CustomEvent('dropped', { detail: turn }));
  }

  #open(turn, stage, at, first = at) {
    turn.stages[stage].push({ from: at, first, to: null, cut: false });
    this.#tell(turn);
  }

  #close(id, stage, at, cut = false) {
    const turn = this.#turnOf.get(id);
    if (turn !== undefined) this.#end(turn, stage, at, cut);
  }

  #end(turn, stage, at, cut) {
    const stretch = this.#running(turn, stage);
    if (stretch === undefined) return;
    stretch.to = at;
    stretch.cut = cut;
    this.#tell(turn);
  }

  #running(turn, stage) {
    return turn.stages[stage].find((stretch) => stretch.to === null);
  }

  #tell(turn) {
    this.dispatchEvent(new CustomEvent('change', { detail: turn }));
  }
}

/**
 * When a turn was over for the user: everything after it is counted from here.
 * @param {Turn} turn
 */
export function origin(turn) {
  return turn.stages.speech[0]?.to ?? turn.from;
}

/**
 * How long after the end of the user's turn a stage had something to show, in milliseconds; null: it has not.
 * @param {Turn} turn
 * @param {string} stage
 */
export function latency(turn, stage) {
  const [stretch] = turn.stages[stage];
  if (stage === 'speech' || stretch === undefined) return null;
  const at = stage === 'transcript' ? stretch.to : stretch.first;
  return at === null ? null : at - origin(turn);
}

/**
 * Whether something of it goes on.
 * @param {Turn} turn
 */
export function isLive(turn) {
  return STAGES.some((stage) => turn.stages[stage].some((stretch) => stretch.to === null));
}
