// A key that does not open the server, with openai's own WebSocket client. Usage: node openai_refused.mjs
import { OpenAI } from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { print } from './shared.mjs';

const rt = new OpenAIRealtimeWS({ model: 'gpt-realtime' }, new OpenAI({ apiKey: 'sk-wrong' }));

rt.on('event', print);
rt.on('error', (error) => print({ type: 'client.error', code: error.error?.code }));
rt.socket.on('close', (code, reason) => print({ type: 'socket.close', code, reason: String(reason) }));
