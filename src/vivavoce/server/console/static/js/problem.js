/** What went wrong, in words that say what to do. */

export class Problem extends Error {
  /**
   * @param {string} title what happened, in a few words
   * @param {string} [advice] what to do about it
   * @param {string | null} [code] the API's name of it
   */
  constructor(title, advice = '', code = null) {
    super(advice ? `${title}. ${advice}` : title);
    this.name = 'Problem';
    this.title = title;
    this.advice = advice;
    this.code = code;
  }
}

/**
 * Anything that was thrown, as a problem.
 * @param {unknown} error
 * @returns {Problem}
 */
export function explain(error) {
  if (error instanceof Problem) return error;
  if (error instanceof DOMException) return explainMicrophone(error);
  if (error instanceof TypeError && /fetch|load|network/i.test(error.message)) return unreachable();
  return new Problem(
    'Something went wrong in this page',
    error instanceof Error ? error.message : String(error),
  );
}

/** Nobody answers. */
export function unreachable() {
  return new Problem('The server does not answer', 'Check that “vivavoce serve” is running, then try again.');
}

/**
 * The body of a refused request, as a problem.
 * @param {number} status
 * @param {{message?: string, code?: string | null} | undefined} error the API's error object
 */
export function refused(status, error) {
  const said = error?.message ?? `HTTP status ${status}.`;
  if (error?.code === 'origin_not_allowed') {
    return new Problem(
      'This page may not use the server',
      `Add its address to server.allowed_origins: ${location.origin}`,
    );
  }
  if (status === 401) return new Problem('The server does not take this key', said);
  if (status === 429) return new Problem('Too much at once', said);
  if (status === 503) return new Problem('The server takes nobody in now', said);
  return new Problem('The server refused', said, error?.code);
}

/** What was asked for had come about by itself. */
const HARMLESS = ['response_cancel_not_active'];

/**
 * The error object of an `error` event, as a problem; null where nobody has one.
 * @param {{message: string, code?: string | null, param?: string | null}} error
 */
export function reported({ message, code, param }) {
  if (HARMLESS.includes(code ?? '')) return null;
  if (code === 'input_audio_buffer_commit_empty') return tooShort();
  if (code === 'session_expired') {
    return new Problem('The session has reached its longest duration', 'Start again to go on.');
  }
  return new Problem('The server reports an error', param ? `${message} (${param})` : message);
}

/** @param {DOMException} error */
function explainMicrophone(error) {
  switch (error.name) {
    case 'NotAllowedError':
      return new Problem(
        'The microphone is blocked',
        'Allow it for this page in the browser’s address bar, then start again. You can type without it.',
      );
    case 'NotFoundError':
    case 'OverconstrainedError':
      return new Problem(
        'There is no microphone',
        'Connect one, or choose another, then start again. You can type without it.',
      );
    case 'NotReadableError':
      return new Problem('The microphone is in use', 'Close the program that holds it, then start again.');
    default:
      return new Problem('The browser refused', error.message);
  }
}

/** The button was released at once. */
export function tooShort() {
  return new Problem('That was too short', 'Hold the button as long as you speak.');
}

/** It was there a moment ago. */
export function unplugged() {
  return new Problem(
    'The microphone is gone',
    'Choose another, or end and start again. You can type without it.',
  );
}

/** Browsers hand out microphones to secure pages only. */
export function insecurePage() {
  return new Problem(
    'This page cannot use the microphone',
    'Browsers allow that over https or on localhost alone: serve with --tls-self-signed, or open the page ' +
      'on the server’s own machine. You can type without it.',
  );
}
