"""The language of what a source tells, where it does not say it."""

import pytest

from newsletter.content import StoryContent
from newsletter.sources.files import read_file
from newsletter.sources.languages import language_by_script, language_tag, page_language
from newsletter.sources.record_json import read_record
from newsletter.sources.records import Incoming

SCRIPTS = [
    ("ar", "نموذج جديد يجتاز الاختبار"),
    ("he", "מודל חדש עובר את המבחן"),
    ("ja", "新しいモデルが試験に合格"),
    ("ja", "東京電力、半導体工場建設へ"),
    ("zh", "新模型通过测试"),
    ("ko", "새 모델이 시험을 통과하다"),
    ("ru", "Новая модель проходит тест"),
    ("el", "Νέο μοντέλο περνά τη δοκιμή"),
    ("th", "โมเดลใหม่ผ่านการทดสอบ"),
    ("hi", "नया मॉडल परीक्षा में सफल"),
    ("en", "A new model passes a test"),
    ("en", "Élan’s new model passes"),
    ("en", "2026: 50 %"),
    ("en", ""),
]
PAGE = """\
<html{lang}><body><p>Policy</p><p>BBC</p><p>1 outlet</p><p>Friday, February 13, 2026</p>
<h1>{title}</h1><p>Source: BBC</p><h2>TL;DR</h2><p>{text}</p>
<h2>Coverage Sources</h2><p>BBC</p><p>BBC</p><p><a href="https://bbc.example/">Read</a></p></body></html>"""
TEXT = """\
Policy
BBC
1 outlet
Friday, February 13, 2026

{title}

TL;DR

{text}

Coverage Sources

BBC
BBC
Read
"""


def record(title: str, **changes: object) -> StoryContent:
    incoming = read_record({"id": "a", "date": "2026-01-08", "title": title} | changes, file="here")
    assert isinstance(incoming, Incoming), incoming
    return incoming.content


def page(text: str) -> StoryContent:
    [incoming] = read_file("page", text.encode().splitlines(keepends=True))
    assert isinstance(incoming, Incoming), incoming
    return incoming.content


@pytest.mark.parametrize(("language", "title"), SCRIPTS)
def test_the_script_of_a_title_tells_its_language(language: str, title: str) -> None:
    """Each script is known; Latin letters, figures and nothing at all mean English."""
    assert language_by_script(title) == language


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("zh", "OpenAI发布GPT-Live语音模型，让ChatGPT更像真人对话"),
        ("zh", "DeepSeek-R1 的开源实现"),
        ("ar", "أعلنت OpenAI عن GPT-6"),
        ("en", "DeepSeek (深度求索) raises $1B"),
        ("en", "How the π model of DeepMind learns to fold"),
    ],
)
def test_foreign_names_do_not_hide_the_language(language: str, title: str) -> None:
    """Latin names of firms stand in all languages, and a foreign name stands in an English title."""
    assert language_by_script(title) == language


@pytest.mark.parametrize(("language", "title"), [pair for pair in SCRIPTS if any(map(str.isalpha, pair[1]))])
def test_all_sources_see_the_same(language: str, title: str) -> None:
    """A text page, an HTML page and a record that state no language take that of the title's script."""
    assert page(TEXT.format(title=title, text=title)).language == language
    assert page(PAGE.format(title=title, text=title, lang="")).language == language
    assert record(title).language == language


def test_what_is_stated_holds() -> None:
    """A language that fits the title, or that a record states, is not put in doubt."""
    assert record("Новая модель", language="uk").language == "uk"
    assert record("OpenAI o5", language="zh").language == "zh"
    assert page(PAGE.format(title="مدل تازه", text="x", lang=' lang="fa"')).language == "fa"
    assert page_language("en-GB", "A model of 文心") == "en-GB"


def test_the_english_frame_of_a_page_is_not_its_language() -> None:
    """`<html lang="en">` around a title without a Latin letter says nothing of the story."""
    for lang in ("en", "en-US"):
        content = page(PAGE.format(title="نموذج جديد", text="نموذج", lang=f' lang="{lang}"'))
        assert content.language == "ar"


def test_a_tldr_in_another_script_says_so() -> None:
    """A TL;DR that states no language is in the title's, unless its script is another one."""
    arabic = "نموذج جديد يجتاز الاختبار"
    assert (told := record(arabic, tldr={"text": "A model passed."}).tldr)
    assert told.language == "en"
    assert (told := record("A model passed", tldr={"text": arabic}).tldr)
    assert told.language == "ar"
    for title, language, text in (
        (arabic, None, arabic),
        ("مدل تازه", "fa", arabic),
        ("Un modèle réussit", "fr", "Le modèle réussit."),
        ("新模型通过测试", "zh-Hans", "新模型通过。"),
    ):
        assert (told := record(title, language=language, tldr={"text": text}).tldr)
        assert told.language is None
    assert (told := record(arabic, tldr={"text": "Le modèle.", "language": "fr"}).tldr)
    assert told.language == "fr"


def test_language_tags() -> None:
    """Badges and codes become BCP 47 tags; what is none is nothing."""
    assert [*map(language_tag, ["FR", "zh_hans", "pt-br", "ZH-Hant-TW"])] == [
        "fr",
        "zh-Hans",
        "pt-BR",
        "zh-Hant-TW",
    ]
    assert [*map(language_tag, ["French", "", None, "x"])] == [None] * 4
