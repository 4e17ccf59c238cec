// Two signals on one clock: what is said (input 0), and what is heard (input 1). For each time that something is
// heard after it was quiet, it tells in samples where the speech before it began and ended, and where it was heard.

const LOUD = 0.01;
const QUIET = sampleRate / 5; // samples without a loud one, after which it is quiet

registerProcessor(
  'recorder',
  class extends AudioWorkletProcessor {
    said = { begun: 0, ended: -Infinity };
    heard = -Infinity;

    process([said, heard]) {
      this.each(said, (at) => {
        if (at - this.said.ended > QUIET) this.said.begun = at;
        this.said.ended = at;
      });
      this.each(heard, (at) => {
        if (at - this.heard > QUIET) this.port.postMessage({ ...this.said, heard: at });
        this.heard = at;
      });
      return true;
    }

    each([samples], loud) {
      samples?.forEach((sample, index) => Math.abs(sample) > LOUD && loud(currentFrame + index));
    }
  },
);
