// A voice agent that is spoken to, and interrupted, by @openai/agents over WebSocket. Usage: node agents_audio.mjs
// SAMPLES, a file with 16-bit samples at 24 kHz.
import { readFileSync } from 'node:fs';
import { RealtimeAgent, RealtimeSession } from '@openai/agents/realtime';
import { pieces, print } from './shared.mjs';

const samples = readFileSync(process.argv[2]);
const agent = new RealtimeAgent({ name: 'Reader', instructions: 'You like novels.' });
const session = new RealtimeSession(agent, { transport: 'websocket', model: 'gpt-realtime' });

let transcribed = false;
let ended = false;
function closeAtTheEnd() {
  if (transcribed && ended) {
    print({ type: 'agent.end', history: session.history });
    session.close();
  }
}

session.on('transport_event', print);
session.on('error', (error) => print({ type: 'client.error', error }));
session.on('agent_end', () => {
  ended = true;
  closeAtTheEnd();
});
session.on('history_updated', (history) => {
  transcribed = history.some((item) => item.role === 'user' && item.content[0]?.transcript);
  closeAtTheEnd();
});

await session.connect({ apiKey: process.env.OPENAI_API_KEY, url: process.env.REALTIME_URL });
for (const piece of pieces(samples)) {
  session.sendAudio(piece.buffer.slice(piece.byteOffset, piece.byteOffset + piece.length));
}
