// The ways in which openai's own clients come to a server: for what the programs beside it do alike.
import { AzureOpenAI } from 'openai';
import { OpenAIRealtimeWebSocket as BetaWebSocket } from 'openai/beta/realtime/websocket';
import { OpenAIRealtimeWS as BetaWS } from 'openai/beta/realtime/ws';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { WebSocket } from 'ws';

// Browsers have one of their own, as has node from version 22.
globalThis.WebSocket ??= WebSocket;

const azure = () =>
  new AzureOpenAI({
    baseURL: null, // or else it takes OPENAI_BASE_URL
    endpoint: new URL(process.env.OPENAI_BASE_URL).origin,
    apiKey: process.env.OPENAI_API_KEY,
    apiVersion: '2025-04-01-preview',
    deployment: 'gpt-4o-realtime-preview',
  });

/** An open connection, by the name of the way. */
export const ways = {
  ws: async () => new BetaWS({ model: 'gpt-4o-realtime-preview' }),
  websocket: async () => new BetaWebSocket({ model: 'gpt-4o-realtime-preview' }),
  azure: async () => BetaWS.azure(azure()),
  'azure-ga': async () => OpenAIRealtimeWS.azure(azure()),
};

/** Print the end of the connection, whoever made the socket. */
export function onClose(rt, print) {
  if (rt.socket.on) {
    rt.socket.on('close', (code, reason) => print({ type: 'socket.close', code, reason: String(reason) }));
  } else {
    rt.socket.addEventListener('close', ({ code, reason }) => print({ type: 'socket.close', code, reason }));
  }
}
