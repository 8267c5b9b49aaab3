"""A fake GitHub: stateful, strict, on real HTTP.

github = FakeGitHub()
shop = github.repository("acme/shop", files={"app/main.py": "…"})
pull = shop.open_pull({"app/main.py": "…new…"}, author="ann", fork=True)
async with github:
    …                       # the real client talks to github.url
assert github.refusals == []
"""

from .errors import SuggestionRefused
from .faults import Fault, Faults
from .github import FakeGitHub
from .objects import File
from .pulls import IssueComment, PullRequest, Review, ReviewComment, Thread
from .repositories import Repository, executable, submodule, symlink
from .suggestions import suggestions
from .webhooks import encode, sign

__all__ = [
    "FakeGitHub",
    "Fault",
    "Faults",
    "File",
    "IssueComment",
    "PullRequest",
    "Repository",
    "Review",
    "ReviewComment",
    "SuggestionRefused",
    "Thread",
    "encode",
    "executable",
    "sign",
    "submodule",
    "suggestions",
    "symlink",
]
