"""All the places of a source text where one small change makes it wrong, as a slip of the hand would.

Comparisons turned round, conditions that always or never hold, `and` for `or`, a `not` forgotten, + for -, * for //,
the other truth returned. Numbers are left alone: a limit that is one larger is a matter of taste. Positions come from
the syntax tree, the change is made in the text: all else stays as it was.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "//"),
    ast.FloorDiv: ("//", "*"),
}
#: What holds no number, and is no sum either.
NO_NUMBERS = (ast.JoinedStr, ast.List, ast.ListComp, ast.Tuple, ast.Dict, ast.Set)


@dataclass(frozen=True, slots=True)
class Mutant:
    """In ``file`` the bytes from ``start`` to ``end`` become ``after``. ``line`` and ``change`` are for people."""

    file: str
    start: int
    end: int
    after: str
    line: int
    change: str

    def applied_to(self, source: bytes) -> bytes:
        """The source with this one change."""
        return source[: self.start] + self.after.encode() + source[self.end :]

    def diff(self, source: bytes) -> list[str]:
        """The lines that differ."""
        first = source.rfind(b"\n", 0, self.start) + 1
        last = source.find(b"\n", self.end)
        before, mutated = source[first:last], self.applied_to(source)
        after = mutated[first : last + len(mutated) - len(source)]
        return [f"- {line}" for line in before.decode().split("\n")] + [
            f"+ {line}" for line in after.decode().split("\n")
        ]


def mutants_of(file: str, source: bytes) -> list[Mutant]:
    """Every mutant of this file, in the order of their places."""
    found = _Finder(file, source)
    found.visit(ast.parse(source))
    return sorted(found.mutants, key=lambda one: (one.start, one.end, one.after))


class _Finder(ast.NodeVisitor):
    """Walks what runs: no annotations, docstrings, assertions, and nothing for type checkers alone."""

    def __init__(self, file: str, source: bytes) -> None:
        self._file, self._source = file, source
        self._lines = [0]
        for line in source.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self.mutants: list[Mutant] = []

    # --- what is changed

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
            self._swap(left, right, *COMPARISONS[type(operator)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        swapped = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._swap(left, right, *swapped)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in ARITHMETIC and not (_is_no_number(node.left) or _is_no_number(node.right)):
            self._swap(node.left, node.right, *ARITHMETIC[type(node.op)])
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if type(node.op) in ARITHMETIC and not _is_no_number(node.value):
            before, after = (f"{sign}=" for sign in ARITHMETIC[type(node.op)])
            self._swap(node.target, node.value, before, after)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            start = self._start(node)
            self._add(node, start, start + len("not "), "", "not dropped")
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool):
            self._replace(node.value, str(not node.value.value), f"return {not node.value.value}")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        text = ast.unparse(node.test)
        if "__name__" in text or "TYPE_CHECKING" in text:
            return
        self._force(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._force(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._force(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for condition in node.ifs:
            self._force(condition)
        self.generic_visit(node)

    def visit_match_case(self, node: ast.match_case) -> None:
        if node.guard:
            self._force(node.guard)
        self.generic_visit(node)

    # --- what is left alone

    def visit_arg(self, node: ast.arg) -> None:
        """Its annotation."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """For type checkers and readers."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Text for people; Python 3.11 does not know the places inside it either."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        if not any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets):
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for part in (*node.decorator_list, node.args, *node.body):  # not what it returns
            self.visit(part)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815  # as ast calls it

    # --- where

    def _swap(self, left: ast.expr, right: ast.expr, before: str, after: str) -> None:
        """Replace the operator between the two, whatever brackets and line ends are there too."""
        start, end = self._end(left), self._start(right)
        # A sign may touch a bracket; a word stands alone.
        pattern = before.replace(" ", r"\s+") if before[0].isalpha() else re.escape(before)
        match = re.search(pattern.encode(), self._source[start:end])
        if match is None:
            raise ValueError(f"{self._file}:{left.lineno}: no {before!r} between two operands")
        self._add(left, start + match.start(), start + match.end(), after, f"{before} → {after}")

    def _force(self, condition: ast.expr) -> None:
        if not isinstance(condition, ast.Constant):
            for truth in ("True", "False"):
                self._replace(condition, truth, "always" if truth == "True" else "never")

    def _replace(self, node: ast.expr, after: str, change: str) -> None:
        self._add(node, self._start(node), self._end(node), after, change)

    def _add(self, node: ast.expr, start: int, end: int, after: str, change: str) -> None:
        self.mutants.append(Mutant(self._file, start, end, after, node.lineno, change))

    def _start(self, node: ast.expr) -> int:
        return self._lines[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.expr) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._lines[node.end_lineno - 1] + node.end_col_offset


def _is_no_number(node: ast.expr) -> bool:
    """Turned into a difference it would only raise: nobody's slip, and no merit to notice."""
    return isinstance(node, NO_NUMBERS) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))
