/** Events over a data channel, and audio beside them: a call over WebRTC. */

import { Problem, refused, unreachable } from './problem.js';

const LABEL = 'oai-events';
/** How long to look for ways to be reached before the offer goes out with those that were found. */
const GATHERING_MS = 2_000;

export class WebRTCTransport {
  /** Audio travels on a track. */
  carriesAudio = false;
  /** @type {RTCPeerConnection} */
  #peer;
  /** @type {RTCDataChannel} */
  #channel;
  /** @type {RTCRtpSender} */
  #sender;
  #opened = false;
  #over = false;

  /**
   * Make a call. Rejects with a Problem.
   * @param {{url: URL, secret: string, track: MediaStreamTrack}} call `track`: what is said
   * @param {import('./transport-websocket.js').TransportEvents} events
   */
  static async open({ url, secret, track }, events) {
    const transport = new WebRTCTransport(track, events);
    try {
      await transport.#call(url, secret);
    } catch (error) {
      transport.close();
      throw error;
    }
    return transport;
  }

  /**
   * @param {MediaStreamTrack} track
   * @param {import('./transport-websocket.js').TransportEvents} events
   */
  constructor(track, events) {
    const peer = new RTCPeerConnection();
    this.#peer = peer;
    this.#sender = peer.addTrack(track);
    this.#channel = peer.createDataChannel(LABEL);
    this.#channel.onopen = () => {
      this.#opened = true;
    };
    this.#channel.onmessage = ({ data }) => events.received(data);
    this.#channel.onclose = () => this.#end(events);
    peer.ontrack = ({ track: speech }) => events.speaking?.(new MediaStream([speech]));
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === 'failed') this.#end(events);
      else if (peer.connectionState === 'connected') events.troubled?.(null);
      else if (peer.connectionState === 'disconnected') {
        events.troubled?.(new Problem('The network is gone', 'The call goes on when it is back.'));
      }
    };
  }

  /**
   * Say something else from now on, such as another microphone.
   * @param {MediaStreamTrack} track
   */
  speak(track) {
    this.#sender.replaceTrack(track);
  }

  /** @param {string} text */
  send(text) {
    const most = this.#peer.sctp?.maxMessageSize ?? Infinity;
    if (new Blob([text]).size > most) {
      throw new Problem(
        'This is too large for a call over WebRTC',
        `At most ${most} bytes go at once; use WebSocket.`,
      );
    }
    this.#channel.send(text);
  }

  close() {
    this.#over = true;
    this.#peer.close();
  }

  /**
   * @param {URL} url
   * @param {string} secret
   */
  async #call(url, secret) {
    await this.#peer.setLocalDescription();
    await this.#gathered();
    const headers = { Authorization: `Bearer ${secret}`, 'Content-Type': 'application/sdp' };
    const body = this.#peer.localDescription?.sdp;
    const options = { method: 'POST', headers, body, credentials: /** @type {const} */ ('omit') };
    const response = await fetch(url, options).catch(() => {
      throw unreachable();
    });
    const answer = await response.text();
    if (!response.ok) throw refused(response.status, errorOf(answer));
    await this.#peer.setRemoteDescription({ type: 'answer', sdp: answer });
  }

  /** Resolves when the offer holds all ways to reach this browser, or enough of them. */
  #gathered() {
    return new Promise((resolve) => {
      const look = () => this.#peer.iceGatheringState === 'complete' && resolve(undefined);
      this.#peer.addEventListener('icegatheringstatechange', look);
      setTimeout(resolve, GATHERING_MS);
      look();
    });
  }

  /** @param {import('./transport-websocket.js').TransportEvents} events */
  #end(events) {
    if (this.#over) return;
    this.#over = true;
    events.lost(this.#opened ? ended() : unreached(), true);
  }
}

function ended() {
  return new Problem('The call ended', 'The network failed, or the server hung up.');
}

function unreached() {
  return new Problem(
    'The call did not come about',
    'Its audio does not reach the server: a firewall may be in between. Choose WebSocket, or see [webrtc] in ' +
      'the server’s configuration.',
  );
}

/** @param {string} body */
function errorOf(body) {
  try {
    return JSON.parse(body).error;
  } catch {
    return undefined;
  }
}
