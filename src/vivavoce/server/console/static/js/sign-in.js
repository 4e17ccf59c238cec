/** The way in, where the server needs a key. */

/** Dispatches `ways` (detail: what the server needs and can do), `models` (detail: their names) once somebody is
 * in, `out`, and `problem` (detail: what was thrown). */
export class SignIn extends EventTarget {
  #access;
  #elements;

  /**
   * @param {import('./access.js').Access} access
   * @param {{section: HTMLElement, form: HTMLFormElement, key: HTMLInputElement, out: HTMLButtonElement}} elements
   */
  constructor(access, elements) {
    super();
    this.#access = access;
    this.#elements = elements;
    elements.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#enter();
    });
    elements.out.addEventListener('click', () => {
      access.signOut();
      this.dispatchEvent(new Event('out'));
      this.#ask(true);
    });
  }

  /** Find out whether a key is needed, and ask for one if it is. */
  async begin() {
    try {
      const ways = await this.#access.ways();
      this.#tell('ways', ways);
      if (ways.keyNeeded) this.#ask(true);
      else this.#found(await this.#access.models());
    } catch (error) {
      this.#tell('problem', error);
    }
  }

  async #enter() {
    const { key } = this.#elements;
    const given = key.value.trim();
    key.value = '';
    try {
      this.#found(await this.#access.signIn(given));
    } catch (error) {
      this.#tell('problem', error);
      key.focus();
    }
  }

  /** @param {string[]} models */
  #found(models) {
    this.#ask(false);
    this.#tell('models', models);
  }

  /** @param {boolean} needed */
  #ask(needed) {
    const { section, key, out } = this.#elements;
    section.hidden = !needed;
    out.hidden = !this.#access.signedIn;
    document.body.classList.toggle('signed-out', needed);
    if (needed) key.focus();
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
