// openai/realtime/webrtc. The offer goes where the package's own client sends it.
import OpenAI from 'openai';
import { OpenAIRealtimeWebRTC } from 'openai/realtime/webrtc';
import { note } from './page.mjs';

globalThis.begin = async ({ baseURL, key, session }) => {
  const client = new OpenAI({ apiKey: key, baseURL, dangerouslyAllowBrowser: true, maxRetries: 0 });
  const rt = new OpenAIRealtimeWebRTC();
  rt.onEvent(note);
  rt.onConnectionEvent(({ type, state, reason, error }) => happened.push([type, state ?? reason ?? error.code]));

  const audio = new Audio();
  audio.autoplay = true;
  rt.peerConnection.addEventListener('track', ({ streams }) => (audio.srcObject = streams[0]));
  const media = await navigator.mediaDevices.getUserMedia({ audio: true });
  rt.peerConnection.addTrack(media.getAudioTracks()[0], media);

  let location;
  try {
    await rt.connect({
      exchangeSdp: async (sdp, { signal }) => {
        const answer = await client.realtime.calls.create({ sdp, session }, { signal });
        location = answer.headers.get('Location');
        return answer.text();
      },
    });
  } catch ({ code, phase, cause }) {
    return { code, phase, status: cause.status, error: cause.error };
  }
  globalThis.send = (event) => rt.send(event);
  globalThis.end = () => rt.close();
  return { location };
};
