// Speaks bursts of noise into a call, and measures on the clock of the samples when something comes back.

const BURST_S = 0.3;
const LATE_MS = 5000; // what has not come back by then is lost

const context = new AudioContext({ sampleRate: 48000 });
const mouth = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
// A microphone never stops, not even where it is silent; without a source, Chromium's destination would.
const silence = new ConstantSourceNode(context, { offset: 0 });
silence.connect(mouth);
silence.start();
let heard; // who is told that something came back

const recorder = async (remote) => {
  await context.audioWorklet.addModule('recorder.js');
  const node = new AudioWorkletNode(context, 'recorder', { numberOfInputs: 2 });
  node.connect(context.destination); // it puts nothing out, but is not asked otherwise
  node.port.onmessage = ({ data }) => heard?.(data);
  context.createMediaStreamSource(remote).connect(node, 0, 1);
  return node;
};

/** Hear a connection's track: resolves to what says a burst and tells when it came back. */
const sense = async (track) => {
  const remote = new MediaStream([track]);
  // Chromium decodes nothing for WebAudio unless an element plays the stream as well.
  const element = new Audio();
  element.srcObject = remote;
  element.muted = true;
  await element.play();
  const node = await recorder(remote);
  const noise = new AudioBuffer({ length: BURST_S * context.sampleRate, sampleRate: context.sampleRate });
  noise.getChannelData(0).forEach((_, index, samples) => (samples[index] = Math.random() < 0.5 ? 0.25 : -0.25));
  return () => {
    const burst = new AudioBufferSourceNode(context, { buffer: noise });
    burst.connect(mouth);
    burst.connect(node, 0, 0);
    burst.start();
    return new Promise((resolve) => (heard = resolve));
  };
};

const tracked = (connection) =>
  new Promise((resolve) => connection.addEventListener('track', ({ track }) => resolve(track)));
const soon = (...promises) =>
  Promise.race([Promise.all(promises), new Promise((resolve) => setTimeout(resolve, LATE_MS, null))]);
const ms = (samples) => (samples * 1000) / context.sampleRate;
const pause = (least) => new Promise((resolve) => setTimeout(resolve, least + Math.random() * 60));

/** How long sound waits in the browser's jitter buffer, on average, in ms. */
const buffered = async (connection) => {
  const [stream] = [...(await connection.getStats()).values()].filter(({ type }) => type === 'inbound-rtp');
  return (stream.jitterBufferDelay * 1000) / stream.jitterBufferEmittedCount;
};

/** From mouth to ear between two ends in this page: what the browser itself takes. In ms, for each burst. */
globalThis.alone = async (bursts) => {
  const [caller, callee] = [new RTCPeerConnection(), new RTCPeerConnection()];
  caller.onicecandidate = ({ candidate }) => callee.addIceCandidate(candidate);
  callee.onicecandidate = ({ candidate }) => caller.addIceCandidate(candidate);
  caller.addTrack(mouth.stream.getAudioTracks()[0]);
  const track = tracked(callee);
  await caller.setLocalDescription();
  await callee.setRemoteDescription(caller.localDescription);
  await callee.setLocalDescription();
  await caller.setRemoteDescription(callee.localDescription);
  const say = await sense(await track);
  const found = [];
  await pause(2000);
  for (; bursts > 0; --bursts) {
    const back = await soon(say());
    if (back) found.push(ms(back[0].heard - back[0].begun));
    await pause(1000);
  }
  caller.close();
  callee.close();
  return found;
};

/** From mouth to ear through a server that answers at once: for each burst, in ms after its end. */
globalThis.called = async (url, session, bursts) => {
  const connection = new RTCPeerConnection();
  connection.addTrack(mouth.stream.getAudioTracks()[0]);
  const track = tracked(connection);
  const channel = connection.createDataChannel('oai-events');
  const waiting = new Map();
  const event = (type) => new Promise((resolve) => waiting.set(type, () => resolve(context.currentTime)));
  channel.onmessage = ({ data }) => waiting.get(JSON.parse(data).type)?.();
  const created = event('session.created');
  await connection.setLocalDescription();
  const body = new FormData();
  body.set('sdp', connection.localDescription.sdp);
  body.set('session', JSON.stringify(session));
  const answer = await fetch(url, { method: 'POST', body });
  await connection.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
  await created;
  const say = await sense(await track);
  const found = [];
  await pause(2000);
  const steps = ['input_audio_buffer.speech_stopped', 'output_audio_buffer.started', 'output_audio_buffer.stopped'];
  for (; bursts > 0; --bursts) {
    const back = await soon(say(), ...steps.map(event));
    if (back) {
      const [{ ended, heard }, stopped, started] = back;
      const since = (at) => at * 1000 - ms(ended);
      found.push({ stopped: since(stopped), started: since(started), heard: ms(heard - ended) });
    }
    await pause(500);
  }
  const waited = await buffered(connection);
  connection.close();
  return { found, waited };
};
