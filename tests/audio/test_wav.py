"""WAV files as programs write them, and as accidents leave them."""

import io
import os
import struct
import wave

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivavoce.audio import wav
from vivavoce.audio.g711 import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw
from vivavoce.audio.wav import WavError, WavWriter, read_wav, write_wav

TONE = np.rint(12000 * np.sin(np.arange(1000) / 9)).astype(np.int16)
SUBTYPE = bytes.fromhex("000000001000800000aa00389b71")


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    return (
        name
        + struct.pack("<I", len(content) if size is None else size)
        + content
        + b"\0" * (len(content) % 2)
    )


def fmt(
    tag: int, bits: int, channels: int = 1, rate: int = 16000, frame: int | None = None, more: bytes = b""
) -> bytes:
    frame = channels * ((bits + 7) // 8) if frame is None else frame
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits) + more)


def riff(*chunks: bytes, size: int | None = None) -> io.BytesIO:
    body = b"WAVE" + b"".join(chunks)
    return io.BytesIO(b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body)


class TestFormats:
    """Each holds TONE as well as it can."""

    @pytest.mark.parametrize(
        ("tag", "bits", "content", "error"),
        [
            (1, 8, ((TONE >> 8) + 128).astype(np.uint8).tobytes(), 255),
            (1, 16, TONE.astype("<i2").tobytes(), 0),
            (1, 12, TONE.astype("<i2").tobytes(), 0),
            (1, 24, b"".join(struct.pack("<i", int(sample) << 8)[:3] for sample in TONE), 0),
            (1, 32, (TONE.astype("<i4") << 16).tobytes(), 0),
            (3, 32, (TONE / 32768).astype("<f4").tobytes(), 0),
            (3, 64, (TONE / 32768).astype("<f8").tobytes(), 0),
            (6, 8, encode_alaw(TONE), 256),
            (7, 8, encode_ulaw(TONE), 256),
        ],
    )
    @pytest.mark.parametrize("extensible", [False, True])
    def test_every_format(self, tag, bits, content, error, extensible):
        head = fmt(tag, bits)
        if extensible:
            more = struct.pack("<HHIH", 22, bits, 0, tag) + SUBTYPE
            head = fmt(0xFFFE, bits, more=more)
        samples, rate = read_wav(riff(head, chunk(b"data", content)))
        assert rate == 16000
        assert samples.dtype == np.int16
        assert len(samples) == len(TONE)
        assert np.abs(samples.astype(int) - TONE).max() <= error

    def test_g711_is_decoded_exactly(self):
        every = bytes(range(256))
        assert np.array_equal(read_wav(riff(fmt(7, 8), chunk(b"data", every))).samples, decode_ulaw(every))
        assert np.array_equal(read_wav(riff(fmt(6, 8), chunk(b"data", every))).samples, decode_alaw(every))

    def test_wide_samples_are_rounded(self):
        wide = np.array([0x12348000, 0x12348001, 0x12347FFF, -0x12348001, 0x7FFFFFFF, -0x80000000])
        samples = read_wav(riff(fmt(1, 32), chunk(b"data", wide.astype("<i4").tobytes()))).samples
        assert samples.tolist() == [0x1234, 0x1235, 0x1234, -0x1235, 32767, -32768]

    def test_floats_beyond_full_scale_and_no_numbers(self):
        floats = np.array([0.5, 1.0, 7.5, -1.0, -1e30, np.inf, -np.inf, np.nan])
        expected = [16384, 32767, 32767, -32768, -32768, 32767, -32768, 0]
        for bits in (32, 64):
            content = floats.astype(f"<f{bits // 8}").tobytes()
            assert read_wav(riff(fmt(3, bits), chunk(b"data", content))).samples.tolist() == expected

    @pytest.mark.parametrize("channels", [2, 3, 6, 64])
    def test_channels_are_mixed(self, channels):
        frames = np.arange(channels * 400, dtype="<i2").reshape(400, channels)
        mixed = read_wav(riff(fmt(1, 16, channels), chunk(b"data", frames.tobytes()))).samples
        assert mixed.tolist() == np.rint(frames.mean(axis=1)).astype(int).tolist()

    def test_channels_mixed_do_not_overflow(self):
        loud = np.array([[32767, 32767], [-32768, -32768], [32767, -32767]], "<i2")
        mixed = read_wav(riff(fmt(1, 16, 2), chunk(b"data", loud.tobytes()))).samples
        assert mixed.tolist() == [32767, -32768, 0]

    def test_more_than_is_mixed_at_once(self):
        long = np.random.default_rng(1).integers(-30000, 30000, 700_001).astype("<i2")
        assert np.array_equal(read_wav(riff(fmt(1, 16), chunk(b"data", long.tobytes()))).samples, long)

    @pytest.mark.parametrize("rate", [4000, 8000, 11025, 44100, 192000])
    def test_rates(self, rate):
        assert read_wav(riff(fmt(1, 16, rate=rate), chunk(b"data", b"\1\2" * 10))).rate == rate


