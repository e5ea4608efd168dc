"""The saved queries of Logs Insights: they ask for what the code logs, and docs/operations.md shows them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.support.template import ROOT, of_type, variables

QUERIES = of_type("AWS::Logs::QueryDefinition")
PACKAGE = ROOT / "layers/typing_relay/typing_relay"
#: Whose code writes into each log group.
WRITERS = {
    **{
        f"{name}Logs": [f"functions/{name.lower()}/app.py"]
        for name in ("Authorizer", "Connection", "Keystroke", "Sweeper")
    },
    "SenderLogs": ["functions/sender/app.py", "layers/typing_relay/typing_relay/reporting.py"],
    "KeeperLogs": [
        "functions/guest_keeper/app.py",
        *(str(p.relative_to(ROOT)) for room in ("keeper", "platforms") for p in (PACKAGE / room).rglob("*.py")),
    ],
}
POWERTOOLS = {"level", "service", "message"}
LOG_CALLS = {"debug", "info", "warning", "error", "exception", "append_context_keys", "log", "_report"}


def calls(path: str) -> Iterator[ast.Call]:
    """The calls in a file that write a line, or hand something on to be written."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if name in LOG_CALLS:
                yield node


@cache
def logged_fields(group: str) -> frozenset[str]:
    found = set(POWERTOOLS)
    for path in WRITERS[group]:
        for call in calls(path):
            found |= {word.arg for word in call.keywords if word.arg}
            for word in call.keywords:
                if word.arg == "extra":
                    found |= {
                        key.value
                        for key in ast.walk(word.value)
                        if isinstance(key, ast.Constant) and isinstance(key.value, str)
                    }
    return frozenset(found)


def is_logged(message: str, group: str) -> bool:
    """Whether a line of the group's writers reads so, whatever an f-string fills in."""
    for path in WRITERS[group]:
        for call in calls(path):
            match call.args[0] if call.args else None:
                case ast.Constant(value=str(text)) if text == message:
                    return True
                case ast.JoinedStr(values=parts):
                    pattern = "".join(re.escape(p.value) if isinstance(p, ast.Constant) else ".+" for p in parts)  # type: ignore[arg-type]
                    if re.fullmatch(pattern, message):
                        return True
    return False


def groups(query: str) -> list[str]:
    return [group["Ref"] for group in QUERIES[query]["LogGroupNames"]]


def fields(query: str) -> set[str]:
    """What a query takes from the log: not its own aliases, functions, numbers and words."""
    text = re.sub(r'"[^"]*"', "", QUERIES[query]["QueryString"])
    aliases = set(re.findall(r"\bas (\w+)", text))
    words = set(re.findall(r"(?<![@\w])[a-z_]+(?![\w(])", text))
    return words - aliases - {"fields", "filter", "stats", "sort", "limit", "as", "by", "asc", "desc", "bin", "m"}


def test_there_are_the_four_that_an_operator_asks_for() -> None:
    assert sorted(QUERIES) == ["Clients", "OneVisitorsStory", "RefusedHandshakes", "SlowestBursts"]


@pytest.mark.parametrize("query", QUERIES)
def test_every_field_is_one_that_the_code_logs(query: str) -> None:
    logged = set().union(*(logged_fields(group) for group in groups(query)))
    assert fields(query)
    assert fields(query) - logged == set()


@pytest.mark.parametrize("query", QUERIES)
def test_every_message_is_one_that_the_code_logs(query: str) -> None:
    messages = re.findall(r'message = "([^"]+)"', QUERIES[query]["QueryString"])
    assert [text for text in messages if not any(is_logged(text, group) for group in groups(query))] == []


@pytest.mark.parametrize("group", [g for g in WRITERS if g != "SweeperLogs"])
def test_the_story_is_found_by_a_field_that_every_teller_logs(group: str) -> None:
    """The sweeper's line is about all sessions; what it starts, the sender tells."""
    assert group in groups("OneVisitorsStory")
    assert "session" in logged_fields(group)


@pytest.mark.parametrize("query", QUERIES)
def test_the_docs_show_it(query: str) -> None:
    assert QUERIES[query]["QueryString"].rstrip() in (ROOT / "docs/operations.md").read_text()


def test_lines_carry_the_service_that_the_template_names() -> None:
    assert variables("Sender")["POWERTOOLS_SERVICE_NAME"] == "sender"
