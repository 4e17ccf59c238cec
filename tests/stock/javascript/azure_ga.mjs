// The GA dialect at Azure's address, with openai's Azure client. Usage: node azure_ga.mjs
import { onClose, ways } from './beta.mjs';
import { print, say } from './shared.mjs';

const rt = await ways['azure-ga']();

rt.on('event', print);
onClose(rt, print);

rt.on('session.created', () => {
  rt.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'] } });
});
rt.on('session.updated', () => {
  say(rt, 'Please say good morning');
  rt.send({ type: 'response.create' });
});
rt.on('rate_limits.updated', () => rt.close());
