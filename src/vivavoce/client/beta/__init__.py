"""The client's side of the beta dialect, which OpenAI has shut off and `vivavoce serve` speaks.

realtime    `client.beta.realtime`: connections, and client secrets for them
connection  open connections
ws,
websocket   the emitter classes
"""
