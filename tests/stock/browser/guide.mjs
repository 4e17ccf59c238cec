// A page that does without any package, as OpenAI's guide to WebRTC has it.
import { note } from './page.mjs';

// The two requests of the guide: with the session beside the offer, or with a client secret that holds it.
const REQUESTS = {
  unified(sdp, { key, session }) {
    const body = new FormData();
    body.set('sdp', sdp);
    body.set('session', JSON.stringify(session));
    return { body, headers: { Authorization: `Bearer ${key}` } };
  },
  ephemeral(sdp, { key }) {
    return { body: sdp, headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/sdp' } };
  },
  beta(sdp, { key }) {
    const headers = { 'Content-Type': 'application/sdp', 'OpenAI-Beta': 'realtime=v1' };
    return { body: sdp, headers: { ...headers, Authorization: `Bearer ${key}` } };
  },
};

/** Call, and resolve to how it was answered once events can be sent. */
globalThis.begin = async ({ url, way, ...given }) => {
  const pc = new RTCPeerConnection();
  pc.addEventListener('connectionstatechange', () => happened.push(pc.connectionState));

  const audio = document.createElement('audio');
  audio.autoplay = true;
  pc.ontrack = (event) => (audio.srcObject = event.streams[0]);

  const media = await navigator.mediaDevices.getUserMedia({ audio: true });
  pc.addTrack(media.getTracks()[0]);

  const dc = pc.createDataChannel('oai-events');
  dc.addEventListener('message', ({ data }) => note(JSON.parse(data)));
  dc.addEventListener('close', () => happened.push('channel closed'));
  const opened = new Promise((resolve) => dc.addEventListener('open', resolve));

  await pc.setLocalDescription(await pc.createOffer());
  const response = await fetch(url, { method: 'POST', ...REQUESTS[way](pc.localDescription.sdp, given) });
  const text = await response.text();
  if (!response.ok) {
    pc.close();
    return { status: response.status, error: JSON.parse(text).error };
  }
  await pc.setRemoteDescription({ type: 'answer', sdp: text });
  await opened;

  globalThis.send = (event) => dc.send(JSON.stringify(event));
  globalThis.end = () => pc.close();
  return { status: response.status, location: response.headers.get('Location') };
};
