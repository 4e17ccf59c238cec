"""A session that only transcribes, as in the guide of the JavaScript SDK: `python transcription.py FILE`, a
WAV file of 16-bit samples at 24 kHz with one channel."""

import asyncio
import base64
import sys
import wave

from vivavoce.client.ws import OpenAIRealtimeWS
from vivavoce.protocol import InputAudioBufferAppend

PIECE_S = 0.04


async def main(file: str) -> None:
    rt = OpenAIRealtimeWS(intent="transcription")
    with wave.open(file) as recording:
        rate, frames = recording.getframerate(), int(recording.getframerate() * PIECE_S)
        await rt.emitted("session.created")
        rt.send(
            {
                "type": "session.update",
                "session": {
                    "type": "transcription",
                    "audio": {
                        "input": {
                            "format": {"type": "audio/pcm", "rate": rate},
                            "transcription": {"model": "gpt-4o-transcribe"},
                            "turn_detection": None,
                        }
                    },
                },
            }
        )
        await rt.emitted("session.updated")
        while piece := recording.readframes(frames):
            rt.send(InputAudioBufferAppend(audio=base64.b64encode(piece).decode()))
    rt.send({"type": "input_audio_buffer.commit"})
    done = await rt.emitted("conversation.item.input_audio_transcription.completed")
    print(done.transcript)
    rt.close()
    await rt.socket.wait_closed()


asyncio.run(main(sys.argv[1]))
