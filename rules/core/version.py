"""Which engine this is: what another one has read, or found, is not to be mixed with its own."""

import hashlib
import pkgutil
from collections.abc import Iterator
from functools import cache


@cache
def engine_version() -> str:
    """A digest of this package's source: facts and findings of another version are not to be mixed with ours."""
    digest = hashlib.sha256()
    for source in _sources("rules"):
        digest.update(source)
    return digest.hexdigest()[:16]


def _sources(package: str) -> Iterator[bytes]:
    yield pkgutil.get_data(package, "__init__.py") or b""
    for found in pkgutil.iter_modules(pkgutil.resolve_name(package).__path__):
        if found.ispkg:
            yield from _sources(f"{package}.{found.name}")
        else:
            yield pkgutil.get_data(package, f"{found.name}.py") or b""
