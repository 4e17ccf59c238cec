"""Which words of a growing hypothesis stand, and how the last one is joined to them."""

from vivavoce.engines.agreement import Agreement, Heard


def said(*words: tuple[str, int, int]) -> list[Heard]:
    return [Heard(*word) for word in words]


def texts(words: list[Heard]) -> list[str]:
    return [word.text for word in words]


HE, WAS, NOT = ("he", 20, 34), ("was", 34, 55), ("not", 55, 80)


def test_a_word_stands_when_so_many_hypotheses_agree_on_it() -> None:
    agreement = Agreement(3)
    for now, standing in ((100, []), (110, []), (120, ["he", "was", "not"])):
        agreement.observe(said(HE, WAS, NOT), now)
        assert texts(agreement.standing) == standing


def test_a_word_that_may_go_on_does_not_stand() -> None:
    agreement = Agreement(2)
    for now in (84, 94):
        agreement.observe(said(HE, WAS, NOT), now)
    assert texts(agreement.standing) == ["he", "was"]


def test_a_word_may_move_a_little_and_no_more() -> None:
    agreement = Agreement(2)
    agreement.observe(said(("he", 20, 34)), 100)
    agreement.observe(said(("he", 32, 40)), 110)
    assert texts(agreement.standing) == ["he"]
    agreement = Agreement(2)
    agreement.observe(said(("he", 20, 34)), 100)
    agreement.observe(said(("he", 33, 40)), 110)
    assert agreement.standing == []


def test_nothing_stands_behind_a_word_that_does_not() -> None:
    agreement = Agreement(2)
    agreement.observe(said(HE, ("is", 34, 55), NOT), 130)
    agreement.observe(said(HE, WAS, NOT), 140)
    assert texts(agreement.standing) == ["he"]


def test_what_stands_stays_when_the_hypothesis_changes() -> None:
    agreement = Agreement(2)
    for now in (120, 130):
        agreement.observe(said(HE, WAS, NOT), now)
    changed = said(("she", 12, 34), ("wasn't", 34, 80), ("until", 84, 120))
    assert texts(agreement.joined(changed)) == ["he", "was", "not", "until"]
    agreement.observe(changed, 140)
    agreement.observe(changed, 160)
    assert texts(agreement.standing) == ["he", "was", "not", "until"]


def test_a_word_across_the_seam_is_told_once() -> None:
    agreement = Agreement(2)
    for now in (120, 130):
        agreement.observe(said(HE, WAS, NOT), now)
    assert texts(agreement.joined(said(HE, WAS, ("nothing", 55, 95), ("else", 95, 120)))) == [
        "he",
        "was",
        "not",
        "else",
    ]
    # One that begins a little before the end of the last still follows it.
    assert texts(agreement.joined(said(HE, WAS, NOT, ("until", 78, 110)))) == ["he", "was", "not", "until"]


def test_what_stands_is_as_probable_as_the_end_finds_it() -> None:
    agreement = Agreement(2)
    for now in (120, 130):
        agreement.observe(said(HE, WAS, NOT), now)
    last = [Heard("he", 21, 34, 0.9), Heard("saw", 34, 55, 0.6), Heard("not", 54, 80, 0.8)]
    assert [(word.text, word.probability) for word in agreement.joined(last)] == [
        ("he", 0.9),
        ("was", None),
        ("not", 0.8),
    ]


def test_silence_settles_nothing() -> None:
    agreement = Agreement(2)
    for now in range(0, 500, 10):
        agreement.observe([], now)
    assert agreement.standing == []
    assert agreement.joined([]) == []
