"""The templates: a fault in them is named, known traps are avoided, colours can be read."""

import re
import shutil
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from newsletter.content import Impact
from newsletter.rendering.pieces import Form
from newsletter.rendering.renderer import Renderer, RenderError
from tests.digests import BARE, DAY, RENDERER, TEMPLATES


def test_a_failing_template_is_named(tmp_path: Path) -> None:
    """A template that fails is named with its line, however it fails, and the fault is told in words."""
    for fault, line in (("{{ storx.title }}", 2), ("{{ 1 / 0 }}", 2), ("{% if %}", 2)):
        with pytest.raises(RenderError, match=rf"parts/row\.mjml, line {line}: \w+") as caught:
            _with(tmp_path, "parts/row.mjml", f"<li>\n{fault}</li>").card(BARE, Form.FULL)
        assert caught.value.template == "parts/row.mjml"
    with pytest.raises(RenderError, match=r"parts/full\.mjml: .*near .*</ol>"):
        _with(tmp_path, "parts/row.mjml", "<li>item</p></li>").card(BARE, Form.FULL)
    with pytest.raises(RenderError, match=r"digest/subject\.txt"):
        Renderer(tmp_path / "none", site_name="", site_url="", postal_address="").subject(
            ["a"], newsletter="n", date=DAY
        )


def test_a_card_may_not_change_what_is_around_it(tmp_path: Path) -> None:
    """A card that would add to the head of the mail is refused: joined, it would not be what was proved."""
    two_columns = "<mj-section><mj-column><mj-text>a</mj-text></mj-column><mj-column /></mj-section>"
    with pytest.raises(RenderError, match="changes the mail around it"):
        _with(tmp_path, "parts/full.mjml", two_columns).card(BARE, Form.FULL)


def test_version_follows_templates_and_site(tmp_path: Path) -> None:
    """One changed byte in any template, or another address, is another version; else it stays."""
    same = _with(tmp_path, "digest/subject.txt", (TEMPLATES / "digest/subject.txt").read_text()).version
    assert same == RENDERER.version
    assert _with(tmp_path, "digest/subject.txt", "x").version != same
    other = Renderer(TEMPLATES, site_name="Race to AGI", site_url="https://r.example", postal_address="x")
    assert other.version != same


def _with(folder: Path, name: str, source: str) -> Renderer:
    """A renderer whose template `name` reads `source`."""
    shutil.copytree(TEMPLATES, folder, dirs_exist_ok=True)
    (folder / name).write_text(source)
    return Renderer(
        folder,
        site_name="Race to AGI",
        site_url="https://racetoagi.example",
        postal_address="Race to AGI, 1 Sample Street, Sampletown",
    )


def test_templates_avoid_known_traps() -> None:
    """No unitless nought in a padding (Outlook errs in width), no picture, `safe` only on our own."""
    for path in TEMPLATES.rglob("*.mjml"):
        source = path.read_text(encoding="utf-8")
        assert not re.search(r'<mj-[^>]*padding[\w-]*="(?:[^"]*\s)?0(?:\s[^"]*)?"', source), path
        assert "mj-image" not in source
        assert "<img" not in source
        assert set(re.findall(r"\{\{ ?([^}]*)\| safe", source)) <= {
            "rows ",
            "cards ",
            "folds ",
            "lines ",
            "rules ",
            "stories ",
            '("&#847;&zwnj;&nbsp;" * 60) ',
        }


def test_contrast() -> None:
    """Every text has 4.5:1 on every paper it stands on, every meaningful edge 3:1, in light and dark."""
    jinja = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    tokens = jinja.get_template("parts/tokens.jinja").module
    for name in ("light", "dark"):
        colours = getattr(tokens, name)
        papers = [colours[paper] for paper in ("page", "card", "box")]
        for text in ("ink", "meta", "link"):
            assert min(contrast(colours[text], paper) for paper in papers) >= 4.5, (name, text)
        assert contrast(colours["edge"], colours["card"]) >= 3, name
        for pill in (*map(str, Impact), "button"):
            assert contrast(colours[pill]["ink"], colours[pill]["paper"]) >= 4.5, (name, pill)
            assert contrast(colours[pill]["edge"], colours["card"]) >= 3, (name, pill)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours (WCAG 2.2, 1.4.3)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
