/** Who has the floor: responses that are in progress, and the next one that is wanted. */

export class Floor {
  /** @type {Set<string>} */
  #active = new Set();
  #wanted = false;
  #send;

  /** @param {(event: {type: string}) => unknown} send */
  constructor(send) {
    this.#send = send;
  }

  /** Whether the assistant is working on a response. */
  get active() {
    return this.#active.size > 0;
  }

  /** Want a response: now, or as soon as the one in progress is done. */
  ask() {
    if (this.active) this.#wanted = true;
    else this.#send({ type: 'response.create' });
  }

  /** End the response in progress. */
  cancel() {
    this.#wanted = false;
    if (this.active) this.#send({ type: 'response.cancel' });
  }

  /** @param {any} event of the server */
  receive(event) {
    if (event.type === 'response.created') {
      this.#active.add(event.response.id);
      this.#wanted = false;
    } else if (event.type === 'response.done') {
      this.#active.delete(event.response.id);
      if (this.#wanted && !this.active) {
        this.#wanted = false;
        this.ask();
      }
    } else if (event.type === 'session.created') {
      this.#active.clear();
      this.#wanted = false;
    }
  }
}
