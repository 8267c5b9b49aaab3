"""The files of a repository, between the facts and those who read them."""

from collections.abc import Iterator, Mapping

from rules.core.facts import Facts


class Files(Mapping[str, Facts]):
    """The facts of all files, by path. Who derives from it watches what is read."""

    def __init__(self, facts: Mapping[str, Facts]) -> None:
        self._facts = facts

    def __getitem__(self, path: str) -> Facts:
        return self._facts[path]

    def __contains__(self, path: object) -> bool:
        return path in self._facts

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)
