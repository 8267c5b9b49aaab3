"""The file behind an upload, which Starlette keeps in memory up to a size and on disk beyond it.

https://starlette.dev/requests/#request-files
"""

from rules.core.facts import Constant, Function, Site
from rules.core.library import Blocking, Library, Weight

SMALL = 64 * 1024  # bytes; a look at the first of them takes microseconds


def reads_much(site: Site, _function: Function) -> bool:
    """Whether more is read than the few bytes that tell the kind of a file."""
    named = dict(site.call.keywords)
    size = site.call.arguments[0] if site.call.arguments else next(iter(named.values()), None)
    small = isinstance(size, Constant) and isinstance(size.value, int) and 0 <= size.value <= SMALL
    return site.looped or not small


library = Library(
    "Uploads",
    blocking=(
        Blocking("blocking/uploads", ("fastapi.UploadFile.file.read",), Weight.FILE, when=reads_much),
        Blocking("blocking/uploads", ("fastapi.UploadFile.file.readlines",), Weight.FILE),
    ),
    twins={"fastapi.UploadFile.file.read": "fastapi.UploadFile.read"},
    attributes={"fastapi.UploadFile.file": "fastapi.UploadFile.file"},
)
