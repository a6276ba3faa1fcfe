"""Words that texts are compared by: what says nothing, what weighs little, and what turns a sentence around.

The rule: an entry is lower case as `texts.normalise` leaves it, without apostrophes and with е for ё.
"""

from __future__ import annotations

FILLERS = (
    r"(?:hi|hello|hey)(?: (?:there|all|team|everyone|everybody|guys))?",
    r"dear (?:sir or madam|sir|madam|sirs|all|support team|support|team)",
    r"good (?:morning|afternoon|evening|day)",
    r"please|pls|plz",
    r"thank you(?: (?:so|very) much)?(?: in advance)?",
    r"(?:many )?thanks(?: (?:a lot|so much|in advance|again))?|cheers",
    r"(?:kind|best|warm|many) regards|regards|yours sincerely|sincerely yours|sincerely|yours faithfully",
    r"здравствуй(?:те)?|приветствую|всем привет|привет",
    r"добр(?:ый день|ого дня|ое утро|ого утра|ый вечер|ого вечера|ого времени суток)",
    r"уважаем(?:ые|ый|ая)(?: (?:коллеги|господа|поддержка))?",
    r"пожалуйста|плиз|пж",
    r"(?:большое спасибо|спасибо)(?: (?:большое|заранее|вам))?|заранее (?:спасибо|благодар(?:ен|на|ю|им))",
    r"с уважением|всего (?:доброго|хорошего)",
)
"""Patterns of greetings and courtesies, which are left out."""


def _list(words: str) -> frozenset[str]:
    return frozenset(words.split())


LIGHT = _list("""
    a an the i im ive my me mine we our us you your u ur he she it its they them their this that these those
    is are was were be been am has have had do does did will would can could to of in at by for with and but
    or so then than as if just very really too also again still already now today well ok there here some any
    all и а но или что это этот эта эти то та те так тут там вот же ли бы уже еще снова опять очень просто
    только теперь сейчас сегодня я мы вы ты он она оно они мне нам вам меня нас вас мой моя мое мои мою наш
    наша у в во на с со к ко о об по за из для при был была было были
""")
"""Words that may come or go without making a complaint another one."""

TURNING = _list("""
    no not never none nothing nobody nowhere neither nor without cannot cant dont doesnt didnt wont wouldnt
    isnt arent wasnt werent hasnt havent hadnt couldnt shouldnt mustnt aint yes on off up down out before
    after from less more most least only except instead unless until against enough
    не нет ни без никогда ничего никто нигде никак нельзя невозможно кроме вместо против да до после от вниз
    вверх больше меньше выше ниже вход выход 不 没 沒 無 无 別 别 未
""")
"""Words that turn a sentence around: two texts that differ in one of them are never the same."""