class TestLayouts:
    DATA = chunk(b"data", TONE.astype("<i2").tobytes())

    @pytest.mark.parametrize(
        "chunks",
        [
            [fmt(1, 16), chunk(b"LIST", b"INFOISFT\5\0\0\0Lavf\0\0"), DATA],
            [chunk(b"JUNK", bytes(28)), fmt(1, 16), chunk(b"fact", bytes(4)), DATA, chunk(b"id3 ", b"odd")],
            [fmt(1, 16), chunk(b"odd ", b"odd"), DATA],
            [DATA, chunk(b"odd ", b"odd"), fmt(1, 16)],
            [fmt(1, 16, more=b"\0\0"), DATA],
            [chunk(b"bext", bytes(3 << 20)), fmt(1, 16), DATA],
        ],
        ids=["list", "junk", "odd", "data first", "long format", "long chunk"],
    )
    def test_chunks_in_any_order(self, chunks):
        assert np.array_equal(read_wav(riff(*chunks)).samples, TONE)

    def test_odd_data_is_padded(self):
        content = chunk(b"data", bytes([128, 255, 0]))
        for chunks in ([content, fmt(1, 8)], [fmt(1, 8), content, chunk(b"LIST", b"")]):
            assert read_wav(riff(*chunks)).samples.tolist() == [0, 127 * 256, -32768]

    @pytest.mark.parametrize("size", [0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF, 0x7FFFF000, 0])
    @pytest.mark.parametrize("total", [0xFFFFFFFF, 0, 36])
    def test_sizes_that_were_never_filled_in(self, size, total):
        content = TONE.astype("<i2").tobytes()
        assert np.array_equal(
            read_wav(riff(fmt(1, 16), chunk(b"data", content, size), size=total)).samples, TONE
        )

    def test_a_file_that_was_cut_off_holds_what_is_left(self):
        whole = riff(fmt(1, 16), self.DATA).getvalue()
        assert np.array_equal(read_wav(io.BytesIO(whole[: 44 + 801])).samples, TONE[:400])

    def test_a_pipe(self):
        read, write = os.pipe()
        with os.fdopen(read, "rb") as source:
            with os.fdopen(write, "wb") as target:
                target.write(riff(chunk(b"JUNK", bytes(100)), fmt(1, 16), self.DATA).getvalue())
            assert np.array_equal(read_wav(source).samples, TONE)

    def test_recordings_of_people(self, speech):
        for path in sorted(speech.glob("*.wav")):
            with wave.open(str(path)) as reference:
                expected = np.frombuffer(reference.readframes(reference.getnframes()), "<i2")
                assert read_wav(path).rate == reference.getframerate()
            assert np.array_equal(read_wav(path).samples, expected)


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "problem"),
        [
            ("awful.wav", "claims 1,092,676 samples a second; 4,000 to 192,000 can be read"),
            ("bad.wav", "is damaged: its format chunk claims to have 1,717,986,918 bytes"),
            ("evil.wav", "is damaged: it has no data chunk"),
            ("null.wav", "holds no sound"),
        ],
    )
    def test_broken_files(self, speech, name, problem):
        path = speech / "broken" / name
        with pytest.raises(WavError) as caught:
            read_wav(path)
        assert str(caught.value) == f"{path} {problem}."

    def test_no_broken_file_is_forgotten(self, speech):
        for path in (speech / "broken").iterdir():
            with pytest.raises(WavError):
                read_wav(path)

    def test_what_is_no_file(self, tmp_path):
        with pytest.raises(WavError, match=r"nowhere\.wav does not exist\.$"):
            read_wav(tmp_path / "nowhere.wav")
        with pytest.raises(WavError, match=r"cannot be read: Is a directory\.$"):
            read_wav(str(tmp_path))

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"", "is empty"),
            (b"R", "is not a WAV file"),
            (b"This is no sound, whatever its name may promise.\n", "is not a WAV file"),
            (b"RIFF\0\0\0\0AVI LIST", "is not a WAV file"),
            (b"RIFX\0\0\0\0WAVE", "is not a WAV file"),
        ],
    )
    def test_what_is_no_wav_file(self, tmp_path, content, problem):
        path = tmp_path / "sound.wav"
        path.write_bytes(content)
        with pytest.raises(WavError) as caught:
            read_wav(path)
        assert str(caught.value) == f"{path} {problem}."

    SOUND = chunk(b"data", bytes(64))

    @pytest.mark.parametrize(
        ("file", "problem"),
        [
            (riff(), "is damaged: it has no format chunk"),
            (riff(fmt(1, 16)), "is damaged: it has no data chunk"),
            (riff(SOUND), "is damaged: it has no format chunk"),
            (riff(chunk(b"fmt ", bytes(14)), SOUND), "is damaged: its format chunk claims to have 14 bytes"),
            (riff(chunk(b"fmt ", bytes(4), 16)), "is damaged: it ends within its format chunk"),
            (riff(fmt(1, 16), chunk(b"data", b""), chunk(b"LIST", b"x" * 8)), "holds no sound"),
            (riff(fmt(1, 16), chunk(b"data", b"", 0xFFFFFFFF)), "holds no sound"),
            (
                riff(fmt(2, 4), SOUND),
                "has the compressed or unknown format 0x0002; PCM, float, A-law and µ-law",
            ),
            (riff(fmt(0xFFFE, 16), SOUND), "has the compressed or unknown format 0xfffe; PCM, float, A-law"),
            (riff(fmt(0xFFFE, 16, more=bytes(24)), SOUND), "has the compressed or unknown format 0xfffe;"),
            (riff(fmt(1, 16, channels=0, frame=2), SOUND), "claims 0 channels; 1 to 64 can be read"),
            (riff(fmt(1, 16, channels=65), SOUND), "claims 65 channels; 1 to 64 can be read"),
            (riff(fmt(1, 16, rate=0), SOUND), "claims 0 samples a second; 4,000 to 192,000 can be read"),
            (riff(fmt(1, 16, rate=192001), SOUND), "claims 192,001 samples a second"),
            (riff(fmt(1, 64), SOUND), "is damaged: samples of 64 bits for 1 channels in 8 bytes"),
            (riff(fmt(1, 0), SOUND), "is damaged: samples of 0 bits for 1 channels in 0 bytes"),
            (riff(fmt(3, 16), SOUND), "is damaged: samples of 16 bits for 1 channels in 2 bytes"),
            (riff(fmt(1, 16, frame=3), SOUND), "is damaged: samples of 16 bits for 1 channels in 3 bytes"),
        ],
    )
    def test_damaged_files(self, file, problem):
        with pytest.raises(WavError) as caught:
            read_wav(file)
        assert str(caught.value).startswith(f"The WAV data {problem}")
        assert str(caught.value).endswith(".")

    def test_too_long(self):
        file = riff(fmt(1, 8, rate=4000), chunk(b"data", bytes(4000 * 3600 + 1)))
        with pytest.raises(WavError, match="is too long: 60 minutes at most can be read"):
            read_wav(file)
        assert (
            len(read_wav(riff(fmt(1, 8, rate=4000), chunk(b"data", bytes(4000 * 3600)))).samples)
            == 14_400_000
        )

    def test_too_large(self, monkeypatch):
        monkeypatch.setattr(wav, "MAX_BYTES", 5 << 20)
        file = riff(fmt(1, 16), chunk(b"data", bytes((5 << 20) + 2), 0xFFFFFFFF))
        with pytest.raises(WavError, match="is too large: sound of 5 MiB at most can be read"):
            read_wav(file)

    @settings(max_examples=300)
    @given(data=st.data())
    def test_any_damage_is_either_heard_or_refused(self, data):
        file = bytearray(
            riff(fmt(1, 16), chunk(b"LIST", b"abcd"), chunk(b"data", bytes(range(200)))).getvalue()
        )
        for _ in range(data.draw(st.integers(1, 8))):
            file[data.draw(st.integers(0, 63))] = data.draw(st.integers(0, 255))
        del file[data.draw(st.integers(0, len(file))) :]
        try:
            samples = read_wav(io.BytesIO(file)).samples
        except WavError:
            return
        assert 0 < len(samples) <= 254


