"""What was read of a project's files before, kept in one file a project beneath the user's cache directory.

A blob is read once for each version of the engine. A cache that is broken, or cannot be written, costs time only.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b, sha256
from pathlib import Path

import msgspec

from bot.checkout import home, replace_file
from bot.forks import in_forks
from bot.shares import read_share
from rules import Facts, decode_facts, engine_version, load

SHARED_FROM = 100_000  # bytes: below, a copy of the process costs more than it saves
SHARES = 16  # parts of what is to be read, about as large as each other
SEAL = 16  # bytes of the digest at the start of the file


class _Stored(msgspec.Struct):
    engine: str
    facts: dict[str, bytes]


class FactsCache:
    """Blob SHA -> facts, for the project at `root`."""

    def __init__(self, root: Path) -> None:
        directory = cache_directory()
        self._path = directory and directory / f"{sha256(os.fsencode(root)).hexdigest()[:32]}.facts"
        self._stored = _load(self._path) if self._path else {}
        self._facts: dict[str, Facts] = {}
        self._is_new = False

    def missing(self, shas: Iterable[str]) -> set[str]:
        """Those of `shas` whose blobs have to be read."""
        return {sha for sha in shas if sha not in self._facts and not self._recall(sha)}

    def _recall(self, sha: str) -> bool:
        encoded = self._stored.get(sha)
        if encoded is not None:
            self._facts[sha] = decode_facts(encoded)
        return encoded is not None

    def read(self, blobs: Mapping[str, bytes]) -> None:
        """Read the blobs, in several processes where there is much to read."""
        is_shared = sum(map(len, blobs.values())) >= SHARED_FROM
        for encoded in in_forks(_read, _shares(blobs), meanwhile=_prepare) if is_shared else [_read([*blobs.items()])]:
            self._stored |= encoded
            self._is_new |= bool(encoded)
            self._facts |= {sha: decode_facts(one) for sha, one in encoded.items()}

    def __getitem__(self, sha: str) -> Facts:
        return self._facts[sha]

    def save(self) -> None:
        """Keep what was used for the next run."""
        if self._path is None or not self._is_new:
            return
        stored = _Stored(engine_version(), {sha: self._stored[sha] for sha in self._facts})
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, _sealed(msgspec.msgpack.encode(stored)))
        except OSError as error:
            _warn("The cache %s could not be written: %s.", self._path, error.strerror)


def cache_directory() -> Path | None:
    """`$XDG_CACHE_HOME/asyncify`: https://specifications.freedesktop.org/basedir-spec/latest/. None where there is nowhere to keep it."""
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given) / "asyncify"
    return (mine := home()) and mine / ".cache" / "asyncify"


def _load(path: Path) -> dict[str, bytes]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        _warn("The cache %s could not be read: %s.", path, error.strerror)
        return {}
    encoded = content[SEAL:]
    if _sealed(encoded) != content:
        _warn("The cache %s is damaged and is written anew.", path)
        return {}
    stored = msgspec.msgpack.decode(encoded, type=_Stored)
    return stored.facts if stored.engine == engine_version() else {}


def _warn(sentence: str, *of: object) -> None:
    import logging  # noqa: PLC0415 -- few runs have anything to say

    logging.getLogger(__name__).warning(sentence, *of)


def _sealed(encoded: bytes) -> bytes:
    """With a digest before it, since facts are decoded so late that a damage would do harm."""
    return blake2b(encoded, digest_size=SEAL).digest() + encoded


def _shares(blobs: Mapping[str, bytes]) -> list[list[tuple[str, bytes]]]:
    largest_first = sorted(blobs.items(), key=lambda blob: -len(blob[1]))
    return [largest_first[place::SHARES] for place in range(SHARES)]


def _prepare() -> None:
    """Work out what is wanted when all is read."""
    load()
    engine_version()


def _read(blobs: Sequence[tuple[str, bytes]]) -> dict[str, bytes]:
    return read_share(dict(blobs))
