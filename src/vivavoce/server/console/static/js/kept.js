/** What this browser remembers from one visit to the next: how the page looks and how sessions are set up.
 * Keys, secrets and conversations are never among it. */

const PREFIX = 'vivavoce.console.';

/**
 * What was kept under this name; the fallback where nothing was, or where the browser keeps nothing.
 * @template T
 * @param {string} name
 * @param {T} fallback
 * @returns {T}
 */
export function recall(name, fallback) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name) ?? 'null') ?? fallback;
  } catch {
    return fallback;
  }
}

/**
 * @param {string} name
 * @param {unknown} value
 */
export function keep(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing: the next visit starts afresh.
  }
}
