// A spoken turn with openai's own WebSocket client. Usage: node openai_audio.mjs SAMPLES, a file with 16-bit samples at
// 24 kHz.
import { readFileSync } from 'node:fs';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { pieces, print } from './shared.mjs';

const rt = new OpenAIRealtimeWS({ model: 'gpt-realtime' });
const samples = readFileSync(process.argv[2]);

rt.on('event', print);
rt.socket.on('close', (code, reason) => print({ type: 'socket.close', code, reason: String(reason) }));

rt.on('session.created', () => {
  rt.send({
    type: 'session.update',
    session: { type: 'realtime', audio: { input: { transcription: { model: 'gpt-4o-mini-transcribe' } } } },
  });
});
rt.on('session.updated', () => {
  for (const piece of pieces(samples)) {
    rt.send({ type: 'input_audio_buffer.append', audio: piece.toString('base64') });
  }
});
rt.on('rate_limits.updated', () => rt.close());
