/** The list of functions, and the sheet in which one is written. */

import { element } from './dom.js';
import { explain } from './problem.js';
import { EXAMPLE } from './tools.js';

export class ToolsView {
  #tools;
  #list;
  #none;
  #dialog;
  #form;
  #trouble;
  /** @type {import('./tools.js').Tool | null} The one that is being changed. */
  #edited = null;

  /**
   * @param {import('./tools.js').Tools} tools
   * @param {{list: HTMLElement, none: HTMLElement, add: HTMLElement, dialog: HTMLDialogElement}} elements
   */
  constructor(tools, { list, none, add, dialog }) {
    this.#tools = tools;
    this.#list = list;
    this.#none = none;
    this.#dialog = dialog;
    this.#form = dialog.querySelector('form');
    this.#trouble = dialog.querySelector('.trouble');
    add.addEventListener('click', () => this.#edit(null));
    tools.addEventListener('change', () => this.#show());
    this.#form.addEventListener('submit', (event) => this.#save(event));
    this.#form.addEventListener('change', () => this.#reveal());
    dialog.querySelector('#cancel-tool').addEventListener('click', () => dialog.close());
    dialog.querySelector('#remove-tool').addEventListener('click', () => {
      this.#tools.remove(this.#edited);
      dialog.close();
    });
    this.#show();
  }

  #show() {
    const { list } = this.#tools;
    this.#none.hidden = list.length > 0;
    this.#list.replaceChildren(
      ...list.map((tool) =>
        element(
          'li',
          {},
          element(
            'button.quiet',
            { type: 'button', onclick: () => this.#edit(tool) },
            element('code', {}, tool.name),
            element('span.faint', {}, tool.answer === 'hand' ? 'by hand' : 'snippet'),
          ),
        ),
      ),
    );
  }

  /** @param {import('./tools.js').Tool | null} tool */
  #edit(tool) {
    this.#edited = tool;
    const shown =
      tool ?? (this.#tools.list.length === 0 ? EXAMPLE : { ...EXAMPLE, name: '', description: '' });
    for (const [name, value] of Object.entries(shown)) this.#form.elements[name].value = value;
    this.#trouble.textContent = '';
    this.#dialog.querySelector('#remove-tool').hidden = tool === null;
    this.#dialog.querySelector('h2').textContent = tool === null ? 'New function' : 'Function';
    this.#reveal();
    this.#dialog.showModal();
  }

  #reveal() {
    const byHand = this.#form.elements.answer.value === 'hand';
    this.#dialog.querySelector('#code-field').hidden = byHand;
    this.#dialog.querySelector('#code-hint').hidden = byHand;
  }

  /** @param {Event} event */
  #save(event) {
    event.preventDefault();
    const { name, description, parameters, answer, code } = this.#form.elements;
    const tool = {
      name: name.value.trim(),
      description: description.value.trim(),
      parameters: parameters.value.trim() || '{}',
      answer: answer.value,
      code: code.value,
    };
    try {
      this.#tools.put(tool, this.#edited);
      this.#dialog.close();
    } catch (error) {
      this.#trouble.textContent = explain(error).message;
    }
  }
}
