/** The form in which a session is set up. */

import { element } from './dom.js';
import { TRANSCRIPTION_MODELS, VOICES } from './settings.js';

const UNITS = {
  speed: (/** @type {number} */ value) => `${value.toFixed(2)} ×`,
  silenceMs: (/** @type {number} */ value) => `${value} ms`,
  prefixMs: (/** @type {number} */ value) => `${value} ms`,
  threshold: (/** @type {number} */ value) => value.toFixed(2),
};

export class SettingsForm {
  #form;
  #mode;
  #settings;

  /**
   * @param {import('./settings.js').Settings} settings
   * @param {HTMLFormElement} form
   * @param {HTMLElement} mode the choice between hands-free and push to talk
   */
  constructor(settings, form, mode) {
    this.#settings = settings;
    this.#form = form;
    this.#mode = mode;
    form.elements.voice.append(...VOICES.map((voice) => element('option', { value: voice }, capital(voice))));
    form.elements.transcription.append(
      ...TRANSCRIPTION_MODELS.map((model) => element('option', { value: model }, model)),
    );
    form.addEventListener('submit', (event) => event.preventDefault());
    form.addEventListener('input', () => this.#measure());
    form.addEventListener('change', () => this.#read());
    mode.addEventListener('change', () => this.#read());
    this.#write();
  }

  /**
   * The models that can be chosen; the first one, unless another was chosen before.
   * @param {string[]} names
   */
  models(names) {
    const { model } = this.#settings.values;
    this.#form.elements.model.replaceChildren(
      ...names.map((name) => element('option', { value: name }, name)),
    );
    this.#form.elements.model.value = names.includes(model) ? model : names[0];
    this.#read();
  }

  /**
   * Show what the server decides where the form is empty.
   * @param {any} session
   */
  effective(session) {
    const { instructions } = this.#form.elements;
    if (!this.#settings.values.instructions) instructions.placeholder = session.instructions ?? '';
  }

  /**
   * How one can connect. Without WebRTC there is nothing to choose.
   * @param {boolean} webrtc
   */
  transports(webrtc) {
    this.#form.elements.transport.forEach((/** @type {HTMLInputElement} */ radio) => {
      radio.disabled = radio.value === 'webrtc' && !webrtc;
    });
    if (!webrtc) this.#form.elements.transport.value = 'websocket';
    this.#read();
  }

  /** The microphones of this machine, as far as the browser tells. */
  async devices() {
    if (navigator.mediaDevices === undefined) return;
    const all = await navigator.mediaDevices.enumerateDevices();
    const found = all.filter(
      ({ kind, deviceId }) => kind === 'audioinput' && deviceId && deviceId !== 'default',
    );
    const { device } = this.#form.elements;
    device.replaceChildren(
      element('option', { value: '' }, 'Default'),
      ...found.map(({ deviceId, label }, index) =>
        element('option', { value: deviceId }, label || `Microphone ${index + 1}`),
      ),
    );
    device.value = found.some(({ deviceId }) => deviceId === this.#settings.values.device)
      ? this.#settings.values.device
      : '';
  }

  #write() {
    for (const [name, value] of Object.entries(this.#settings.values)) {
      const control = this.#form.elements[name];
      if (control === undefined) continue;
      if (control.type === 'checkbox') control.checked = value;
      else control.value = String(value);
    }
    const chosen = this.#settings.values.handsFree ? 'hands-free' : 'push';
    for (const radio of this.#mode.querySelectorAll('input')) radio.checked = radio.value === chosen;
    this.#measure();
    this.#reveal();
  }

  #read() {
    const changes = {};
    for (const [name, before] of Object.entries(this.#settings.values)) {
      const control = this.#form.elements[name];
      if (control === undefined || (control.checkValidity && !control.checkValidity())) continue;
      if (control.type === 'checkbox') changes[name] = control.checked;
      else changes[name] = typeof before === 'number' ? Number(control.value) : control.value.trim();
    }
    changes.handsFree = this.#mode.querySelector('input:checked').value === 'hands-free';
    this.#settings.set(changes);
    this.#reveal();
  }

  /** The numbers beside the sliders. */
  #measure() {
    for (const [name, unit] of Object.entries(UNITS)) {
      const words = unit(Number(this.#form.elements[name].value));
      this.#form.querySelector(`[data-of="${name}"]`).textContent = words;
      this.#form.elements[name].setAttribute('aria-valuetext', words);
    }
  }

  /** Only what matters in the mode that is chosen. */
  #reveal() {
    const { handsFree, detection } = this.#settings.values;
    const matters = { 'hands-free': handsFree, push: !handsFree, [detection]: true };
    for (const part of this.#form.querySelectorAll('[data-when]')) part.hidden = !matters[part.dataset.when];
  }
}

/** @param {string} name */
function capital(name) {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
