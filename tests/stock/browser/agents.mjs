// A voice agent by @openai/agents, in the browser and so over WebRTC.
import { RealtimeAgent, RealtimeSession, tool } from '@openai/agents/realtime';
import { z } from 'zod';
import { note } from './page.mjs';

const noteDown = tool({
  name: 'note_down',
  description: 'Writes something into the notebook.',
  parameters: z.object({ page: z.number().int() }),
  async execute({ page }) {
    happened.push(['executed', page]);
    return `It stands on page ${page}.`;
  },
});

globalThis.begin = async ({ url, key, tools }) => {
  const agent = new RealtimeAgent({
    name: 'Secretary',
    instructions: 'You keep a notebook.',
    tools: tools ? [noteDown] : [],
  });
  const session = new RealtimeSession(agent, { model: 'gpt-realtime' });
  session.on('transport_event', note);
  session.on('error', ({ error }) => happened.push(['error', String(error?.message ?? error)]));
  session.on('agent_end', (_context, _agent, output) => happened.push(['agent_end', output]));
  session.transport.on('connection_change', (status) => happened.push(['connection', status]));
  try {
    await session.connect({ apiKey: key, url });
  } catch (error) {
    return { error: error.message };
  }
  globalThis.session = session;
  globalThis.send = (event) => session.transport.sendEvent(event);
  globalThis.end = () => session.close();
  return { callId: session.transport.callId };
};
