// A spoken turn with openai's client of the beta dialect. Usage: node beta_audio.mjs WAY FILE
import { readFileSync } from 'node:fs';
import { onClose, ways } from './beta.mjs';
import { pieces, print } from './shared.mjs';

const rt = await ways[process.argv[2]]();

rt.on('event', (event) => print(event.type === 'response.audio.delta' ? { ...event, delta: '…' } : event));
rt.on('error', (error) => print({ type: 'client.error', message: error.message }));
onClose(rt, print);

rt.on('session.created', () => {
  rt.send({
    type: 'session.update',
    session: { input_audio_transcription: { model: 'whisper-1' }, voice: 'ash' },
  });
});
rt.on('session.updated', () => {
  for (const piece of pieces(readFileSync(process.argv[3]))) {
    rt.send({ type: 'input_audio_buffer.append', audio: piece.toString('base64') });
  }
});
rt.on('rate_limits.updated', () => rt.close());
