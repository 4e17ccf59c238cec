/** Who this page is to the server: the holder of an API key, which stays in memory, or anybody. */

import { Problem, refused, unreachable } from './problem.js';

/** How long a client secret opens sessions, in seconds. */
const SECRET_LIFE_S = 600;

export class Access {
  /** @type {string | null} */
  #key = null;
  #base;

  /** @param {URL} base where the application is mounted */
  constructor(base) {
    this.#base = base;
  }

  /** Where WebSockets are opened. */
  get socketUrl() {
    const url = new URL('v1/realtime', this.#base);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url;
  }

  /** Where calls over WebRTC are opened. */
  get callsUrl() {
    return new URL('v1/realtime/calls', this.#base);
  }

  get signedIn() {
    return this.#key !== null;
  }

  /**
   * What the server needs, and what it can do.
   * @returns {Promise<{keyNeeded: boolean, webrtc: boolean}>}
   */
  async ways() {
    const { key_needed: keyNeeded, webrtc } = await answer(await this.#ask('console/access'));
    return { keyNeeded, webrtc };
  }

  /**
   * The names of the models.
   * @returns {Promise<string[]>}
   */
  async models() {
    const { data } = await answer(await this.#ask('v1/models', { headers: this.#headers() }));
    return data.map((/** @type {{id: string}} */ model) => model.id);
  }

  /**
   * Take this key from now on, if the server does.
   * @param {string} key
   * @returns {Promise<string[]>} the names of the models
   */
  async signIn(key) {
    if (!/^[\x21-\x7e]+$/.test(key)) {
      throw new Problem('That is no API key', 'A key has letters, digits and signs, and no blanks.');
    }
    this.#key = key;
    try {
      return await this.models();
    } catch (error) {
      this.#key = null;
      throw error;
    }
  }

  signOut() {
    this.#key = null;
  }

  /**
   * A secret that opens sessions of this configuration for a while, and nothing else.
   * @param {object} session
   * @returns {Promise<string>}
   */
  async secret(session) {
    const response = await this.#ask('v1/realtime/client_secrets', {
      method: 'POST',
      headers: { ...this.#headers(), 'Content-Type': 'application/json' },
      body: JSON.stringify({ expires_after: { anchor: 'created_at', seconds: SECRET_LIFE_S }, session }),
    });
    const { value } = await answer(response);
    return value;
  }

  /** @returns {Record<string, string>} */
  #headers() {
    return this.#key === null ? {} : { Authorization: `Bearer ${this.#key}` };
  }

  /**
   * @param {string} path
   * @param {RequestInit} [options]
   */
  async #ask(path, options = {}) {
    try {
      return await fetch(new URL(path, this.#base), { ...options, cache: 'no-store', credentials: 'omit' });
    } catch {
      throw unreachable();
    }
  }
}

/** @param {Response} response */
async function answer(response) {
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw refused(response.status, body.error);
  return body;
}
