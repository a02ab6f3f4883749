"""Stories of every kind that a mail must carry, made up, and the renderer that tests share."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from newsletter.content import Analysis, Article, Company, Impact, Maker, StoryContent, Tldr
from newsletter.mail import Content
from newsletter.rendering.joining import Entry, join
from newsletter.rendering.pieces import Form, Shell
from newsletter.rendering.renderer import Renderer
from newsletter.rendering.telling import Telling

TEMPLATES = Path(__file__).parent.parent / "templates" / "email"
RENDERER = Renderer(
    TEMPLATES,
    site_name="Race to AGI",
    site_url="https://racetoagi.example",
    postal_address="Race to AGI, 1 Sample Street, Sampletown",
)
NEWSLETTER = "Race to AGI Daily"
DESCRIPTION = "The day's stories on the way to AGI, each told once."
DAY = date(2026, 3, 3)

RICH = StoryContent(
    title="Open-weight model matches closed rivals on long coding tasks",
    date=DAY,
    url="https://racetoagi.example/stories/open-weight",
    category="Models",
    primary_outlet="Latent Ledger",
    primary_url="https://latentledger.example/open-weight",
    tldr=Tldr(
        "A research consortium released the weights of a model that completes software tasks of several "
        "days at the rate of the best closed systems. Training is put at $9M.",
        Maker.AI,
        4,
    ),
    about="This story is told by 4 outlets. The TL;DR was made by a language model from their reports.",
    analysis=Analysis(
        "Race to AGI Analysis",
        "Parity on *long* work matters more than another record."
        "([latentledger.example](https://latentledger.example/open-weight?utm_source=x))\n\n"
        "The cost leaves out failed runs ([chipwire.example](https://chipwire.example/cost), "
        "[faraway.example](https://faraway.example/z)). If it holds:\n\n"
        "- smaller labs reach the frontier;\n- export controls bite less.\n\n"
        "> Weights cannot be recalled.\n\n[The licence](https://licence.example/text) allows it.",
    ),
    impact=Impact.ADVANCE,
    audiences=("Engineers", "Researchers"),
    companies=(
        Company("Northlight", "AI Lab", "Canada", "$4.2B", "2025-11"),
        Company("Openfield", "Nonprofit"),
    ),
    coverage=(
        Article("Latent Ledger", "https://latentledger.example/open-weight", "en"),
        Article("Courrier du Calcul", "https://courrier-calcul.example/p/1", "fr"),
        Article("Chipwire", "https://chipwire.example/news/2"),
        Article("計算新報", "https://keisan.example/3", "ja"),
    ),
)
ARABIC = StoryContent(
    title="هيئة الحوسبة تخصص $120M لمركز تدريب جديد",
    date=DAY,
    language="ar",
    category="Policy",
    primary_outlet="صحيفة الأفق",
    tldr=Tldr("خصصت الهيئة مبلغ $120M لبناء مركز يضم 8,000 معالج من طراز H200.", Maker.AI, 2),
    analysis=Analysis("تحليل", "تبقى الطاقة العقبة الأولى ([alufuq.example](https://alufuq.example/a/1))."),
    impact=Impact.DELAY,
    audiences=("Policymakers", "AI labs"),
    companies=(Company("Northlight", "AI Lab", "Canada"),),
    coverage=(
        Article("صحيفة الأفق", "https://alufuq.example/a/1"),
        Article("Chipwire", "https://chipwire.example/n/9", "en"),
    ),
)
CHINESE = StoryContent(
    title="国家实验室公布新一代推理芯片，功耗降低 40%",
    date=date(2026, 3, 2),
    language="zh",
    category="Hardware",
    tldr=Tldr(
        "国家实验室周一公布了新一代推理芯片，在相同吞吐量下功耗降低 40%。首批 5 万片将于第三季度交付，"
        "价格为每片 $1,900，低于同级产品约三成。",
        Maker.EDITOR,
    ),
    impact=Impact.NEUTRAL,
    coverage=(Article("算力日报", "https://suanli.example/1", "zh-Hans"), Article("Chipwire", None, "en")),
)
BARE = StoryContent(title="A court pauses a permit", date=date(2026, 3, 1))

EDITION = (
    Telling(
        RICH,
        note="The weights were checked by us.",
        because=("Engineers", "follows Northlight", "4 outlets"),
        story_id=1,
    ),
    Telling(ARABIC, because=("Policymakers", "2 outlets"), story_id=2),
    Telling(CHINESE, Form.UPDATE, because=("told before",), changes=("+2 outlets since Sunday",), story_id=3),
    Telling(BARE, Form.COMPACT, because=("new since your last issue",), story_id=4),
)
#: what the slots of every digest are filled with
LINKS = {
    name: f"https://site.example/{name}"
    for name in ("unsubscribe_url", "preferences_url", "act_url", "public_url")
}
#: where its readers can read it on the web
PLACE = "7/000102030405060708090a0b0c0d0e0f"


def shell() -> Shell:
    return RENDERER.shell(newsletter=NEWSLETTER, description=DESCRIPTION, date=DAY)


def entry(telling: Telling) -> Entry:
    card = RENDERER.card(
        telling.content,
        telling.form,
        headline=telling.headline,
        note=telling.note,
        story_id=telling.story_id,
        retracts=telling.retracts,
    )
    return Entry(card, telling.because, telling.changes)


def digest(
    *tellings: Telling,
    corrections: Sequence[Telling] = (),
    folds: Sequence[Telling] = (),
    lines: Sequence[Telling] = (),
) -> Content:
    """The joined mail of these stories."""
    entries, above, brief, below = (
        [entry(telling) for telling in part] for part in (tellings, corrections, folds, lines)
    )
    subject = RENDERER.subject([e.card.headline for e in entries], newsletter=NEWSLETTER, date=DAY)
    return join(shell(), entries, subject=subject, corrections=above, folds=brief, lines=below, edition=PLACE)
