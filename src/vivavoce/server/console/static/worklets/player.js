/** Plays speech that comes faster than it is spoken, and knows to the sample how much of it was played. */

import { RATE, fromPcm } from './pcm.js';
import { Resampler } from './resampler.js';

/** How often the position is told, in seconds. */
const TOLD_EVERY_S = 0.1;
/** Speech that is stopped fades within so many seconds, so that it does not click. */
const FADE_S = 0.005;

/**
 * One thing that is spoken: an item of the conversation.
 * @typedef {object} Utterance
 * @property {string} id
 * @property {Float32Array[]} pieces what was not played yet, at the rate of the output
 * @property {number} offset samples of the first piece that were played
 * @property {number} played samples that were played, at the rate of the output
 * @property {number} received samples that came, at the protocol's rate
 * @property {boolean} ended whether all of it came
 * @property {boolean} started
 * @property {Resampler} resampler
 */

/**
 * Takes `{type: "audio", id, pcm}`, `{type: "end", id}` and `{type: "stop"}`. Posts `{type, id, playedMs,
 * receivedMs}` with the types `started`, `position` and `finished`, and, as the answer to a stop, `{type:
 * "stopped", utterances}`: all that was not played to the end.
 */
class Player extends AudioWorkletProcessor {
  /** @type {Utterance[]} */
  #queue = [];
  #toldAt = 0;
  #fade = new Float32Array(0);

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data.type === 'audio') this.#append(data.id, data.pcm);
      else if (data.type === 'end') this.#end(data.id);
      else this.#stop();
    };
  }

  /**
   * @param {Float32Array[][]} _inputs
   * @param {Float32Array[][]} outputs
   */
  process(_inputs, [[output]]) {
    let filled = this.#finishFade(output);
    while (filled < output.length && this.#queue.length > 0) {
      const utterance = this.#queue[0];
      const piece = utterance.pieces[0];
      if (piece === undefined) {
        if (!utterance.ended) break;
        this.#queue.shift();
        this.#tell('finished', utterance);
        continue;
      }
      if (!utterance.started) {
        utterance.started = true;
        this.#tell('started', utterance);
      }
      const count = Math.min(piece.length - utterance.offset, output.length - filled);
      output.set(piece.subarray(utterance.offset, utterance.offset + count), filled);
      filled += count;
      utterance.offset += count;
      utterance.played += count;
      if (utterance.offset === piece.length) {
        utterance.pieces.shift();
        utterance.offset = 0;
      }
    }
    const [playing] = this.#queue;
    if (playing !== undefined && currentTime - this.#toldAt >= TOLD_EVERY_S) this.#tell('position', playing);
    return true;
  }

  /**
   * @param {string} id
   * @param {Int16Array} pcm
   */
  #append(id, pcm) {
    let utterance = this.#queue.find((each) => each.id === id);
    if (utterance === undefined) {
      const resampler = new Resampler(RATE, sampleRate);
      utterance = {
        id,
        pieces: [],
        offset: 0,
        played: 0,
        received: 0,
        ended: false,
        started: false,
        resampler,
      };
      this.#queue.push(utterance);
    }
    utterance.received += pcm.length;
    keep(utterance.pieces, utterance.resampler.push(fromPcm(pcm)));
  }

  /** @param {string} id */
  #end(id) {
    const utterance = this.#queue.find((each) => each.id === id);
    if (utterance === undefined) return;
    keep(utterance.pieces, utterance.resampler.flush());
    utterance.ended = true;
  }

  #stop() {
    const [playing] = this.#queue;
    const utterances = this.#queue.map((each) => this.#report(each));
    this.#queue = [];
    if (playing?.pieces[0] !== undefined) {
      const length = Math.round(FADE_S * sampleRate);
      const rest = playing.pieces[0].slice(playing.offset, playing.offset + length);
      this.#fade = rest.map((sample, index) => sample * (1 - index / length));
    }
    this.port.postMessage({ type: 'stopped', utterances });
  }

  /**
   * What is left of the last one's fade; returns how much of the output it fills.
   * @param {Float32Array} output
   */
  #finishFade(output) {
    const now = this.#fade.subarray(0, output.length);
    output.set(now);
    this.#fade = this.#fade.subarray(now.length);
    return now.length;
  }

  /**
   * @param {string} type
   * @param {Utterance} utterance
   */
  #tell(type, utterance) {
    this.#toldAt = currentTime;
    this.port.postMessage({ type, ...this.#report(utterance) });
  }

  /** @param {Utterance} utterance */
  #report({ id, played, received }) {
    const receivedMs = (received * 1000) / RATE;
    return { id, playedMs: Math.min((played * 1000) / sampleRate, receivedMs), receivedMs };
  }
}

/**
 * @param {Float32Array[]} pieces
 * @param {Float32Array} piece
 */
function keep(pieces, piece) {
  if (piece.length > 0) pieces.push(piece);
}

registerProcessor('player', Player);
