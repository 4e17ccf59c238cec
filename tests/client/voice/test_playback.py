"""What counts as heard."""

import threading

from vivavoce.client.voice.playback import BYTES_PER_MS, Heard, Playback


def ms(milliseconds: int) -> bytes:
    return b"\1" * (milliseconds * BYTES_PER_MS)


def test_audio_is_taken_in_the_order_in_which_it_came() -> None:
    playback = Playback()
    playback.add("a", 0, b"ab")
    playback.add("a", 0, b"cdef")
    playback.add("b", 0, b"gh")
    assert playback.unheard() == {"a", "b"}
    assert playback.take(3) == b"abc"
    assert playback.take(4) == b"defg"
    assert playback.unheard() == {"b"}
    assert playback.take(4) == b"h"
    assert playback.take(4) == b""
    assert playback.unheard() == set()


def test_an_interruption_tells_how_much_was_heard() -> None:
    playback = Playback()
    playback.add("a", 0, ms(200))
    playback.take(len(ms(150)) + 47)
    assert playback.interrupt() == [Heard("a", 0, 150)]
    assert playback.take(100) == b""


def test_an_item_heard_to_its_end_needs_no_cut() -> None:
    playback = Playback()
    playback.add("a", 0, ms(20))
    playback.take(len(ms(20)))
    assert playback.interrupt() == []


def test_nothing_said_needs_no_cut() -> None:
    playback = Playback()
    playback.add("a", 0, b"")
    assert playback.interrupt() == []


def test_every_item_that_waits_is_cut() -> None:
    playback = Playback()
    for item_id, part in (("a", 0), ("b", 0), ("b", 1), ("c", 0)):
        playback.add(item_id, part, ms(100))
    playback.take(len(ms(140)))
    assert playback.interrupt() == [Heard("b", 0, 40), Heard("b", 1, 0), Heard("c", 0, 0)]


def test_what_comes_late_of_an_interrupted_item_is_dropped() -> None:
    playback = Playback()
    playback.add("a", 0, ms(100))
    playback.interrupt()
    playback.add("a", 0, ms(100))
    playback.add("b", 0, b"next")
    assert playback.take(100) == b"next"
    assert playback.interrupt() == []


def test_a_device_may_take_from_another_thread() -> None:
    playback = Playback()
    taken = bytearray()
    done = threading.Event()

    def device() -> None:
        while not (done.is_set() and not playback.unheard()):
            taken.extend(playback.take(7))

    thread = threading.Thread(target=device)
    thread.start()
    said = b"".join(n.to_bytes(2) for n in range(5000))
    for start in range(0, len(said), 10):
        playback.add("a", 0, said[start : start + 10])
    done.set()
    thread.join()
    assert bytes(taken) == said
