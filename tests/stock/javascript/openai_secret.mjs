// A browser's conversation: your own server makes a client secret with its key, and the page connects with that.
// Usage: node openai_secret.mjs
import OpenAI from 'openai';
import { OpenAIRealtimeWebSocket } from 'openai/realtime/websocket';
import { WebSocket } from 'ws';
import { print, say } from './shared.mjs';

// Browsers have one of their own, as has node from version 22.
globalThis.WebSocket ??= WebSocket;

const secret = await new OpenAI().realtime.clientSecrets.create({
  expires_after: { anchor: 'created_at', seconds: 60 },
  session: { type: 'realtime', model: 'gpt-realtime-mini', output_modalities: ['text'], instructions: 'Be brief.' },
});
print({ type: 'client.secret', expires_at: secret.expires_at, session: secret.session });

const page = new OpenAI({ apiKey: secret.value, dangerouslyAllowBrowser: true });
const rt = new OpenAIRealtimeWebSocket({ model: 'gpt-realtime' }, page);

rt.on('event', print);
rt.socket.addEventListener('close', ({ code, reason }) => print({ type: 'socket.close', code, reason }));

rt.on('session.created', () => {
  say(rt, 'Please say good morning');
  rt.send({ type: 'response.create' });
});
rt.on('rate_limits.updated', () => rt.close());
