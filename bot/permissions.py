"""What people may do, by GitHub's own word."""

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol
from urllib.parse import quote

from gidgethub import BadRequest

from bot.github import Installation
from bot.models import WANTED, Mute, PullRef
from bot.standing import Standing
from bot.threads import disliked

Permission = Literal["admin", "write", "read", "none"]

MAX_DISLIKES = 5
"""People whose thumbs-down is looked into at a time."""


class Mutes(Protocol):
    """Where it is kept what people do not want to hear of, by pull request."""

    async def mutes(self, ref: PullRef) -> Sequence[Mute]: ...

    async def mute(self, ref: PullRef, mutes: Iterable[Mute]) -> None: ...

    async def unmute(self, ref: PullRef, name: str) -> None: ...


async def permission(github: Installation, repository: str, login: str) -> Permission:
    """What somebody may do in a repository. `maintain` counts as write, `triage` as read.

    https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user
    """
    try:
        found = await github.getitem(f"/repos/{repository}/collaborators/{quote(login, safe='')}/permission")
    except BadRequest as error:
        if error.status_code not in {403, 404}:
            raise
        return "none"
    known: Permission = found["permission"]
    return known


async def may_write(github: Installation, repository: str, login: str) -> bool:
    """Whether somebody may push to a repository."""
    return await permission(github, repository, login) in {"admin", "write"}


async def known_mutes(github: Installation, stands: Standing, mutes: Mutes) -> tuple[Mute, ...]:
    """What is muted in a pull request, also by a thumbs-down that somebody with write access gave since."""
    ref = stands.pull.ref
    known = tuple(await mutes.mutes(ref))
    names = {mute.name for mute in known}
    threads = [
        one
        for one in stands.history.threads
        if one.open and one.dislikes and not names.issuperset(one.fingerprints)
        if names.isdisjoint(f"{WANTED}{name}" for name in one.fingerprints)
    ]
    people = sorted({login for thread in threads for login in thread.dislikes})[:MAX_DISLIKES]
    trusted = {login for login in people if await may_write(github, ref.repository, login)}
    new = [mute for thread in threads if trusted & set(thread.dislikes) for mute in disliked(thread)]
    if new:
        await mutes.mute(ref, new)
    return (*known, *new)
