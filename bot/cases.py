"""Who asks, of what, and what becomes of it: what answers to commands are made from."""

from dataclasses import dataclass

from bot import replies
from bot.config import RepositoryConfig
from bot.events import Asked
from bot.github import Installation
from bot.models import PullRequest
from bot.permissions import may_write
from bot.review import Tools
from bot.standing import Standing


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command: whether something was changed, or could not be; and what there is to say about it.

    `refused` means that it was not theirs to ask.
    """

    text: str = ""
    changed: bool = False
    failed: bool = False
    refused: bool = False


DONE, CHANGED = Answer(), Answer(changed=True)


def failed(text: str) -> Answer:
    """It could not be done, for this reason."""
    return Answer(text, failed=True)


def refused(text: str) -> Answer:
    """It was not theirs to ask."""
    return Answer(text, failed=True, refused=True)


@dataclass(frozen=True, slots=True)
class Case:
    """Who asks, and of what. `name` is the same each time that this is answered."""

    asked: Asked
    name: str
    tools: Tools
    github: Installation
    stands: Standing
    config: RepositoryConfig

    @property
    def pull(self) -> PullRequest:
        return self.stands.pull

    async def may_write(self) -> bool:
        return await may_write(self.github, self.pull.ref.repository, self.asked.by)

    async def is_theirs(self) -> bool:
        """Whether it is for who asks to say what is read of the pull request. A bot's name may be that of a person as well."""
        wrote = self.pull.author == self.asked.by and not self.pull.by_bot
        return wrote or await self.may_write()


def may_not_write(case: Case) -> Answer:
    """The refusal of what takes write access."""
    return refused(replies.MAY_WRITE.format(repository=case.pull.ref.repository))
