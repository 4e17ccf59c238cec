"""Calls over WebRTC: media on a track, events on a data channel (behaviour reference, 8.4, 8.5 and 9).

A call is a second way to the same runner and the same session as a WebSocket. `routes` is where it is
offered over HTTP, `offers` what is read there, `registry` who is in a call, `call` one of them from its
answer to its end, `intake` what goes into its session and `media` what comes out, `sideband` the WebSockets
beside it, and `reach` where its media arrives.
"""
