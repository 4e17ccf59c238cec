"""Calls over WebRTC: events over a data channel, sound over tracks.

Needs aiortc: `pip install "vivavoce[webrtc]"`.

    connecting  `client.realtime.calls.connect(...)`: from the offer to an open channel
    call        an open call
    channel     what carries its events
    track       what carries its sound, for programs
"""
