// A typed conversation with openai's clients of the beta dialect. Usage: node beta_text.mjs WAY
import { onClose, ways } from './beta.mjs';
import { print, say } from './shared.mjs';

const rt = await ways[process.argv[2]]();

rt.on('event', print);
rt.on('error', (error) => print({ type: 'client.error', message: error.message }));
onClose(rt, print);

rt.on('session.created', () => {
  rt.send({ type: 'session.update', session: { modalities: ['text'], temperature: 0.7 } });
});
rt.on('session.updated', () => {
  say(rt, 'Please say good morning');
  rt.send({ type: 'response.create' });
});
rt.on('response.text.delta', (event) => process.stderr.write(event.delta));
rt.on('rate_limits.updated', () => rt.close());
