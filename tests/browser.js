// What a page under test has besides its own: a microphone that the test speaks into, and an ear at every track
// that comes over WebRTC and at all that WebAudio plays.

{
  const QUIET = 0.005;
  const LOOK_MS = 40;

  let context;
  const sound = () => (context ??= new AudioContext({ sampleRate: 48000 }));

  // The microphone: silence, but for what it is told to say. `install()` makes it what pages get that ask for one.
  let destination;
  globalThis.microphone = {
    get stream() {
      if (!destination) {
        destination = new MediaStreamAudioDestinationNode(sound(), { channelCount: 1 });
        // A microphone never stops, not even where it is silent; without a source, Chromium's destination would.
        const silence = new ConstantSourceNode(sound(), { offset: 0 });
        silence.connect(destination);
        silence.start();
      }
      return destination.stream;
    },

    // Say a WAV file; resolves when it is said. Of a data URL nothing is fetched, which a page's policy may forbid.
    async say(url) {
      const bytes = url.startsWith('data:')
        ? Uint8Array.from(atob(url.slice(url.indexOf(',') + 1)), (character) => character.charCodeAt(0)).buffer
        : await (await fetch(url)).arrayBuffer();
      const audio = await sound().decodeAudioData(bytes);
      microphone.stream;
      const source = new AudioBufferSourceNode(sound(), { buffer: audio });
      source.connect(destination);
      source.start();
      await new Promise((resolve) => source.addEventListener('ended', resolve));
    },

    install() {
      navigator.mediaDevices.getUserMedia = async () => microphone.stream.clone();
    },
  };

  // The ear: how loud what arrives is, as the root mean square of the last 85 ms, every 40 ms.
  const { connect } = AudioNode.prototype;
  const levels = []; // [performance.now(), loudness]
  const hear = (track) => {
    const stream = new MediaStream([track]);
    // Chromium decodes nothing for WebAudio unless an element plays the stream as well.
    const element = new Audio();
    element.srcObject = stream;
    element.muted = true;
    element.play().catch(() => {}); // a track that ends at once interrupts it
    listen(sound().createMediaStreamSource(stream));
  };
  const listen = (source) => {
    const analyser = new AnalyserNode(source.context, { fftSize: 4096 });
    connect.call(source, analyser);
    const samples = new Float32Array(analyser.fftSize);
    setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      levels.push([performance.now(), Math.sqrt(power)]);
    }, LOOK_MS);
  };
  globalThis.ear = {
    levels,

    // Something was loud since this moment, or, without one, is now.
    loud(since = performance.now() - 4 * LOOK_MS) {
      return levels.some(([at, level]) => at >= since && level > QUIET);
    },

    // Nothing has been loud for so many milliseconds, and the ear was there to hear it.
    quiet(ms) {
      const since = performance.now() - ms;
      return levels[0]?.[0] <= since && levels.every(([at, level]) => at < since || level <= QUIET);
    },
  };

  AudioNode.prototype.connect = function (...where) {
    if (where[0] instanceof AudioDestinationNode) listen(this);
    return connect.apply(this, where);
  };

  const Native = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class RTCPeerConnection extends Native {
    constructor(...configuration) {
      super(...configuration);
      this.addEventListener('track', ({ track }) => track.kind === 'audio' && hear(track));
    }
  };
}
