// A voice agent with a tool, by @openai/agents over WebSocket. Usage: node agents_tool.mjs
import { RealtimeAgent, RealtimeSession, tool } from '@openai/agents/realtime';
import { z } from 'zod';
import { print } from './shared.mjs';

const setBrightness = tool({
  name: 'set_light_brightness',
  description: 'Sets the brightness of the lights in a room.',
  parameters: z.object({
    room: z.enum(['kitchen', 'bedroom']),
    brightness: z.number().int().min(0).max(100),
  }),
  async execute({ room, brightness }) {
    print({ type: 'tool.executed', room, brightness });
    return `The ${room} lights are at ${brightness} percent.`;
  },
});

const agent = new RealtimeAgent({
  name: 'House',
  instructions: 'You look after the house.',
  tools: [setBrightness],
});

const session = new RealtimeSession(agent, { transport: 'websocket', model: 'gpt-realtime' });

let spoken = 0;
session.on('transport_event', print);
session.on('audio', ({ data }) => (spoken += data.byteLength));
session.on('error', (error) => print({ type: 'client.error', error }));
session.on('agent_end', (_context, _agent, output) => {
  print({ type: 'agent.end', output, spoken, history: session.history });
  if (spoken > 0) {
    session.close();
  }
});

await session.connect({ apiKey: process.env.OPENAI_API_KEY, url: process.env.REALTIME_URL });
session.sendMessage('Set the brightness of the bedroom lights to 40, please.');
