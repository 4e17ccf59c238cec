/** How a session is set up, and what the API is told of it. */

import { keep, recall } from './kept.js';

export const VOICES = [
  'alloy',
  'ash',
  'ballad',
  'cedar',
  'coral',
  'echo',
  'marin',
  'sage',
  'shimmer',
  'verse',
];

/** Names of OpenAI's transcription models; a server decides what they mean to it. */
export const TRANSCRIPTION_MODELS = [
  'gpt-4o-mini-transcribe',
  'gpt-4o-transcribe',
  'gpt-realtime-whisper',
  'whisper-1',
];

const DEFAULTS = {
  model: '',
  voice: '',
  speed: 1,
  instructions: '',
  output: 'audio',
  handsFree: true,
  detection: 'server_vad',
  threshold: 0.5,
  prefixMs: 300,
  silenceMs: 500,
  eagerness: 'auto',
  interrupts: true,
  transcription: TRANSCRIPTION_MODELS[0],
  language: '',
  noise: '',
  transport: 'webrtc',
  device: '',
};

/** What turn detection is made of. */
const TURNS = ['handsFree', 'detection', 'threshold', 'prefixMs', 'silenceMs', 'eagerness', 'interrupts'];

/** @typedef {typeof DEFAULTS} Values */

/** Dispatches `change` (detail: the names of what changed). What is empty is left to the server. */
export class Settings extends EventTarget {
  /** @type {Values} */
  values;

  constructor() {
    super();
    this.values = { ...DEFAULTS, ...known(recall('settings', {})) };
  }

  /** @param {Partial<Values>} changes */
  set(changes) {
    const changed = Object.keys(changes).filter((name) => this.values[name] !== changes[name]);
    if (changed.length === 0) return;
    Object.assign(this.values, changes);
    keep('settings', this.values);
    this.dispatchEvent(new CustomEvent('change', { detail: changed }));
  }

  /**
   * The session as client secrets and calls take it.
   * @param {object[]} tools
   */
  session(tools) {
    const { model } = this.values;
    return { ...this.update(tools), ...(model ? { model } : {}) };
  }

  /**
   * The session as `session.update` takes it.
   * @param {object[]} tools
   */
  update(tools) {
    const { voice, speed, instructions, output, transcription, language, noise } = this.values;
    return {
      type: 'realtime',
      output_modalities: [output],
      ...(instructions ? { instructions } : {}),
      tools,
      audio: {
        input: {
          turn_detection: this.turnDetection(),
          transcription: transcription ? { model: transcription, ...(language ? { language } : {}) } : null,
          noise_reduction: noise ? { type: noise } : null,
        },
        output: { ...(voice ? { voice } : {}), speed },
      },
    };
  }

  /**
   * What `session.update` takes of it when these values have changed; null where it takes none of them.
   * @param {string[]} changed
   */
  patch(changed) {
    const { audio, ...whole } = this.update([]);
    const some = (/** @type {string[]} */ names) => changed.some((name) => names.includes(name));
    const input = {
      ...(some(TURNS) ? { turn_detection: audio.input.turn_detection } : {}),
      ...(some(['transcription', 'language']) ? { transcription: audio.input.transcription } : {}),
      ...(some(['noise']) ? { noise_reduction: audio.input.noise_reduction } : {}),
    };
    const output = {
      ...(some(['voice']) && audio.output.voice ? { voice: audio.output.voice } : {}),
      ...(some(['speed']) ? { speed: audio.output.speed } : {}),
    };
    const patch = {
      ...(some(['output']) ? { output_modalities: whole.output_modalities } : {}),
      ...(some(['instructions']) && whole.instructions ? { instructions: whole.instructions } : {}),
      ...(any(input) || any(output)
        ? { audio: { ...(any(input) ? { input } : {}), ...(any(output) ? { output } : {}) } }
        : {}),
    };
    return any(patch) ? { type: 'realtime', ...patch } : null;
  }

  /** What decides when a turn ends; null where the user does. */
  turnDetection() {
    const { handsFree, detection, threshold, prefixMs, silenceMs, eagerness, interrupts } = this.values;
    if (!handsFree) return null;
    const flags = { create_response: true, interrupt_response: interrupts };
    if (detection === 'semantic_vad') return { type: 'semantic_vad', eagerness, ...flags };
    return {
      type: 'server_vad',
      threshold,
      prefix_padding_ms: prefixMs,
      silence_duration_ms: silenceMs,
      ...flags,
    };
  }
}

/**
 * What an earlier version of this page may have kept, without what this one does not know.
 * @param {Record<string, unknown>} values
 */
function known(values) {
  return Object.fromEntries(
    Object.entries(values).filter(
      ([name, value]) => name in DEFAULTS && typeof value === typeof DEFAULTS[name],
    ),
  );
}

/** @param {object} value */
function any(value) {
  return Object.keys(value).length > 0;
}
