"""A repository that notes what is read of it, and one that recalls what was worked out before it was changed."""

from collections.abc import Mapping

from rules.core.facts import Facts, Import
from rules.core.introduced import Base
from rules.core.knowledge import Knowledge
from rules.core.memory import FILE, NotedFiles, Noting, Recalling, Rows
from rules.core.project import Project
from rules.core.repository import USES
from rules.core.values import Where


class Noted(Project):
    """Another project, of which every reading is noted. Which modules there are, everybody may know."""

    def __init__(self, of: Project, memory: Noting) -> None:
        super().__init__(of.facts, of.knowledge, of, memory)
        self.facts = NotedFiles(of.facts, memory)
        self._imports, self._calls = of._imports, of._calls  # noqa: SLF001 -- what is gathered here, it keeps
        self._of = of

    def imports_of(self, path: str) -> tuple[tuple[Where, str, Import], ...]:
        """The imports of a file, which may have been gathered before."""
        self.memory.read((FILE, path))
        return super().imports_of(path)

    def _by_name(self, use: str) -> Mapping[str, list[str]]:
        return Rows(self._of._by_name(use), self.memory, use)  # noqa: SLF001 -- of another one of its kind


def recalling(facts: Mapping[str, Facts], knowledge: Knowledge, base: Base) -> Project:
    """The project of these facts, which recalls what was worked out of the base and rests on nothing that was changed."""
    memory = Recalling(base.kept)
    project = Project(facts, knowledge, base.repository, memory)
    memory.compared(FILE, project.edited)
    for use in USES:
        pairs = ((path, base.facts[path]) for path in project.edited if path in base.facts)
        each = (project.names(use, path, old) ^ project.names(use, path, facts[path]) for path, old in pairs)
        memory.compared(use, frozenset().union(*each))
    return project
