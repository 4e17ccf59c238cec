/** The functions that a session may call, as the user defined them. */

import { keep, recall } from './kept.js';
import { Problem } from './problem.js';

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * @typedef {object} Tool
 * @property {string} name
 * @property {string} description
 * @property {string} parameters a JSON schema
 * @property {'hand' | 'snippet'} answer who answers its calls
 * @property {string} code the body of an async function that takes `args`
 */

/** @type {Tool} */
export const EXAMPLE = {
  name: 'get_weather',
  description: 'The weather in a city.',
  parameters: JSON.stringify(
    {
      type: 'object',
      properties: { city: { type: 'string', description: 'Name of the city' } },
      required: ['city'],
    },
    null,
    2,
  ),
  answer: 'snippet',
  code: 'return { city: args.city, sky: "sunny", celsius: 21 };',
};

/** Dispatches `change`. */
export class Tools extends EventTarget {
  /** @type {Tool[]} */
  list = recall('tools', []);

  /** As the API takes them. */
  declared() {
    return this.list.map(({ name, description, parameters }) => ({
      type: 'function',
      name,
      ...(description ? { description } : {}),
      parameters: JSON.parse(parameters),
    }));
  }

  /** @param {string} name */
  find(name) {
    return this.list.find((tool) => tool.name === name);
  }

  /**
   * Add a tool, or put it in the place of another. Throws a Problem that says what is wrong with it.
   * @param {Tool} tool
   * @param {Tool | null} replaced
   */
  put(tool, replaced) {
    check(tool);
    if (this.list.some((other) => other !== replaced && other.name === tool.name)) {
      throw new Problem('There is a function of this name already', 'Choose another name.');
    }
    const at = replaced === null ? -1 : this.list.indexOf(replaced);
    if (at >= 0) this.list[at] = tool;
    else this.list.push(tool);
    this.#changed();
  }

  /** @param {Tool} tool */
  remove(tool) {
    this.list = this.list.filter((other) => other !== tool);
    this.#changed();
  }

  #changed() {
    keep('tools', this.list);
    this.dispatchEvent(new Event('change'));
  }
}

/** @param {Tool} tool */
function check({ name, parameters }) {
  if (!NAME.test(name)) {
    throw new Problem('The name does not do', 'Use up to 64 letters, digits, “_” and “-”.');
  }
  let schema;
  try {
    schema = JSON.parse(parameters);
  } catch (error) {
    throw new Problem('The parameters are not JSON', error.message);
  }
  if (schema === null || typeof schema !== 'object' || Array.isArray(schema)) {
    throw new Problem(
      'The parameters are no JSON schema',
      'Write an object such as {"type": "object", "properties": {}}.',
    );
  }
}
