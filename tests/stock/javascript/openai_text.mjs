// A typed conversation with openai's own WebSocket client. Usage: node openai_text.mjs
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { print, say } from './shared.mjs';

const rt = new OpenAIRealtimeWS({ model: 'gpt-realtime' });

rt.on('event', print);
rt.socket.on('close', (code, reason) => print({ type: 'socket.close', code, reason: String(reason) }));

rt.on('session.created', () => {
  rt.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'] } });
});
rt.on('session.updated', () => {
  say(rt, 'Please say good morning');
  rt.send({ type: 'response.create' });
});
rt.on('response.output_text.delta', (event) => process.stderr.write(event.delta));
rt.on('rate_limits.updated', () => rt.close());
