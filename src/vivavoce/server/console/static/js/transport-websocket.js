/** Events and audio over a WebSocket. */

import { Problem } from './problem.js';

const KEY_SUBPROTOCOL = 'openai-insecure-api-key.';
/** Close codes after which nothing is gained by coming again: the caller is refused. */
const REFUSALS = { from: 3000, to: 4999 };

/**
 * What a transport tells.
 * @typedef {object} TransportEvents
 * @property {(text: string) => void} received
 * @property {(problem: Problem, again: boolean) => void} lost once; `again`: whether it may help to come again
 * @property {(problem: Problem | null) => void} [troubled] the network is gone, or (null) back
 * @property {(stream: MediaStream) => void} [speaking] what the other side says
 */

export class WebSocketTransport {
  /** Audio travels inside events. */
  carriesAudio = true;
  #socket;

  /**
   * @param {{url: URL, secret: string}} where
   * @param {TransportEvents} events
   */
  constructor({ url, secret }, events) {
    this.#socket = new WebSocket(url, ['realtime', KEY_SUBPROTOCOL + secret]);
    let opened = false;
    this.#socket.onopen = () => {
      opened = true;
    };
    this.#socket.onmessage = ({ data }) => events.received(data);
    this.#socket.onclose = ({ code, reason }) => {
      const refused = code >= REFUSALS.from && code <= REFUSALS.to;
      events.lost(farewell(code, reason, opened), !refused && code !== 1000);
    };
  }

  /** @param {string} text */
  send(text) {
    this.#socket.send(text);
  }

  close() {
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    this.#socket.close(1000);
  }
}

/**
 * @param {number} code
 * @param {string} reason
 * @param {boolean} opened
 */
function farewell(code, reason, opened) {
  if (!opened)
    return new Problem(
      'The connection did not come about',
      'Check that the server is running and reachable.',
    );
  if (code === 1006)
    return new Problem('The connection broke off', 'The network failed, or the server ended.');
  if (code === 1001)
    return new Problem('The server ended the session', 'It is going away, or the session is over.');
  if (code === 1013) return new Problem('The server is full', 'Try again later.');
  return new Problem('The server closed the connection', `Code ${code}${reason ? `: ${reason}` : ''}.`);
}
