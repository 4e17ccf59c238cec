"""What of a text is spoken: marks taken out, cut into phrases, every character traced back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.markdown import Unmarked
from vivavoce.engines.speakable import Phrase, SpeakableText


def phrases(text: str, size: int | None = None) -> list[Phrase]:
    speakable = SpeakableText()
    found = []
    for start in range(0, len(text), size or max(1, len(text))):
        found += speakable.feed(text[start : start + (size or len(text))])
    return found + speakable.finish()


def spoken(text: str) -> list[str]:
    return [phrase.text for phrase in phrases(text)]


def whole(text: str) -> str:
    return "".join(spoken(text))


class TestPhrases:
    def test_sentences_are_phrases(self):
        assert spoken("It rains. Does it? It does! Well.") == [
            "It rains. ",
            "Does it? ",
            "It does! ",
            "Well.",
        ]

    def test_a_sentence_is_ready_when_the_next_one_begins(self):
        speakable = SpeakableText()
        assert speakable.feed("Hello there.") == []
        assert speakable.feed(" ") == []
        assert [phrase.text for phrase in speakable.feed("I")] == ["Hello there. "]

    def test_the_first_phrase_ends_at_a_comma(self):
        first, second = spoken("Well then my friend, we shall see, and all of us will be glad of it.")
        assert first == "Well then my friend, "
        assert second == "we shall see, and all of us will be glad of it."

    def test_a_comma_after_two_words_is_too_early(self):
        assert spoken("Well then, we shall see.") == ["Well then, we shall see."]

    def test_the_first_phrase_ends_after_some_words(self):
        text = "one two three four five six seven eight nine ten eleven twelve"
        assert spoken(text) == ["one two three four five six seven eight ", "nine ten eleven twelve"]

    def test_the_first_phrase_does_not_end_with_an_article(self):
        text = "one two three four five six seven the nine ten eleven twelve"
        assert spoken(text) == ["one two three four five six seven the nine ", "ten eleven twelve"]

    def test_only_the_first_phrase_is_cut_early(self):
        assert spoken("Yes! " + "word " * 20 + "end.") == ["Yes! ", "word " * 20 + "end."]

    def test_long_sentences_are_cut_at_commas_and_very_long_ones_between_words(self):
        clauses = "Yes! " + ("word " * 10 + "word, ") * 8
        assert [len(phrase) for phrase in spoken(clauses)[1:]] == [168, 168, 112]
        words = spoken("Yes! " + "word " * 200)
        assert all(phrase.endswith("word ") for phrase in words[1:-1])
        assert max(map(len, words)) < 310

    def test_what_has_no_spaces_is_cut_all_the_same(self):
        assert max(map(len, spoken("x" * 100_000))) <= 600

    @pytest.mark.parametrize(
        "text",
        [
            "It costs 3.14 euros.",
            "Ask for Dr. Smith tonight.",
            "Take fruit, e.g. Apples.",
            "The U.S. Senate met.",
            "See No. 5 there.",
            "J. R. Smith is here.",
            "I wonder… Perhaps not.",
            "I wonder... Perhaps not.",
            "Go to https://example.com/a.b?c=d.e!f now.",
            "At 5 p.m. Monday we go.",
            "approx. five of them",
            "1. First of all.",
            "“Why?” he asked.",
        ],
    )
    def test_no_cut_inside(self, text):
        assert spoken(text) == [text]

    def test_words_that_end_sentences_all_the_same(self):
        assert spoken("So do I. And no. Never.") == ["So do I. ", "And no. ", "Never."]

    def test_quotes_belong_to_the_sentence_that_they_close(self):
        assert spoken("“It rains.” She left. (So did he.) Then") == [
            "“It rains.” ",
            "She left. ",
            "(So did he.) ",
            "Then",
        ]

    def test_scripts_without_spaces(self):
        assert spoken("你好，我是一个助手。今天天气很好！「是吗？」对。") == [
            "你好，我是一个助手。",
            "今天天气很好！",
            "「是吗？」",
            "对。",
        ]

    def test_nothing_to_speak(self):
        assert spoken("") == []
        assert spoken(" \n\n ") == []
        assert spoken("… — !") == []

    def test_marks_alone_join_the_next_words(self):
        assert spoken("… ! So it is. — And") == ["… ! So it is. ", "— And"]


class TestMarks:
    @pytest.mark.parametrize(
        ("raw", "heard"),
        [
            ("This is **bold**, *leaning* and __both__ _so_.", "This is bold, leaning and both so."),
            ("***Very*** ~~bad~~ good", "Very bad good"),
            ("The `code` and ``more``", "The code and more"),
            ("keep snake_case and 2 * 3 and 2*3 and ~5", "keep snake_case and 2 * 3 and 2*3 and ~5"),
            ("a [link](http://example.com/(x) 'title') here", "a link here"),
            ("a [link][1] here[^2].", "a link here."),
            ("![a cat](cat.png) sleeps", "a cat sleeps"),
            ("Wow! [sic]", "Wow! sic"),
            ("not [a link] (really)", "not a link (really)"),
            (r"\*stars\* and C:\new", r"*stars* and C:\new"),
            ("<b>bold</b> and <i class='x'>so</i><!-- not > this -->", "bold and so"),
            ("a <!-- never <!-- ends --> b <!DOCTYPE>", "a <!-- never b <!DOCTYPE>"),
            ("a [link](in prose) and [one](to 'x')", "a link(in prose) and one"),
            ("see <https://example.com> or <me@example.com>", "see https://example.com or me@example.com"),
            ("if a < b and c > d, <3", "if a < b and c > d, <3"),
            ("Hi 👋🏽 there 👨‍👩‍👧 ❤️ ok ✅!", "Hi there ok !"),
            ("1️⃣ first 🇫🇷 20°C ™", "1 first 20°C ™"),
            ("bell\x07 zero\u200bwidth\ufeff soft\u00adhyphen \ud800 end", "bell zerowidth softhyphen end"),
            ("می‌خواهم", "می‌خواهم"),
            ("tabs\tand\u00a0more   spaces\r\nhere", "tabs and more spaces here"),
            ("soft\nbreak", "soft break"),
            ("hard\\\nbreak", "hard break"),
        ],
    )
    def test_inline(self, raw, heard):
        assert whole(raw) == heard

    def test_headings_items_and_quotes(self):
        raw = (
            "# Title\nText\n## Sub *title*\n- one\n* two\n+ three\n- [ ] open\n- [x] done\n  - deep\n"
            "1. first\n2) second\n> quoted\n> on"
        )
        assert spoken(raw) == [
            "Title ",
            "Text ",
            "Sub title ",
            "one ",
            "two ",
            "three ",
            "open ",
            "done ",
            "deep ",
            "1. first ",
            "2) second ",
            "quoted on",
        ]

    def test_marks_that_are_words(self):
        assert spoken("-5 degrees") == ["-5 degrees"]
        assert spoken("C# is #1") == ["C# is #1"]
        assert spoken("2024 was warm") == ["2024 was warm"]
        assert spoken("42") == ["42"]

    def test_rules_and_underlines_are_silent(self):
        assert spoken("Above\n\n---\n\n* * *\nBelow\n=====\nText") == ["Above ", "Below ", "Text"]

    def test_paragraphs(self):
        assert spoken("one\n\ntwo\n \n\nthree") == ["one ", "two ", "three"]

    def test_tables(self):
        raw = "| City | Sky |\n|:-----|----:|\n| Paris | grey |\n|Rome||\n\nNo|table a | b"
        assert spoken(raw) == ["City, Sky ", "Paris, grey ", "Rome ", "No|table a, b"]

    @pytest.mark.parametrize(
        "raw",
        [
            "Look:\n\n```python\nprint('*')\n# no\n```\nThat is all.",
            "Look:\n~~~\ncode ``` more\n~~~\nThat is all.",
            "Look:\n````md\n```\ninner\n```\n````\nThat is all.",
            "Look: ```x = 1``` That is all.",
            "Look:\n- ```\n  code\n  ```\n\nThat is all.",
            "Look:\n```oneline```\nThat is all.",
        ],
    )
    def test_code_is_dropped(self, raw):
        assert [phrase.strip() for phrase in spoken(raw)] == ["Look:", "That is all."]

    def test_code_that_never_closes_is_dropped(self):
        assert spoken("Look:\n```python\nprint(1)\nprint(2)") == ["Look: "]
        assert spoken("```") == []

    @pytest.mark.parametrize(
        "raw", ["a [link](http://exam", "a [link](", "a [link]", "a [link", "a **link", "a `link`"]
    )
    def test_marks_that_never_close(self, raw):
        assert whole(raw) == "a link"

    @pytest.mark.parametrize(
        "raw", ["<a", "<!--", "<!", "[](", "](", "[a][", "[^", "<b <", "`", "**_", "![", "- [ ", "| "]
    )
    def test_marks_without_end_are_read_a_few_times_only(self, raw, monkeypatch):
        reads = 0
        read = Unmarked._next

        def counted(self: Unmarked) -> Any:
            nonlocal reads
            reads += 1
            return read(self)

        monkeypatch.setattr(Unmarked, "_next", counted)
        phrases(raw * 2000)
        assert reads < 40 * len(raw * 2000)

    def test_a_tag_that_never_closes_is_text(self):
        assert whole("is x <y") == "is x <y"
        assert whole("a <" + "b" * 3000) == "a <" + "b" * 3000

    def test_a_link_that_never_closes_is_text(self):
        assert whole("[a](b\nand so on") == "a(b and so on"


class TestOffsets:
    def test_they_point_into_the_raw_text(self):
        raw = "# Hi **Ann**, see [this](http://x.y) now."
        (phrase,) = phrases(raw)
        assert phrase.text == "Hi Ann, see this now."

        def heard(words: str) -> str:
            return raw[: phrase.raw_ends[phrase.text.index(words) + len(words) - 1]]

        assert heard("Hi") == "# Hi"
        assert heard("Ann") == "# Hi **Ann**"
        assert heard("this") == "# Hi **Ann**, see [this](http://x.y)"
        assert heard("now.") == raw

    def test_they_go_on_from_phrase_to_phrase(self):
        raw = "One. Two.\n\n- Three"
        assert [raw[: phrase.raw_ends[-1]] for phrase in phrases(raw)] == ["One. ", "One. Two.\n", raw]

    def test_table_borders(self):
        raw = "| a | b |"
        (phrase,) = phrases(raw)
        assert phrase.text == "a, b "
        assert phrase.raw_ends == (3, 5, 6, 7, 8)


PIECES = """
a b Word word. Sentence! 3 . , ? : … Dr. e.g. * ** _ __ ` ``` ~~~ ~ # ## > - + 1. [ ] ( ) [x] [^1] ! | \\
< > <b> </b> <br> <!-- --> <http://a.b> 😀 👨‍👩‍👧 \u200d \ufe0f 。 ， 「 」 你好 https://x.y/z \x00 \ud800
"""
MARKUP = st.lists(
    st.sampled_from([*PIECES.split(), "\n", "\n", "\n\n", " ", " ", " ", "\t", "\r\n"]), max_size=60
).map("".join)


WORDS = st.sampled_from(["one", "two", "three", "and.", "so!", "on?", "Dr.", "3.14", "it,", "is;"])


class TestAnyText:
    @given(MARKUP | st.text(max_size=200), st.lists(st.integers(0, 12), max_size=80))
    def test_the_pieces_do_not_matter(self, text, cuts):
        speakable = SpeakableText()
        found, position = [], 0
        for cut in cuts:
            found += speakable.feed(text[position : position + cut])
            position += cut
        found += speakable.feed(text[position:])
        found += speakable.finish()
        assert found == phrases(text) == phrases(text, 1)

    @given(MARKUP | st.text(max_size=200))
    def test_offsets_are_in_order_and_within(self, text):
        last = 0
        for phrase in phrases(text):
            assert len(phrase.raw_ends) == len(phrase.text)
            for end in phrase.raw_ends:
                assert last <= end <= len(text)
                last = end

    @given(MARKUP | st.text(max_size=200))
    def test_every_letter_comes_from_where_its_offset_says(self, text):
        start = 0
        for phrase in phrases(text):
            for char, end in zip(phrase.text, phrase.raw_ends, strict=True):
                assert char in text[start:end] or not char.isalnum()
                start = end

    @given(MARKUP | st.text(max_size=200))
    def test_phrases_can_be_spoken(self, text):
        for phrase in phrases(text):
            assert any(map(str.isalnum, phrase.text))
            assert phrase.text == phrase.text.lstrip()
            assert "  " not in phrase.text
            assert not set("\n\r\t\x00\x07\ud800") & set(phrase.text)

    @given(st.lists(WORDS, max_size=60))
    def test_of_plain_words_nothing_is_lost(self, words):
        assert whole(" ".join(words)) == " ".join(words)
