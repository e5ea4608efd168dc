"""One name for one thing, in plain English: the glossary's terms are in use, and older mannerisms do not come back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = (ROOT / "docs/glossary.md").read_text()
#: The first column's bold words.
TERMS = [
    term
    for row in re.findall(r"^\| (\*\*.*?\*\*) \|", GLOSSARY, flags=re.MULTILINE)
    for term in re.findall(r"\*\*(.+?)\*\*", row)
]
OTHER_PAGES = "\n".join(
    page.read_text() for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")] if page.name != "glossary.md"
)

#: Rewritten files, or folders of them: add yours.
PLAIN = [
    "README.md",
    "SECURITY.md",
    "CONTRIBUTING.md",
    "Makefile",
    "samconfig.toml",
    ".github",
    "docs/architecture.md",
    "docs/asyncapi.yaml",
    "docs/bug-reports.md",
    "docs/console.md",
    "docs/decisions.md",
    "docs/digital-first.md",
    "docs/front-end.md",
    "docs/glossary.md",
    "docs/cost.md",
    "docs/keeper.md",
    "docs/metrics.md",
    "docs/operations.md",
    "docs/runbook.md",
    "docs/webchat.md",
    "layers/typing_relay/typing_relay/aws/credentials.py",
    "layers/typing_relay/typing_relay/platforms/webchat/shared_state.py",
    "layers/typing_relay/typing_relay/aws/keeper_lines.py",
    "layers/typing_relay/typing_relay/aws/secrets.py",
    "layers/typing_relay/typing_relay/aws/settings.py",
    "layers/typing_relay/typing_relay/aws/signature.py",
    "layers/typing_relay/typing_relay/aws/visibility.py",
    *(
        f"layers/typing_relay/typing_relay/platforms/digital_first/{name}.py"
        for name in ("api", "codes", "frames_in", "frames_out")
    ),
    "layers/typing_relay/typing_relay/platforms/digital_first/parsing",
    *(
        f"layers/typing_relay/typing_relay/platforms/digital_first/{name}.py"
        for name in ("identity", "urls", "visitor_events")
    ),
    "layers/typing_relay/typing_relay/platforms/shared/urls.py",
    "layers/typing_relay/typing_relay/platforms/webchat",
    "layers/typing_relay/typing_relay/platforms/shared/visitor_events.py",
    "layers/typing_relay/typing_relay/door",
    "layers/typing_relay/typing_relay/relay/breaker.py",
    "layers/typing_relay/typing_relay/relay/messages.py",
    "layers/typing_relay/typing_relay/relay/outcomes.py",
    "layers/typing_relay/typing_relay/relay/retry.py",
    "layers/typing_relay/typing_relay/reporting.py",
    "functions",
    "local",
    "template.yaml",
    "web",
]
SUFFIXES = (".py", ".md", ".yml", ".js", ".ts", ".tsx", ".html")
#: What was written -> what to write.
BANNED = {
    r"mend(s|ed|ing)?": "fix",
    r"rings?|rang|rung": "fire (of an alarm)",
    r"bears?|borne": "tolerate, survive",
    r"serv(e|es|ed|ing) on": "stay in use, stale",
    r"besides": "in addition, other than",
    r"so (many|much|long|seldom|often)": "at most N, this long, rarely",
    r"anew": "again",
    r"oftener": "more often",
    r"comes? to stand": "change (of a status)",
    r"a hole": "a vulnerability",
}


def files(name: str) -> list[Path]:
    path = ROOT / name
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.suffix in SUFFIXES]


def test_the_glossary_has_terms() -> None:
    assert len(TERMS) >= 30


@pytest.mark.parametrize("term", TERMS)
def test_each_term_of_the_glossary_is_used_in_the_docs(term: str) -> None:
    plural = re.escape(term.removesuffix("y")) + "(y|ies)" if term.endswith("y") else re.escape(term) + "s?"
    assert re.search(rf"\b{plural}\b", OTHER_PAGES)


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_file_has_none_of_the_older_mannerisms(name: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}: {match[0]!r}: write {better}"
        for file in files(name)
        for banned, better in BANNED.items()
        for match in re.finditer(rf"\b({banned})\b", file.read_text(), flags=re.IGNORECASE)
    ]
    assert files(name)
    assert found == []
