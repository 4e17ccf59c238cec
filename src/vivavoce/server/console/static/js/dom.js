/** Elements, made and found in few words. */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * The element of the page with this id.
 * @param {string} id
 * @returns {any}
 */
export function find(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no element “${id}”.`);
  return found;
}

/**
 * A new element. Of its attributes null and false are left out; `on…` are listeners.
 * @param {string} name a tag and classes, as in `p.faint.small`
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null | undefined)} children
 * @returns {any}
 */
export function element(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split('.');
  return filled(document.createElement(tag), classes, attributes, children);
}

/**
 * A new element of a drawing.
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function drawn(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split('.');
  return filled(document.createElementNS(SVG, tag), classes, attributes, children);
}

/**
 * One of the page's icons.
 * @param {string} name
 */
export function icon(name) {
  return drawn('svg', { 'aria-hidden': 'true' }, drawn('use', { href: `#icon-${name}` }));
}

/**
 * Let the user save a file.
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  element('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** The time as part of a file's name. */
export function stamp() {
  return new Date().toISOString().slice(0, 19).replaceAll(':', '-');
}

function filled(made, classes, attributes, children) {
  if (classes.length > 0) made.setAttribute('class', classes.join(' '));
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false)
      made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}
