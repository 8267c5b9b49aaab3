"""Asking GitHub: again for what it does not have yet, two things at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from gidgethub import BadRequest

from bot.errors import Dropped

EVENTUALLY = (1.0, 2.0, 4.0)
"""Seconds between the attempts to read what GitHub announced but does not have yet."""

_T = TypeVar("_T")
_U = TypeVar("_U")


class NotThere(Exception):  # noqa: N818 -- it is read as a sentence: the commit is not there
    """GitHub answers 404, perhaps only for some seconds more."""


async def both(first: Coroutine[Any, Any, _T], second: Coroutine[Any, Any, _U]) -> tuple[_T, _U]:
    """The results of two coroutines that run at the same time; where one fails, the other one ends."""
    tasks = asyncio.create_task(first), asyncio.create_task(second)
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def eventually(call: Callable[[], Awaitable[_T]]) -> _T:
    """What `call` returns; a 404 is believed only after some seconds, since GitHub announces before it has.

    Raises:
        Dropped: it is not there.
    """
    for wait in EVENTUALLY:
        with suppress(NotThere):
            return await _found(call)
        await asyncio.sleep(wait)
    try:
        return await _found(call)
    except NotThere as error:
        raise Dropped(f"GitHub does not have what it announced: {error}") from error


async def _found(call: Callable[[], Awaitable[_T]]) -> _T:
    try:
        return await call()
    except BadRequest as error:
        if error.status_code != 404:
            raise
        raise NotThere(str(error)) from error
