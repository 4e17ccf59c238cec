/** Light or dark: as the system has it, or as the user wants it. */

import { keep, recall } from './kept.js';

const THEMES = ['system', 'light', 'dark'];
const LABELS = { system: 'as the system', light: 'light', dark: 'dark' };

/** @param {HTMLElement} button goes from one to the next */
export function offerThemes(button) {
  let theme = recall('theme', 'system');
  const apply = () => {
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.setAttribute('aria-label', `Theme: ${LABELS[theme]}`);
    button.title = `Theme: ${LABELS[theme]}`;
  };
  button.addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    keep('theme', theme);
    apply();
  });
  apply();
}
