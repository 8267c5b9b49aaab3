"""The files whose text is at hand, for fixes to be written in."""

from collections.abc import Mapping

from rules.core.fixes.document import Document
from rules.core.modules import Modules
from rules.core.syntax import UnreadableError


class Texts:
    """Documents by path, each read when it is first asked for, and the modules among which they stand."""

    def __init__(self, sources: Mapping[str, bytes], modules: Modules | None = None) -> None:
        self.sources = sources
        self._modules = modules
        self._documents: dict[str, Document | None] = {}

    def document(self, path: str) -> Document | None:
        """The file; None where its text is not at hand, or cannot be read."""
        if path not in self._documents:
            self._documents[path] = self._read(path)
        return self._documents[path]

    def _read(self, path: str) -> Document | None:
        if path not in self.sources:
            return None
        try:
            return Document(path, self.sources[path], self._modules)
        except (UnreadableError, SyntaxError, UnicodeError):
            return None
