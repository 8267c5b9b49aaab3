"""Tenacity, which tries again. https://tenacity.readthedocs.io/en/latest/"""

from rules.core.facts import Call, Function, Site, last_name
from rules.core.library import Blocking, Library


def pauses(site: Site, _function: Function) -> bool:
    """Whether there is a pause between two attempts: without `wait=` there is none."""
    wait = dict(site.call.keywords).get("wait")
    return wait is not None and not (isinstance(wait, Call) and last_name(wait.callee) == "wait_none")


library = Library(
    "Tenacity",
    blocking=(
        Blocking("blocking/retries", ("tenacity.Retrying",), lazy=True, when=pauses),
        Blocking("blocking/retries", ("tenacity.Retrying.__call__",)),
    ),
    results={"tenacity.Retrying.copy": "self"},
)
