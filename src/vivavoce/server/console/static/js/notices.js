/** Problems, where nobody overlooks them. */

import { element, icon } from './dom.js';
import { explain } from './problem.js';

const MOST = 3;

export class Notices {
  #place;

  /** @param {HTMLElement} place */
  constructor(place) {
    this.#place = place;
  }

  /** @param {unknown} error */
  show(error) {
    const { title, advice } = explain(error);
    const notice = element(
      'div.notice',
      { role: 'alert' },
      element('p', {}, element('strong', {}, title), element('span', {}, advice)),
      element(
        'button.icon.small',
        { type: 'button', 'aria-label': `Dismiss: ${title}`, onclick: () => notice.remove() },
        icon('end'),
      ),
    );
    this.#place.append(notice);
    while (this.#place.childElementCount > MOST) this.#place.firstElementChild.remove();
  }

  clear() {
    this.#place.replaceChildren();
  }
}
