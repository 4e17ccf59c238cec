"""A call over WebRTC: say something, hear the answer. After the guide to WebRTC of OpenAI's Realtime API.

    python webrtc.py                          # microphone and speaker, until Ctrl+C
    python webrtc.py question.wav reply.wav   # recordings; one answer

Needs `pip install "vivavoce[webrtc,voice]"`.
"""

import asyncio
import sys

from vivavoce import AsyncClient
from vivavoce.client.voice import Microphone, Speaker, WavSink, WavSource
from vivavoce.protocol import (
    ConversationItemInputAudioTranscriptionCompleted,
    OutputAudioBufferStopped,
    ResponseOutputAudioTranscriptDone,
)

SESSION = {
    "type": "realtime",
    "model": "gpt-realtime",
    "instructions": "Be brief.",
    "audio": {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}},
}


async def main(question: str = "", reply: str = "") -> None:
    microphone = WavSource(question) if question else Microphone()
    speaker = WavSink(reply) if reply else Speaker()
    async with AsyncClient() as client:
        call = client.realtime.calls.connect(session=SESSION, microphone=microphone, speaker=speaker)
        async with call as rt:
            print(f"Call {rt.call_id}")
            async for event in rt:
                match event:
                    case ConversationItemInputAudioTranscriptionCompleted(transcript=transcript):
                        print(f"you: {transcript}")
                    case ResponseOutputAudioTranscriptDone(transcript=transcript):
                        print(f"assistant: {transcript}")
                    case OutputAudioBufferStopped() if question:
                        await rt.voice.playback_finished()
                        break
    print("Call ended.")


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        pass
