"""The client's side of the beta dialect, which OpenAI has shut off and `vivavoce serve` speaks.

realtime    `client.beta.realtime`: connections, and client secrets for them
connecting  opening them
connection,
sync_connection
            open connections
events      their methods, one for each client event
emitter     what the emitter classes have in common
ws,
websocket   the emitter classes
"""
