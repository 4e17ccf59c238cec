"""A WebSocket server that talks to many at once, in real time: `python -m benchmarks.drip CONNECTIONS RATE`.

Once all have connected it prints `ready`, waits for a line on its input, and sends each of them that many
events a second, evenly spread, of a realistic mix; a transcript delta says when it was sent (monotonic
seconds). On the next line it prints how many events it has sent, how many it could not because the client did
not read, and for how many seconds; and ends on one more.
"""

import itertools
import json
import select
import socket
import sys
import time

from benchmarks import events, measure
from benchmarks.accept import accept, frame


def main() -> None:
    measure.pin(measure.SERVER_CORE)
    count, rate = int(sys.argv[1]), int(sys.argv[2])
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        print(listener.getsockname()[1], flush=True)
        callers = [accept(listener) for _ in range(count)]
    for raw in callers:
        raw.setblocking(False)
    print("ready", flush=True)
    sys.stdin.readline()
    print(*_talk(callers, rate), flush=True)
    sys.stdin.readline()  # the client still reads


def _talk(callers: list[socket.socket], rate: int) -> tuple[int, int, float]:
    others = itertools.cycle(
        [frame(each) for each in events.mix(400) if b"audio_transcript" not in each] or [b""]
    )
    sent = refused = 0
    broken: set[socket.socket] = set()  # whose last frame was not taken whole: nothing can follow it
    step = 1 / (len(callers) * rate)
    begin = due = time.monotonic()
    for turn in itertools.count():
        raw = callers[turn % len(callers)]
        due += step
        if (wait := due - time.monotonic()) > 0:
            time.sleep(wait)
        if turn % 64 == 0 and select.select([sys.stdin], [], [], 0)[0]:
            break
        data = _stamped() if (turn // len(callers) + turn) % 20 < 7 else next(others)
        if raw in broken:
            refused += 1
            continue
        try:
            if raw.send(data) < len(data):
                broken.add(raw)
                refused += 1
            else:
                sent += 1
        except BlockingIOError:
            refused += 1
        except OSError:
            broken.add(raw)
            refused += 1
    return sent, refused, time.monotonic() - begin


def _stamped() -> bytes:
    delta = {
        "type": "response.output_audio_transcript.delta",
        "event_id": "event_0",
        "response_id": events.RESPONSE,
        "item_id": events.ITEM,
        "output_index": 0,
        "content_index": 0,
        "delta": f"{time.monotonic():.6f}",
    }
    return frame(json.dumps(delta).encode())


if __name__ == "__main__":
    main()
