/** Taking turns: what the microphone hears goes to the server, and whoever interrupts is let speak. */

import { encodePcm } from './base64.js';

/** The least that the server takes as a turn, in milliseconds. */
const SHORTEST_MS = 100;
/** How long what was said may be on its way to the server, where it does not come with the events. */
const ON_THE_WAY_MS = 250;

/**
 * Dispatches `holding` (detail: whether the button is held), `short` when it was held too briefly, and
 * `turn` (detail: `spoken` or `released`).
 */
export class Talk extends EventTarget {
  #connection;
  #floor;
  #settings;
  /** @type {import('./sound.js').Sound | null} */
  #sound = null;
  /** @type {import('./player.js').Player | null} */
  #player = null;
  #holding = false;
  #heldMs = 0;
  /** Whether the reply in progress ends only when the server says so. */
  #patient = false;
  /** Whether the server is playing its speech. */
  #playing = false;

  /**
   * @param {import('./connection.js').Connection} connection
   * @param {import('./floor.js').Floor} floor
   * @param {import('./settings.js').Settings} settings
   */
  constructor(connection, floor, settings) {
    super();
    this.#connection = connection;
    this.#floor = floor;
    this.#settings = settings;
  }

  get holding() {
    return this.#holding;
  }

  /**
   * @param {import('./sound.js').Sound} sound
   * @param {import('./player.js').Player} player
   */
  attach(sound, player) {
    this.#sound = sound;
    this.#player = player;
    sound.addEventListener('captured', ({ detail }) => this.#captured(detail));
  }

  /** @param {any} event of the server */
  receive(event) {
    switch (event.type) {
      case 'session.created':
      case 'session.updated':
        this.#patient = event.session.audio?.input?.turn_detection?.type === 'semantic_vad';
        this.#playing &&= event.type !== 'session.created';
        break;
      case 'output_audio_buffer.started':
        this.#playing = true;
        break;
      case 'output_audio_buffer.stopped':
      case 'output_audio_buffer.cleared':
        this.#playing = false;
        break;
      case 'response.output_audio.delta':
        this.#player?.play(event.item_id, event.delta);
        break;
      case 'response.output_audio.done':
        this.#player?.end(event.item_id);
        break;
      case 'input_audio_buffer.speech_started':
        // With semantic detection a reply in progress goes on until the server has understood that it is
        // interrupted, and not just agreed to.
        if (this.#settings.values.interrupts && !(this.#patient && this.#floor.active)) this.hush();
        break;
      case 'response.done':
        if (event.response.status === 'cancelled') this.hush();
        break;
      case 'conversation.item.truncated':
        this.#connection.send({ type: 'conversation.item.retrieve', item_id: event.item_id });
        break;
    }
  }

  /** Whether the assistant is speaking, or about to. */
  get answering() {
    return this.#floor.active || this.#playing || (this.#player?.busy ?? false);
  }

  /** Stop the answer that is being given, wherever it is. */
  stop() {
    this.#floor.cancel();
    this.hush();
    if (this.#playing) this.#connection.send({ type: 'output_audio_buffer.clear' });
  }

  /** Be silent, and tell the server how much was heard. */
  async hush() {
    if (!this.#connection.carriesAudio || !this.#player?.busy) return;
    for (const { id, playedMs } of await this.#player.stop()) {
      this.#connection.send({
        type: 'conversation.item.truncate',
        item_id: id,
        content_index: 0,
        audio_end_ms: Math.floor(playedMs),
      });
    }
  }

  /** The button is pressed: from now on the server hears the microphone. */
  press() {
    if (this.#holding || !this.#connection.isOpen) return;
    if (this.answering) this.stop();
    this.#connection.send({ type: 'input_audio_buffer.clear' });
    this.#holding = true;
    this.#heldMs = performance.now();
    this.#tell('holding', true);
    this.#tell('turn', 'spoken');
  }

  /** The button is released: that was the turn. */
  async release() {
    if (!this.#holding) return;
    if (this.#connection.carriesAudio) await this.#sound?.flush();
    if (!this.#holding) return;
    this.#holding = false;
    this.#tell('holding', false);
    this.#tell('turn', 'released');
    const brief = performance.now() - this.#heldMs < SHORTEST_MS;
    if (!this.#connection.carriesAudio) await new Promise((resolve) => setTimeout(resolve, ON_THE_WAY_MS));
    if (this.#holding) return;
    if (brief) {
      this.#connection.send({ type: 'input_audio_buffer.clear' });
      this.#tell('short', true);
      return;
    }
    this.#connection.send({ type: 'input_audio_buffer.commit' });
    this.#floor.ask();
  }

  /** Let go without having said anything, as when the connection is lost. */
  forget() {
    if (!this.#holding) return;
    this.#holding = false;
    this.#tell('holding', false);
  }

  /**
   * Say something in writing, with pictures.
   * @param {string} text
   * @param {string[]} images data URLs
   */
  write(text, images) {
    if (this.answering) this.stop();
    const pictures = images.map((url) => ({ type: 'input_image', image_url: url }));
    const content = [...pictures, ...(text ? [{ type: 'input_text', text }] : [])];
    this.#connection.send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content },
    });
    this.#floor.ask();
  }

  /** @param {Int16Array} pcm */
  #captured(pcm) {
    const wanted = this.#settings.values.handsFree || this.#holding;
    if (!wanted || this.#sound?.microphone === null || !this.#connection.carriesAudio) return;
    this.#connection.send({ type: 'input_audio_buffer.append', audio: encodePcm(pcm) });
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
