"""Speech for a page's microphone."""

import base64
import io
import wave


def data_url(pcm: bytes, rate: int) -> str:
    """16-bit mono samples as a WAV file, in a URL of which nothing has to be fetched."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(rate)
        written.writeframes(pcm)
    return "data:audio/wav;base64," + base64.b64encode(file.getvalue()).decode()
