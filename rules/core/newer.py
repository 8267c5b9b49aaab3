"""Text that is newer than the interpreter, in a grammar that it knows.

The newest grammar is LibCST's. A construct that this interpreter cannot read is replaced by an older one of the same
length before `ast` sees it, so that every line and column stays true:

    except A, B:       ->  except A| B:       PEP 758, Python 3.14
    def f[T](x): ...   ->  def f   (x): ...   PEP 695, Python 3.12
    type X = int       ->  X      = int       PEP 695
    t"{x}"             ->  f"{x}"             PEP 750, Python 3.14
    f"{x["a"]}"        ->  f"{x['a']}"        PEP 701, Python 3.12
"""

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from rules.core.edits import line_offsets, offset


def older(text: str) -> str:
    """The same text in an older grammar, character for character. Raises `ValueError` where LibCST cannot read it."""
    try:
        module = cst.parse_module(text)
    except (cst.ParserSyntaxError, UnicodeError) as error:
        raise ValueError(str(error)) from error
    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    rewriting = _Rewriting(text)
    wrapper.visit(rewriting)
    return "".join(rewriting.characters)


class _Rewriting(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.characters = list(text)
        self._text = text
        self._offsets = line_offsets(text)

    def visit_ExceptHandler(self, node: cst.ExceptHandler) -> None:  # noqa: N802 -- LibCST finds it by this name
        self._join_alternatives(node.type)

    def visit_ExceptStarHandler(self, node: cst.ExceptStarHandler) -> None:  # noqa: N802 -- LibCST finds it by this name
        self._join_alternatives(node.type)

    def visit_TypeParameters(self, node: cst.TypeParameters) -> None:  # noqa: N802 -- LibCST finds it by this name
        self._blank(node)

    def visit_TypeAlias(self, node: cst.TypeAlias) -> None:  # noqa: N802 -- LibCST finds it by this name
        start, _ = self._range(node)
        name_start, name_end = self._range(node.name)
        name = self.characters[name_start:name_end]
        self.characters[start:name_end] = [*name, *" " * (name_end - start - len(name))]

    def visit_TemplatedString(self, node: cst.TemplatedString) -> None:  # noqa: N802 -- LibCST finds it by this name
        start, end = self._range(node)
        prefix = next(index for index in range(start, end) if self.characters[index] in "tT")
        self.characters[prefix] = "f"

    def visit_FormattedString(self, node: cst.FormattedString) -> None:  # noqa: N802 -- LibCST finds it by this name
        quote = node.end[0]
        other = "'" if quote == '"' else '"'
        for part in node.parts:
            if isinstance(part, cst.FormattedStringExpression):
                first, last = self._range(part)
                self.characters[first:last] = [self._plain(c, quote, other) for c in self.characters[first:last]]

    def _plain(self, character: str, quote: str, other: str) -> str:
        return {quote: other, "\\": "_", "\n": "\n"}.get(character, character)

    def _join_alternatives(self, type_: cst.BaseExpression | None) -> None:
        if isinstance(type_, cst.Tuple) and not type_.lpar:
            for element in type_.elements[:-1]:
                _, end = self._range(element.value)
                self.characters[self._text.index(",", end)] = "|"

    def _blank(self, node: cst.CSTNode) -> None:
        start, end = self._range(node)
        self.characters[start:end] = [c if c == "\n" else " " for c in self.characters[start:end]]

    def _range(self, node: cst.CSTNode) -> tuple[int, int]:
        span = self.get_metadata(PositionProvider, node)
        return (
            offset((span.start.line, span.start.column + 1), self._offsets),
            offset((span.end.line, span.end.column + 1), self._offsets),
        )
