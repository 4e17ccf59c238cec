"""Words that tell whether a sentence goes on, by language.

Tables, and short ones: the commonest words do nearly all of the work.
"""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


HANGING = {
    "en": _set("""
        a an the every my your his our their its whose
        and or but nor because although though unless whereas whether if than as since until till while
        of to from for about with without by at into onto upon between among during towards toward against
        despite
        through under via per like
        i he she we they who which
        am is are was were be been being has had have having do does did can could will would shall should
        may might must cannot
        i'm you're he's she's it's we're they're that's there's what's who's let's i'd you'd he'd she'd we'd
        they'd i'll you'll he'll she'll we'll they'll i've you've we've they've gonna wanna gotta
        mr mrs ms dr mister missus doctor professor
        very really quite rather almost such only even just also not both either neither
        um uh er erm hmm
    """),
    "de": _set("""
        der die das den dem des ein eine einen einem einer eines kein keine keinen mein meine meinen meinem
        dein deine sein seine ihr ihre unser unsere euer eure jeder jede jedes
        und oder aber denn sondern weil dass daß ob wenn falls obwohl damit bevor nachdem während als wie
        sowie
        mit in im ins an am auf aus bei beim von vom zu zum zur nach vor über unter zwischen durch für gegen
        ohne um
        wegen trotz seit bis
        ich er wir ist sind war waren hat haben habe wird werden würde würden kann könnte muss soll sollte
        sehr ganz ziemlich fast nur sogar auch äh ähm hm
    """),
    "fr": _set("""
        le la les un une des du de d l au aux ce cet cette ces mon ma mes ton ta tes son sa ses notre nos
        votre vos leur leurs chaque
        et ou mais donc or ni car que qu si quand lorsque puisque parce comme quoique
        à dans en par pour sur sous avec sans entre vers chez contre depuis pendant dès
        je j tu il elle on nous ils elles ne n se s me m te t
        est sont était étaient suis es ai a ont avait peut doit très trop plutôt presque euh heu ben
    """),
    "es": _set("""
        el la los las un una unos unas mi mis tu tus su sus nuestro nuestra este esta estos estas ese esa
        y e o u pero sino porque que si cuando aunque como mientras donde pues
        de del a al en con sin por para sobre entre hasta desde hacia contra según
        yo me te se nos lo le les es son era eran está están ha han he había puede debe muy tan más casi
        eh em este
    """),
    "it": _set("""
        il lo la i gli le un uno una l mio mia tuo tua suo sua nostro nostra questo questa quel quella ogni
        e ed o oppure ma perché che se quando mentre come dove anche siccome
        di a da in con su per tra fra del della dei delle dal dalla al alla ai alle nel nella sul sulla
        io mi ti si ci vi è sono era erano ha hanno ho aveva può deve molto più quasi così ehm eh
    """),
    "pt": _set("""
        o a os as um uma uns umas meu minha teu tua seu sua nosso nossa este esta esse essa cada
        e ou mas porque que se quando embora como enquanto onde pois
        de do da dos das em no na nos nas com sem por pelo pela para sobre entre até desde contra ao à
        eu ele ela me te é são era eram está estão tem tinha pode deve muito mais quase tão hum eh
    """),
    "nl": _set("""
        de het een mijn jouw zijn haar ons onze hun elke iedere deze dit die
        en of maar want omdat dat als terwijl hoewel toen dus zodat voordat nadat
        van in op aan met voor door bij naar uit om over onder tussen tegen zonder tot sinds te
        ik hij ze we wij is was waren heeft hebben had wordt worden kan moet zou heel erg bijna eh uh ehm
    """),
}
"""After these something must follow, nearly always."""

STRANDED = _set("for with from about at of to by in on like as through under without")
"""English prepositions that may end a question: who is it for?"""

PARTICLES = _set("in on off out up down over away back by around along through")
"""Ends of English verbs (turn it off), or beginnings of what follows (off the table)."""

PRONOUNS = _set("i you he she it we they that this there who")
AUXILIARIES = _set(
    "am is are was were be been do does did have has had can could will would shall should may might must"
)
MODALS = _set("would could might should")
CONTRACTED = _set("isn't aren't wasn't don't doesn't didn't can't couldn't won't wouldn't haven't")

QUESTION_WORDS = _set("who whom whose what which where when why how")

SUBORDINATORS = _set("if when while because although though unless since once whenever before after")
"""A main clause follows, if none came before."""

OPEN_VERBS = _set(
    """
    made want wants wanted need needs needed give take put bring get make let tell ask show send buy find
    like wish hope think guess suppose consider called named mean means become seem seems
    """
)
"""English verbs that say little without what follows them."""

LOOSE = _set(
    "that more most much many still so then well actually maybe perhaps this these those her some any"
)
"""English words that end a sentence or begin its next part, about as often."""

ARTICLES = _set("a an the my your our their its his every each another some any this that these those no")

DEGREES = _set("very more most really quite so")
ADJECTIVES = _set(
    """
    new old young good bad big small little long short great high low large whole own other next last first
    second
    same few best worst better nice real main different important early late right wrong certain special
    full free
    easy hard possible red blue green black white ill certain
    """
)
ADJECTIVE_ENDINGS = ("able", "ible", "ful", "ous", "ive", "less", "ish", "est", "ical", "ed", "ing")
"""After an article such a word is followed by what it describes, nearly always."""

NUMBERS = _set(
    """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
    hundred thousand point double oh
    """
)
"""Where one number is, the next may follow: telephone numbers, prices, years."""

ANSWERS = _set(
    """
    yes yeah yep no nope okay ok sure thanks thank hello hi hey bye goodbye stop please right
    alright exactly never always ja nein danke hallo tschüss bitte stopp oui non merci bonjour salut
    sí no gracias hola adiós sì grazie ciao sim não obrigado obrigada olá nee dank hoi
    """
)
"""Words that are a whole turn."""

ABBREVIATIONS = _set("mr mrs ms dr prof st vs etc e.g i.e approx z.b bzw")
"""Their full stop ends nothing."""
