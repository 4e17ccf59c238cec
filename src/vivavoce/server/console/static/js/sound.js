/** What is heard and what is said: one AudioContext, and all that hangs on it. */

import { insecurePage } from './problem.js';

const WORKLETS = ['capture', 'player', 'recording'];

/**
 * Dispatches `captured` (detail: an Int16Array of up to 40 ms), and `unplugged` when the microphone is gone.
 *
 *     microphone ─▶ input ─┬▶ capture         player ─────────┬▶ output ─▶ recording (right)
 *                          └▶ recording (left) or a call's stream └▶ loudspeaker
 */
export class Sound extends EventTarget {
  /** @type {AudioContext} */
  context;
  /** @type {MediaStream | null} */
  microphone = null;
  /** @type {MediaStreamAudioSourceNode | null} */
  #source = null;
  /** What the other side says, where it does not come through the player.
   * @type {MediaStreamAudioSourceNode | null} */
  #speech = null;
  #loudspeaker = new Audio();
  #muted = false;
  /** @type {MediaStreamAudioSourceNode | null} */
  #flushes = 0;

  /** A running one. The browser wants the user to have done something on the page before. */
  static async start() {
    const context = new AudioContext({ latencyHint: 'interactive' });
    context.resume();
    await Promise.all(
      WORKLETS.map((name) =>
        context.audioWorklet.addModule(new URL(`../worklets/${name}.js`, import.meta.url)),
      ),
    );
    return new Sound(context);
  }

  /** @param {AudioContext} context whose worklets are loaded */
  constructor(context) {
    super();
    this.context = context;
    const mono = { channelCount: 1, channelCountMode: 'explicit' };
    this.input = new GainNode(context, mono);
    this.output = new GainNode(context, mono);
    this.inputLevel = new AnalyserNode(context, { fftSize: 1024 });
    this.outputLevel = new AnalyserNode(context, { fftSize: 1024 });
    this.capture = new AudioWorkletNode(context, 'capture', { numberOfOutputs: 0, ...mono });
    this.player = new AudioWorkletNode(context, 'player', { numberOfInputs: 0, outputChannelCount: [1] });
    this.recording = new AudioWorkletNode(context, 'recording', {
      numberOfOutputs: 0,
      channelCount: 2,
      channelCountMode: 'explicit',
    });
    const sides = new ChannelMergerNode(context, { numberOfInputs: 2 });
    this.input.connect(this.inputLevel);
    this.input.connect(this.capture);
    this.input.connect(sides, 0, 0);
    this.silence = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    this.player.connect(this.output);
    this.player.connect(context.destination);
    this.output.connect(this.outputLevel);
    this.output.connect(sides, 0, 1);
    sides.connect(this.recording);
    this.capture.port.onmessage = ({ data }) => {
      if (data instanceof Int16Array) this.dispatchEvent(new CustomEvent('captured', { detail: data }));
      else this.dispatchEvent(new Event(`flushed ${data.flushed}`));
    };
  }

  /** How long samples take from here to the ear, in milliseconds, as far as the browser knows. */
  get latencyMs() {
    return 1000 * (this.context.outputLatency || this.context.baseLatency || 0);
  }

  /**
   * Listen to a microphone. Rejects with a Problem or with the browser's DOMException.
   * @param {string} [deviceId] the user's choice; otherwise the browser's
   */
  async listen(deviceId) {
    if (navigator.mediaDevices === undefined) throw insecurePage();
    const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
    const device = deviceId ? { deviceId: { exact: deviceId } } : {};
    const microphone = await navigator.mediaDevices.getUserMedia({ audio: { ...wanted, ...device } });
    this.deafen();
    this.microphone = microphone;
    this.#source = new MediaStreamAudioSourceNode(this.context, { mediaStream: microphone });
    this.#source.connect(this.input);
    microphone.getAudioTracks()[0].addEventListener('ended', () => {
      if (this.microphone !== microphone) return;
      this.deafen();
      this.dispatchEvent(new Event('unplugged'));
    });
    this.mute(this.#muted);
    return microphone;
  }

  /** Let go of the microphone. */
  deafen() {
    this.#source?.disconnect();
    this.#source = null;
    this.microphone?.getTracks().forEach((track) => track.stop());
    this.microphone = null;
  }

  /**
   * Send silence in place of what the microphone hears, or not.
   * @param {boolean} muted
   */
  mute(muted) {
    this.#muted = muted;
    this.microphone?.getAudioTracks().forEach((track) => {
      track.enabled = !muted;
    });
  }

  /** What the microphone hears, or silence while there is none, for a call. */
  get track() {
    return (this.microphone ?? this.silence.stream).getAudioTracks()[0];
  }

  /**
   * Let this be heard, in place of what was before; null: nothing.
   * @param {MediaStream | null} stream
   */
  hear(stream) {
    this.#speech?.disconnect();
    this.#speech = null;
    // The element plays it: WebAudio alone would, in Chromium, hear nothing of it.
    this.#loudspeaker.srcObject = stream;
    if (stream === null) return;
    this.#loudspeaker.play();
    this.#speech = new MediaStreamAudioSourceNode(this.context, { mediaStream: stream });
    this.#speech.connect(this.output);
  }

  /** All that the microphone has heard up to now has been told when this resolves. */
  flush() {
    const tag = ++this.#flushes;
    return new Promise((resolve) => {
      this.addEventListener(`flushed ${tag}`, resolve, { once: true });
      this.capture.port.postMessage({ type: 'flush', tag });
    });
  }
}

/**
 * How loud it is now, in decibels below the loudest, -100 for silence.
 * @param {AnalyserNode} analyser
 */
export function decibels(analyser) {
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return Math.max(-100, 10 * Math.log10(power || 1e-10));
}
