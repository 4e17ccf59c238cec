"""What people say to show that they listen, without wanting to speak: "uh-huh", "okay", "I see"."""

import re

PHRASES = """
    uh huh, uhhuh, uhuh, mm hm, mm hmm, mmhm, mmhmm, mhm, mhmm, mm, mmm, hm, hmm, hmmm, huh,
    ah, aha, oh, ooh, wow, um, uh, uhm, er, erm, ah ha, ah huh,
    ok, okay, kay, yeah, yea, yep, yup, yes, ya, right, alright, all right, sure, true, exactly, indeed,
    of course, i see, got it, i got it, gotcha, i know, i understand, that's right, that's true, go on,
    good, great, nice, cool, fine, interesting, really, makes sense, no problem, fair enough,
    ja, jaja, genau, stimmt, klar, achso, ach so, aha, gut, na klar,
    oui, ouais, d'accord, bien sûr, ah bon, voilà, c'est ça,
    sí, si, claro, vale, ya veo, ajá, entiendo, de acuerdo,
    sì, certo, va bene, capisco, esatto, giusto, sim, claro, certo, entendi, tá, tá bom, pois,
    jawel, precies, juist, klopt, natuurlijk, oké
"""
"""Words that start something else in one language, as "no" or "stop" would, are not among them."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_KNOWN = frozenset(tuple(_WORD.findall(phrase)) for phrase in PHRASES.replace("\n", " ").split(","))
_BEGUN = frozenset(phrase[:length] for phrase in _KNOWN for length in range(1, len(phrase)))
_LONGEST = max(map(len, _KNOWN))
_MOST = 8
"""More words than these are no backchannel, whichever they are."""


def says_something(text: str, *, final: bool) -> bool:
    """Whether there are words that are more than backchannels. `final`: there will be no more; otherwise the
    last ones may be the beginning of a phrase."""
    words = tuple(word.replace("’", "'") for word in _WORD.findall(text.lower()))
    return len(words) > _MOST or not _parses(words, final)


def _parses(words: tuple[str, ...], final: bool) -> bool:
    if not words or (not final and words in _BEGUN):
        return True
    lengths = range(min(len(words), _LONGEST), 0, -1)
    return any(words[:n] in _KNOWN and _parses(words[n:], final) for n in lengths)