class TestWriting:
    def test_others_read_it(self, tmp_path):
        write_wav(tmp_path / "tone.wav", TONE, 24000)
        with wave.open(str(tmp_path / "tone.wav")) as file:
            assert file.getparams()[:4] == (1, 2, 24000, len(TONE))
            assert file.readframes(len(TONE)) == TONE.astype("<i2").tobytes()
        assert os.path.getsize(tmp_path / "tone.wav") == 44 + 2 * len(TONE)

    def test_stereo(self, tmp_path):
        both = np.stack((TONE, -TONE), axis=1)
        write_wav(tmp_path / "both.wav", both, 24000)
        with wave.open(str(tmp_path / "both.wav")) as file:
            assert file.getparams()[:4] == (2, 2, 24000, len(TONE))
            assert file.readframes(len(TONE)) == both.astype("<i2").tobytes()

    def test_piece_by_piece(self, tmp_path):
        path = tmp_path / "pieces.wav"
        with WavWriter(path, 16000) as writer:
            for start in range(0, len(TONE), 300):
                writer.write(TONE[start : start + 300])
        writer.close()
        samples, rate = read_wav(path)
        assert rate == 16000
        assert np.array_equal(samples, TONE)

    def test_a_program_that_dies_leaves_what_it_wrote(self, tmp_path):
        with open(tmp_path / "unfinished.wav", "w+b") as file:
            WavWriter(file, 16000).write(TONE)
            file.seek(0)
            assert np.array_equal(read_wav(file).samples, TONE)

    def test_a_file_of_the_callers_is_left_open(self):
        file = io.BytesIO(b"before")
        file.seek(0, os.SEEK_END)
        with WavWriter(file, 16000) as writer:
            writer.write(TONE)
        assert file.tell() == 6 + 44 + 2 * len(TONE)
        file.seek(6)
        assert np.array_equal(read_wav(file).samples, TONE)

    def test_a_pipe_keeps_its_unfinished_header(self):
        read, write = os.pipe()
        with os.fdopen(read, "rb") as source:
            with os.fdopen(write, "wb") as target:
                write_wav(target, TONE, 8000)
            content = source.read()
        assert content[40:44] == b"\xff\xff\xff\xff"
        assert np.array_equal(read_wav(io.BytesIO(content)).samples, TONE)

    def test_no_sound_at_all_is_a_file_too(self, tmp_path):
        write_wav(tmp_path / "empty.wav", TONE[:0], 8000)
        with wave.open(str(tmp_path / "empty.wav")) as file:
            assert file.getnframes() == 0

    def test_another_number_of_channels(self, tmp_path):
        with WavWriter(tmp_path / "mono.wav", 8000) as writer:
            with pytest.raises(ValueError, match="2 channels for a file of 1"):
                writer.write(np.zeros((10, 2), np.int16))

    def test_too_much_for_the_format(self):
        writer = WavWriter(io.BytesIO(), 8000)
        with pytest.raises(WavError, match="The WAV data would grow beyond the 4 GiB"):
            writer.write(np.broadcast_to(np.int16(0), 1 << 31))

    def test_places_where_nothing_can_be_written(self, tmp_path):
        with pytest.raises(WavError, match=r"nowhere/a\.wav cannot be written: No such file or directory\.$"):
            WavWriter(tmp_path / "nowhere" / "a.wav", 8000)
        with pytest.raises(WavError, match=r"cannot be written: Is a directory\.$"):
            WavWriter(tmp_path, 8000)

    def test_a_disk_that_is_full(self):
        with pytest.raises(WavError, match=r"/dev/full cannot be written: No space left on device\.$"):
            write_wav("/dev/full", TONE, 8000)
        with pytest.raises(WavError, match=r"/dev/full cannot be written: No space left on device\.$"):
            with open("/dev/full", "wb", buffering=0) as file:
                WavWriter(file, 8000)
