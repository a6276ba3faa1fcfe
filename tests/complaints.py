"""Messages to a support desk of which it is known which are the same complaint, in English and Russian.

The rule: two messages with the same `Complaint.key` say the same, and any two others do not.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

ENGLISH = {
    "{thing} {trouble} {place}. {wish}": {
        "thing": (
            "the winter jacket|my coffee machine|the blue armchair|our printer|the garden hose"
            "|a pair of headphones|the kitchen lamp|my daughter's scooter|the electric kettle"
            "|the leather wallet|my running shoes|the bookshelf|a set of towels|the phone case"
            "|my birthday present|the wall clock|the camping stove|our dinner table|the rain coat"
            "|my new keyboard"
        ),
        "trouble": (
            "arrived with a deep scratch|never left your warehouse|came in the wrong colour"
            "|broke after one week|smells of burnt plastic|was delivered to my neighbour"
            "|lost a screw on the way|makes a grinding noise|has a torn cover|does not fit at all"
            "|stopped working overnight|is missing its instructions|turned out far too small"
            "|was charged twice|leaks at the bottom|looks nothing like the photo"
        ),
        "place": (
            "although I paid for express shipping|and the courier just shrugged"
            "|while we were on holiday|even though the box was sealed|since the last firmware update"
            "|right before the big party|which your colleague Maria promised to check"
            "|in spite of the careful packing|on the very first try"
            "|after I had followed every step of the manual|and nobody answers the hotline"
            "|as I told you in the chat on Monday|under normal use in a dry room"
        ),
        "wish": (
            "Send a replacement for order {number}.|I want my {number} dollars back."
            "|Tell me where to return it.|Who covers the {number} euro customs fee?"
            "|Can somebody call me at {number}?|Cancel everything, I am done."
            "|My invoice {number} is wrong as well.|Explain how I open a dispute."
            "|How long will a repair take?|I expect an answer within {number} days."
            "|Is there a shop near me that fixes this?|Keep it and refund me."
        ),
    },
    "{when} {act} and {result}": {
        "when": (
            "Since yesterday|After the holidays|Every single morning|Whenever I travel"
            "|From my work laptop|In the new app|On the old tablet|Twice this week|During checkout"
            "|Shortly before midnight|At the library|Without any warning"
        ),
        "act": (
            "I try to change my delivery address|I enter the voucher from the newsletter"
            "|I reset my password|I open the list of invoices|I add a second credit card"
            "|I upload a photo of the receipt|I confirm the code from the message"
            "|I switch the language to German|I pause my subscription"
            "|I share the wish list with my sister|I move an item to the basket|I download my data"
        ),
        "result": (
            "the screen turns white|it says error {number}|nothing happens at all"
            "|I am thrown back to the start page|the spinner never stops"
            "|another customer's name shows up|the total jumps to {number}|the page asks me again"
            "|all my settings are gone|the button stays grey|it logs me out|the app closes by itself"
        ),
    },
}
RUSSIAN = {
    "{thing} {trouble} {place}. {wish}": {
        "thing": (
            "зимняя куртка|моя кофемашина|синее кресло|детский самокат|электрический чайник"
            "|кожаный кошелёк|настольная лампа|книжная полка|новая клавиатура|садовый шланг"
            "|подарочный сертификат|палатка на четверых"
        ),
        "trouble": (
            "пришла поцарапанной|так и не покинула склад|приехала другого цвета|сломалась через неделю"
            "|пахнет горелым пластиком|досталась моему соседу|ужасно шумит|оказалась слишком маленькой"
            "|оплачена дважды|протекает снизу|выглядит иначе, чем на фото"
        ),
        "place": (
            "хотя я заплатил за срочную доставку|а курьер только пожал плечами|пока мы были в отпуске"
            "|несмотря на целую упаковку|сразу при первом включении|накануне дня рождения"
            "|после обновления приложения|как я писал в чате в понедельник"
            "|при обычном использовании дома"
        ),
        "wish": (
            "Пришлите замену по заказу {number}.|Верните мои {number} рублей.|Скажите, куда её вернуть."
            "|Кто оплатит пошлину {number} евро?|Перезвоните мне по номеру {number}."
            "|Отмените всё, мне надоело.|Сколько займёт ремонт?|Жду ответа {number} дней."
            "|Объясните, как открыть спор."
        ),
    },
    "{when} {act}, {result}": {
        "when": (
            "Со вчерашнего дня|После праздников|Каждое утро|Когда я в поездке|С рабочего ноутбука"
            "|В новом приложении|На старом планшете|Второй раз за неделю|При оформлении заказа"
            "|Незадолго до полуночи"
        ),
        "act": (
            "меняю адрес доставки|ввожу промокод из рассылки|сбрасываю пароль|открываю список счетов"
            "|добавляю вторую карту|загружаю фото чека|подтверждаю код из сообщения"
            "|приостанавливаю подписку|делюсь списком желаний с сестрой|скачиваю свои данные"
        ),
        "result": (
            "экран становится белым|появляется ошибка {number}|ничего не происходит"
            "|возвращает на главную страницу|загрузка никогда не кончается|показывает чужое имя"
            "|сумма меняется на {number}|пропадают все настройки|кнопка остаётся серой"
            "|приложение закрывается само"
        ),
    },
}
GREETINGS = ("Hello, ", "Hi there! ", "Good morning, ", "Dear support team, ", "Please help: ")
RUSSIAN_GREETINGS = ("Здравствуйте! ", "Добрый день, ", "Привет, ", "Уважаемая поддержка, ")
CLOSINGS = (" Thanks in advance!", " Thank you", " Kind regards", " Cheers")
RUSSIAN_CLOSINGS = (" Спасибо заранее", " С уважением", " Спасибо!")


@dataclass(frozen=True, slots=True)
class Complaint:
    """A message and what it says."""

    key: tuple[str, ...]
    text: str
    is_russian: bool


def make_complaint(chance: random.Random) -> Complaint:
    """Return one of about 150,000 different complaints, with numbers of its own."""
    is_russian = chance.random() < 0.3
    grammar = RUSSIAN if is_russian else ENGLISH
    pattern = chance.choice(list(grammar))
    chosen = {slot: chance.choice(choices.split("|")) for slot, choices in grammar[pattern].items()}
    text = pattern.format(**chosen)
    return Complaint((pattern, *chosen.values()), fill_numbers(text, chance), is_russian)


def fill_numbers(text: str, chance: random.Random) -> str:
    """Return the text with a number in each place for one."""
    return re.sub(r"\{number\}", lambda match: str(chance.randint(2, 99_999)), text)


def list_complaints(chance: random.Random, count: int) -> Iterator[Complaint]:
    """Yield that many complaints, each once."""
    seen: set[tuple[str, ...]] = set()
    while len(seen) < count:
        made = make_complaint(chance)
        if made.key not in seen:
            seen.add(made.key)
            yield made


def slip(text: str, chance: random.Random, is_russian: bool = False) -> str:
    """Return the text with one slip of the keyboard in a word of five letters or more."""
    words = [match.span() for match in re.finditer(r"[^\W\d_]{5,}", text)]
    start, end = chance.choice(words)
    at = chance.randrange(start + 1, end - 1)
    kind = chance.choice(("swap", "drop", "double", "space"))
    if kind == "swap":
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if kind == "drop":
        return text[:at] + text[at + 1 :]
    return text[:at] + (text[at] if kind == "double" else "") + text[at:]


def shout(text: str, chance: random.Random, is_russian: bool = False) -> str:
    """Return the text in other case."""
    return chance.choice((text.upper(), text.lower(), text.title()))


def punctuate(text: str, chance: random.Random, is_russian: bool = False) -> str:
    """Return the text with other punctuation and spaces."""
    ending = chance.choice(("!!!", " ...", "?!", "\n"))
    return re.sub(r"[.,] ?", lambda match: chance.choice((" ", "; ", " - ", "...\n")), text) + ending


def greet(text: str, chance: random.Random, is_russian: bool = False) -> str:
    """Return the text with a greeting before it, a courtesy after it, or both."""
    before = chance.choice(RUSSIAN_GREETINGS if is_russian else GREETINGS)
    after = chance.choice(RUSSIAN_CLOSINGS if is_russian else CLOSINGS)
    return chance.choice((before + text, text + after, before + text + after))


def renumber(text: str, chance: random.Random, is_russian: bool = False) -> str:
    """Return the text with other numbers."""
    return re.sub(r"\d+", lambda match: str(chance.randint(2, 99_999)), text)


ALTERATIONS: dict[str, Callable[[str, random.Random, bool], str]] = {
    "a slip of the keyboard": slip,
    "other case": shout,
    "other punctuation": punctuate,
    "a greeting or courtesy": greet,
    "other numbers": renumber,
}
"""What a near duplicate differs in → how it is made."""


def alter(complaint: Complaint, chance: random.Random) -> Complaint:
    """Return a near duplicate that differs in one or two ways."""
    text = complaint.text
    for name in chance.sample(list(ALTERATIONS), chance.choice((1, 1, 2))):
        text = ALTERATIONS[name](text, chance, complaint.is_russian)
    return Complaint(complaint.key, text, complaint.is_russian)
