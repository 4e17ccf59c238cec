/** A snippet of JavaScript that answers a function call, run where it can harm nothing. */

import { Problem } from './problem.js';

/** So long may a snippet take, in milliseconds. */
export const TIME_LIMIT_MS = 5_000;

/**
 * The output of a snippet: the body of an async function that takes `args`. Rejects with a Problem.
 * @param {string} code
 * @param {unknown} args
 * @param {number} [limitMs]
 * @returns {Promise<string>}
 */
export function runSnippet(code, args, limitMs = TIME_LIMIT_MS) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('snippet-worker.js', import.meta.url), {
      type: 'module',
      name: 'snippet',
    });
    const end = () => {
      clearTimeout(timer);
      worker.terminate();
    };
    const timer = setTimeout(() => {
      end();
      reject(new Problem('The snippet took too long', `It was ended after ${limitMs / 1000} s.`));
    }, limitMs);
    worker.onmessage = ({ data }) => {
      end();
      if (data.error === undefined) resolve(data.output);
      else reject(new Problem('The snippet failed', data.error));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      end();
      reject(new Problem('The snippet could not run', event.message || 'The browser gives no reason.'));
    };
    worker.postMessage({ code, args });
  });
}
