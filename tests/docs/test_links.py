"""The docs: each link leads somewhere, and readers' questions are answered under a heading."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "localcloud/README.md"])
QUESTIONS = (
    "Where does my data go?",
    "Why did nothing train?",
    "How do I roll back?",
    "What does it cost when idle?",
    "Who may approve?",
    "What happens if an event is lost?",
    "How do I add a model?",
    "How do I try it without AWS?",
    "How do I see why a version is live?",
    "How do I remove it all?",
)


def anchors(page: Path) -> set[str]:
    """Return the names that GitHub gives to a page's headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def links(page: Path) -> list[tuple[str, str]]:
    """Return what a page links to within the repository: path and heading, each may be empty."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
    found = re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", text)
    return [(path, name) for path, name in found if not re.match(r"[a-z]+:", path)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_link_leads_to_a_file_and_to_a_heading_of_it(page: Path) -> None:
    for path, name in links(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{path} is not there"
        if name:
            assert name in anchors(target), f"{path}#{name}: there is no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_that_are_named_are_there(page: Path) -> None:
    for name in re.findall(r"`(docs/[\w-]+\.md)`", page.read_text()):
        assert (ROOT / name).exists(), f"{name} is not there"


def test_the_index_names_every_page_of_the_docs() -> None:
    index = ROOT / "docs" / "README.md"
    named = {path for path, _ in links(index)}
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {index.name} <= named


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_question_is_answered_under_a_heading(question: str) -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    rows = dict(re.findall(r"^\| (.+\?) \| (.+) \|$", index, re.MULTILINE))
    assert re.search(r"\]\([\w-]+\.md", rows[question])


def test_both_readmes_say_the_same_in_the_same_order() -> None:
    english, portuguese = (ROOT / name for name in ("README.md", "README.pt-BR.md"))
    one, other = (
        [link for link in links(page) if not link[0].startswith("README")]
        for page in (english, portuguese)
    )
    assert one == other
    titles = [re.findall(r"^#+ ", page.read_text(), re.MULTILINE) for page in (english, portuguese)]
    assert titles[0] == titles[1]
    assert len(english.read_text().splitlines()) <= 150
