"""The GitHub App as it is registered: `app.yaml`, and why it asks for what it asks for.

https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

LEVELS = ("none", "read", "write", "admin")

WHY_PERMISSIONS: Mapping[str, str] = {
    "metadata": "Every App has this: names of repositories, and what a person who gives a command may do there.",
    "contents": "To read the code that a pull request changes; to commit fixes when somebody asks for it, and to resolve "
    "our own review threads once they are settled. Nothing is committed without being asked.",
    "pull_requests": "To read which files a pull request changes, and to post the review.",
    "issues": "To be told of comments on pull requests, which is how commands arrive. Issues themselves are not read.",
    "checks": "To post the check run that lists every finding.",
}
WHY_EVENTS: Mapping[str, str] = {
    "pull_request": "Somebody opened a pull request or pushed to it.",
    "issue_comment": "Somebody may have written a command, such as /asyncify fix.",
    "pull_request_review_comment": "The same, in a review thread.",
    "pull_request_review_thread": "Somebody resolved a thread, and does not want to hear of it again; or opened it again, and does.",
    "check_run": "Somebody pressed a button of the check run.",
    "check_suite": "Somebody asked for all checks to be run again.",
    "push": "The organisation's shared configuration changed. All other pushes are ignored.",
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the App asks for: permissions with their level ("read", "write"), and events."""

    permissions: Mapping[str, str]
    events: tuple[str, ...]


@cache
def manifest() -> Manifest:
    """What `app.yaml` asks for."""
    text = _text()
    return Manifest(text["default_permissions"], tuple(text["default_events"]))


def manifest_for(address: str, name: str) -> dict[str, Any]:
    """The whole manifest for a bot that is reached under `address` (without a final slash)."""
    text = _at(_text(), address)
    return {**text, "name": name, "redirect_url": f"{address}/setup/callback"}


def lacking(granted: Mapping[str, str]) -> dict[str, str]:
    """The permissions that `app.yaml` asks for and that are not granted, or only to read."""
    asked = manifest().permissions.items()
    return {name: level for name, level in asked if LEVELS.index(granted.get(name, "none")) < LEVELS.index(level)}


def _at(text: Any, address: str) -> Any:
    if isinstance(text, dict):
        return {key: _at(value, address) for key, value in text.items()}
    return text.replace("https://HOST", address) if isinstance(text, str) else text


def _text() -> dict[str, Any]:
    text: dict[str, Any] = yaml.safe_load(resources.files("bot").joinpath("app.yaml").read_text(encoding="utf-8"))
    return text
