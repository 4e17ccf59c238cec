// What is wrong arrives as errors of openai's own WebSocket client, and the session goes on. Usage: node
// openai_errors.mjs
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { print, say } from './shared.mjs';

const rt = new OpenAIRealtimeWS({ model: 'gpt-realtime' });

rt.on('event', print);
rt.socket.on('close', (code, reason) => print({ type: 'socket.close', code, reason: String(reason) }));

rt.on('error', (error) => {
  print({ type: 'client.error', name: error.constructor.name, message: error.message, error: error.error });
  if (error.error?.event_id === 'second') {
    say(rt, 'Say that was wrong');
    rt.send({ type: 'response.create', response: { output_modalities: ['text'] } });
  }
});
rt.on('session.created', () => {
  rt.send({ type: 'nope', event_id: 'first' });
  rt.send({ type: 'session.update', event_id: 'second', session: { type: 'realtime', voice: 'alloy' } });
});
rt.on('response.done', () => rt.close());
