/** A connection to the server that comes again when it breaks off. */

import { explain, Problem } from './problem.js';

/** @typedef {'closed' | 'connecting' | 'open' | 'troubled' | 'waiting'} State */

/**
 * @typedef {object} Transport
 * @property {boolean} carriesAudio whether audio travels inside events
 * @property {(text: string) => void} send
 * @property {() => void} close
 * @property {(track: MediaStreamTrack) => void} [speak] where it does not: say this from now on
 */

/** Which state follows on what; a pair that is not here is a fault of this page. */
const TRANSITIONS = {
  closed: { open: 'connecting' },
  connecting: { created: 'open', lost: 'waiting', close: 'closed' },
  open: { lost: 'waiting', trouble: 'troubled', close: 'closed' },
  troubled: { recovered: 'open', lost: 'waiting', close: 'closed' },
  waiting: { again: 'connecting', close: 'closed' },
};

/** Seconds to wait before each attempt to come again. */
const DELAYS_S = [0.3, 1, 2, 4, 8, 8, 8, 8];
/** A connection that lasted so long counts as a good one, after which one may begin to count attempts afresh. */
const GOOD_MS = 10_000;

/**
 * Dispatches `state` (detail: the state), `sent` and `received` (detail: the event), `problem` (detail: a
 * Problem), `created` (detail: `{session, again}`) and `speaking` (detail: a MediaStream).
 */
export class Connection extends EventTarget {
  /** @type {State} */
  #state = 'closed';
  /** @type {Transport | null} */
  #transport = null;
  /** @type {(() => Promise<unknown>) | null} */
  #join = null;
  #attempts = 0;
  #openedAt = 0;
  #timer = 0;
  /** Counts what was begun, so that what belongs to something older is told apart. */
  #generation = 0;
  #opened = false;

  get state() {
    return this.#state;
  }

  get isOpen() {
    return this.#state === 'open' || this.#state === 'troubled';
  }

  /** Whether audio travels inside events. */
  get carriesAudio() {
    return this.#transport?.carriesAudio ?? false;
  }

  /**
   * Say something else from now on, such as another microphone.
   * @param {MediaStreamTrack} track
   */
  speak(track) {
    this.#transport?.speak?.(track);
  }

  /**
   * Connect, and come again when the connection breaks off, until `close`.
   * @param {(events: object) => Promise<any>} join makes a transport
   */
  open(join) {
    this.#join = join;
    this.#attempts = 0;
    this.#opened = false;
    this.#fire('open');
    this.#connect();
  }

  /** Come again at once, as another join would now. */
  renew() {
    if (!this.isOpen) return;
    this.#generation += 1;
    this.#drop();
    this.#fire('lost');
    this.#fire('again');
    this.#connect();
  }

  close() {
    clearTimeout(this.#timer);
    this.#generation += 1;
    this.#drop();
    if (this.#state !== 'closed') this.#fire('close');
  }

  /**
   * Send an event; one that cannot be sent now is lost.
   * @param {{type: string}} event
   * @returns {boolean} whether it was sent
   */
  send(event) {
    if (!this.isOpen || this.#transport === null) return false;
    try {
      this.#transport.send(JSON.stringify(event));
    } catch (error) {
      this.#tell('problem', explain(error));
      return false;
    }
    this.#tell('sent', event);
    return true;
  }

  async #connect() {
    const generation = ++this.#generation;
    const current = () => generation === this.#generation;
    try {
      const transport = await this.#join({
        received: (/** @type {string} */ text) => current() && this.#receive(text),
        lost: (/** @type {Problem} */ problem, /** @type {boolean} */ again) =>
          current() && this.#lose(problem, again),
        troubled: (/** @type {Problem | null} */ problem) => current() && this.#trouble(problem),
        speaking: (/** @type {MediaStream} */ stream) => current() && this.#tell('speaking', stream),
      });
      if (current()) this.#transport = transport;
      else transport.close();
    } catch (error) {
      if (current()) this.#lose(explain(error), this.#opened);
    }
  }

  /** @param {string} text */
  #receive(text) {
    const event = JSON.parse(text);
    if (event.type === 'session.created' && this.#state === 'connecting') {
      const again = this.#opened;
      this.#opened = true;
      this.#openedAt = performance.now();
      this.#fire('created');
      this.#tell('received', event);
      this.#tell('created', { session: event.session, again });
      return;
    }
    this.#tell('received', event);
  }

  /**
   * @param {Problem} problem
   * @param {boolean} again
   */
  #lose(problem, again) {
    this.#generation += 1;
    this.#drop();
    if (this.isOpen && performance.now() - this.#openedAt > GOOD_MS) this.#attempts = 0;
    if (!again || !this.#opened || this.#attempts >= DELAYS_S.length) {
      this.#fire('close');
      this.#tell('problem', problem);
      return;
    }
    this.#fire('lost');
    this.#timer = setTimeout(() => {
      this.#fire('again');
      this.#connect();
    }, DELAYS_S[this.#attempts] * 1000);
    this.#attempts += 1;
  }

  /** @param {Problem | null} problem */
  #trouble(problem) {
    if (problem !== null && this.#state === 'open') this.#fire('trouble');
    else if (problem === null && this.#state === 'troubled') this.#fire('recovered');
  }

  #drop() {
    this.#transport?.close();
    this.#transport = null;
  }

  /** @param {string} cause */
  #fire(cause) {
    const next = TRANSITIONS[this.#state][cause];
    if (next === undefined) throw new Error(`The connection is ${this.#state}: it cannot ${cause}.`);
    this.#state = next;
    this.#tell('state', next);
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
