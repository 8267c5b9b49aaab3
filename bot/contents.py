"""The content of files, by the name that git gives it, or as an archive of all of them."""

import asyncio
import base64
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from gidgethub import GitHubBroken

from bot.analysis import AnalysisFailed
from bot.github import Installation, TooLarge
from bot.sources import is_source

FILE_LIMIT = 1_000_000
"""Bytes of a file that is read."""
ARCHIVE_LIMIT = 50 * 1024**2
UNPACKED_LIMIT = 1024**3
TEXTS_LIMIT = 128 * 1024**2
"""Bytes of Python that are taken from one archive, since they are held in memory."""
BATCH = 50
READERS = 8
"""Requests at a time."""

_BLOB = "{ ... on Blob { oid byteSize text } }"


async def blobs(github: Installation, repository: str, shas: Iterable[str]) -> dict[str, bytes]:
    """The content of blobs by SHA, byte for byte; those above `FILE_LIMIT` are left out."""
    wanted = iter(sorted(set(shas)))
    batches = list(iter(lambda: list(islice(wanted, BATCH)), []))
    readers = asyncio.Semaphore(READERS)

    async def read(batch: Sequence[str]) -> dict[str, bytes]:
        async with readers:
            return await _blob_batch(github, repository, batch)

    found: dict[str, bytes] = {}
    for part in await asyncio.gather(*map(read, batches)):
        found |= part
    return found


def blob_sha(content: bytes) -> str:
    """The name that git gives to a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


async def _blob_batch(github: Installation, repository: str, shas: Sequence[str]) -> dict[str, bytes]:
    """At most `BATCH` blobs in one call, and one more for each that GraphQL cannot give byte for byte."""
    try:
        found = await objects(github, repository, [f"object(oid: {json.dumps(sha)}) {_BLOB}" for sha in shas])
    except GitHubBroken:  # too much to answer in 10 seconds
        found = [{"byteSize": 0}] * len(shas)
    texts: dict[str, bytes] = {}
    for sha, blob in zip(shas, found, strict=True):
        if not blob or blob["byteSize"] > FILE_LIMIT:  # a submodule's SHA is no blob
            continue
        text = (blob.get("text") or "").encode()
        texts[sha] = text if blob_sha(text) == sha else await _blob(github, repository, sha)
    return texts


async def objects(github: Installation, repository: str, wanted: Sequence[str]) -> list[Any]:
    """Fields of a repository, in one call; None for what is not there."""
    owner, name = repository.split("/")
    fields = " ".join(f"f{number}: {field}" for number, field in enumerate(wanted))
    query = f"query($owner: String!, $name: String!) {{ repository(owner: $owner, name: $name) {{ {fields} }} }}"
    data = (await github.graphql(query, owner=owner, name=name))["repository"] or {}
    return [data.get(f"f{number}") for number in range(len(wanted))]


async def _blob(github: Installation, repository: str, sha: str) -> bytes:
    blob = await github.getitem(f"/repos/{repository}/git/blobs/{sha}")
    return base64.b64decode(blob["content"])


async def archive(github: Installation, repository: str, head: str) -> dict[str, bytes]:
    """The Python files of a commit as GitHub packs them. Raises AnalysisFailed where that is too much."""
    try:
        archive = await github.download(f"/repos/{repository}/tarball/{head}", ARCHIVE_LIMIT)
        return await asyncio.to_thread(_unpacked, archive)
    except TooLarge as error:
        raise AnalysisFailed("The repository is too large to be analysed.") from error


def _unpacked(archive: bytes) -> dict[str, bytes]:
    """The Python files of a tar archive, in memory. Raises TooLarge, also for an archive that only pretends to be small."""
    files: dict[str, bytes] = {}
    room = TEXTS_LIMIT
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as packed:
        for member in packed:
            if member.offset_data + member.size > UNPACKED_LIMIT:
                raise TooLarge("unpacked, the archive is too large")
            path = member.name.partition("/")[2]  # the first folder is named after the repository and the commit
            if member.isreg() and is_source(path) and member.size <= FILE_LIMIT:
                room -= member.size
                if room < 0:
                    raise TooLarge("unpacked, the Python files are too large")
                content = packed.extractfile(member)
                files[path] = content.read() if content else b""
    return files
