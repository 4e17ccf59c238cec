/** How the connection is, and for how long. */

const WORDS = {
  closed: 'Not connected',
  connecting: 'Connecting',
  open: 'Connected',
  troubled: 'The network is gone; waiting for it',
  waiting: 'The connection broke off; trying again',
};

/**
 * @param {import('./connection.js').Connection} connection
 * @param {{words: HTMLElement, elapsed: HTMLElement}} elements
 */
export function showStatus(connection, { words, elapsed }) {
  let since = 0;
  const tick = () => {
    const seconds = Math.floor((performance.now() - since) / 1000);
    elapsed.textContent = connection.isOpen ? duration(seconds) : '';
  };
  connection.addEventListener('state', ({ detail: state }) => {
    document.body.dataset.state = state;
    words.textContent = WORDS[state];
    if (state === 'connecting') since = performance.now();
    tick();
  });
  setInterval(tick, 1000);
}

/**
 * Minutes and seconds.
 * @param {number} seconds
 */
export function duration(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds) % 60).padStart(2, '0')}`;
}
