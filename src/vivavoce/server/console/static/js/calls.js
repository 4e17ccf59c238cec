/** Function calls and their answers: by snippet at once, or by hand when the user has written one. */

import { explain } from './problem.js';
import { runSnippet } from './snippet.js';

/**
 * A call that waits for its answer, or has one.
 * @typedef {object} Call
 * @property {string} itemId
 * @property {string} callId
 * @property {string} responseId
 * @property {string} name
 * @property {string} args JSON
 * @property {'running' | 'waiting' | 'answered'} state `waiting` for the user
 * @property {string} [trouble] why a snippet gave no answer
 */

/** Dispatches `call` (detail: a Call) whenever there is something new about it. */
export class Calls extends EventTarget {
  /** @type {Map<string, Call>} By the ids of their items. */
  #calls = new Map();
  #connection;
  #floor;
  #tools;

  /**
   * @param {import('./connection.js').Connection} connection
   * @param {import('./floor.js').Floor} floor
   * @param {import('./tools.js').Tools} tools
   */
  constructor(connection, floor, tools) {
    super();
    this.#connection = connection;
    this.#floor = floor;
    this.#tools = tools;
  }

  /** @param {string} itemId */
  find(itemId) {
    return this.#calls.get(itemId);
  }

  /** @param {any} event of the server */
  receive(event) {
    if (
      event.type === 'response.output_item.done' &&
      event.item.type === 'function_call' &&
      event.item.status === 'completed'
    ) {
      this.#called(event.item, event.response_id);
    } else if (event.type === 'session.created') {
      this.#calls.clear();
    }
  }

  /**
   * Answer a call. When all calls of its response are answered the assistant goes on.
   * @param {string} itemId
   * @param {string} output
   */
  answer(itemId, output) {
    const call = this.#calls.get(itemId);
    if (call === undefined || call.state === 'answered') return;
    const item = { type: 'function_call_output', call_id: call.callId, output };
    if (!this.#connection.send({ type: 'conversation.item.create', item })) return;
    call.state = 'answered';
    this.#tell(call);
    const siblings = [...this.#calls.values()].filter((other) => other.responseId === call.responseId);
    if (siblings.every((other) => other.state === 'answered')) this.#floor.ask();
  }

  /**
   * @param {{id: string, call_id: string, name: string, arguments: string}} item
   * @param {string} responseId
   */
  async #called(item, responseId) {
    const tool = this.#tools.find(item.name);
    const state = tool?.answer === 'snippet' ? 'running' : 'waiting';
    /** @type {Call} */
    const call = {
      itemId: item.id,
      callId: item.call_id,
      responseId,
      name: item.name,
      args: item.arguments,
      state,
    };
    this.#calls.set(item.id, call);
    this.#tell(call);
    if (state === 'waiting') return;
    try {
      this.answer(item.id, await runSnippet(tool.code, JSON.parse(item.arguments || '{}')));
    } catch (error) {
      call.state = 'waiting';
      call.trouble = explain(error).message;
      this.#tell(call);
    }
  }

  /** @param {Call} call */
  #tell(call) {
    this.dispatchEvent(new CustomEvent('call', { detail: call }));
  }
}
