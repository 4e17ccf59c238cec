// A function that the model calls, with openai's own WebSocket client. Usage: node openai_function.mjs
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { print, say } from './shared.mjs';

const rt = new OpenAIRealtimeWS({ model: 'gpt-realtime' });

rt.on('event', print);
rt.socket.on('close', (code, reason) => print({ type: 'socket.close', code, reason: String(reason) }));

const lights = {
  type: 'function',
  name: 'set_light_brightness',
  description: 'Sets the brightness of the lights in a room.',
  parameters: {
    type: 'object',
    properties: {
      room: { type: 'string', enum: ['kitchen', 'bedroom'] },
      brightness: { type: 'integer', minimum: 0, maximum: 100 },
    },
    required: ['room', 'brightness'],
  },
};

rt.on('session.created', () => {
  rt.send({ type: 'session.update', session: { type: 'realtime', tools: [lights], tool_choice: 'auto' } });
});
rt.on('session.updated', () => {
  say(rt, 'Set the brightness of the bedroom lights to 40, please.');
  rt.send({ type: 'response.create' });
});
rt.on('response.done', ({ response }) => {
  const [item] = response.output;
  if (item.type !== 'function_call') {
    rt.close({ code: 1000, reason: 'done' });
    return;
  }
  const { room, brightness } = JSON.parse(item.arguments);
  rt.send({
    type: 'conversation.item.create',
    item: {
      type: 'function_call_output',
      call_id: item.call_id,
      output: JSON.stringify({ result: `The ${room} lights are at ${brightness} percent.` }),
    },
  });
  rt.send({ type: 'response.create' });
});
