"""People, organisations and bots."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """Who may own, write or say something. `kind` is ``User``, ``Bot`` or ``Organization``."""

    id: int
    login: str
    kind: str

    @property
    def node_id(self) -> str:
        return f"{self.kind[0]}_{self.id}"

    @property
    def email(self) -> str:
        """The address that GitHub writes into commits."""
        return f"{self.id}+{self.login}@users.noreply.github.com"

    @property
    def signature(self) -> str:
        return f"{self.login} <{self.email}>"
