// Every request that openai's package makes of a Realtime server, one after the other. The server writes them
// down; what it answers matters to nobody. Usage: node requests.mjs
import OpenAI, { AzureOpenAI } from 'openai';
import { OpenAIRealtimeWebSocket as BetaWebSocket } from 'openai/beta/realtime/websocket';
import { OpenAIRealtimeWS as BetaWS } from 'openai/beta/realtime/ws';
import { OpenAIRealtimeWebSocket } from 'openai/realtime/websocket';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { WebSocket } from 'ws';
import { print } from './shared.mjs';

globalThis.WebSocket = WebSocket; // node's own cannot send the headers that Azure's wants

const apiKey = process.env.OPENAI_API_KEY;
const session = { type: 'realtime', model: 'gpt-realtime', instructions: 'Bonjour, ça va?' };
const client = new OpenAI({
  organization: 'org_1',
  project: 'proj_1',
  maxRetries: 0,
  defaultHeaders: { 'X-Mine': 'a' },
});
const azure = (options) =>
  new AzureOpenAI({
    baseURL: null, // or else it takes OPENAI_BASE_URL
    endpoint: new URL(process.env.OPENAI_BASE_URL).origin,
    apiVersion: '2025-04-01-preview',
    deployment: 'deployed',
    maxRetries: 0,
    ...options,
  });
const keyed = azure({ apiKey });
const entra = azure({ apiKey: undefined, azureADTokenProvider: async () => 'token' });

/** Wait until a socket of either kind is closed. */
function closed(rt) {
  rt.on('error', () => {});
  return new Promise((resolve) => rt.socket.addEventListener('close', resolve));
}

const { realtime, beta } = client;
const requests = {
  client_secrets: () => realtime.clientSecrets.create({ session, expires_after: { seconds: 60 } }),
  'client_secrets, nothing said': () => realtime.clientSecrets.create({}),
  translations: () => realtime.translations.clientSecrets.create({ session: { model: 'translate' } }),
  'calls.create': () => realtime.calls.create({ sdp: 'v=0\r\n' }),
  'calls.create, with a session': () => realtime.calls.create({ sdp: 'v=0\r\n', session }),
  'calls.accept': () => realtime.calls.accept('rtc_1', session),
  'calls.reject': () => realtime.calls.reject('rtc_1'),
  'calls.reject, with a status': () => realtime.calls.reject('rtc_1', { status_code: 486 }),
  'calls.refer': () => realtime.calls.refer('rtc_1', { target_uri: 'tel:+14155550123' }),
  'calls.hangup': () => realtime.calls.hangup('rtc 1/2?3'),
  'beta sessions': () => beta.realtime.sessions.create({ model: 'm', voice: 'ash' }),
  'beta transcription_sessions': () =>
    beta.realtime.transcriptionSessions.create({ input_audio_format: 'g711_ulaw' }),
  'azure client_secrets': () => keyed.realtime.clientSecrets.create({ session }),
  'azure client_secrets, with a token': () => entra.realtime.clientSecrets.create({ session }),
  ws: () => closed(new OpenAIRealtimeWS({ model: 'a b&c=ä' }, client)),
  'ws, a call': () => closed(new OpenAIRealtimeWS({ callID: 'rtc_1' }, client)),
  'ws, transcription': () => closed(new OpenAIRealtimeWS({ intent: 'transcription' }, client)),
  websocket: () => closed(new OpenAIRealtimeWebSocket({ model: 'm' }, client)),
  'beta ws': () => closed(new BetaWS({ model: 'm' }, client)),
  'beta websocket': () => closed(new BetaWebSocket({ model: 'm' }, client)),
  'azure ws': async () => closed(await OpenAIRealtimeWS.azure(keyed)),
  'azure ws, a call': async () => closed(await OpenAIRealtimeWS.azure(keyed, { callID: 'rtc_1' })),
  'azure ws, with a token': async () =>
    closed(await OpenAIRealtimeWS.azure(entra, { deploymentName: 'other' })),
  'azure websocket': async () => closed(await OpenAIRealtimeWebSocket.azure(keyed)),
  'azure beta ws': async () => closed(await BetaWS.azure(keyed)),
};

for (const [name, request] of Object.entries(requests)) {
  try {
    await request();
  } catch (error) {
    if (!(error instanceof OpenAI.APIError)) throw error;
  }
  print({ type: name });
}
