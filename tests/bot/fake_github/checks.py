"""Check runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .repositories import Repository


@dataclass(eq=False, slots=True)
class CheckRun:
    """One check run. `annotations` are in GitHub's shape, those of every request in the order in which they came."""

    repository: Repository
    id: int
    name: str
    head_sha: str
    started_at: datetime
    status: str = "queued"
    conclusion: str | None = None
    external_id: str | None = None
    details_url: str | None = None
    completed_at: datetime | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[Mapping[str, Any]] = field(default_factory=list)
    actions: list[Mapping[str, Any]] = field(default_factory=list)
    history: list[Mapping[str, Any]] = field(default_factory=list)
    """The body of each request that made or changed it."""

    @property
    def node_id(self) -> str:
        return f"CR_{self.id}"

    def update(self, body: Mapping[str, Any], now: datetime) -> None:
        """Takes over what a request says. A conclusion completes the run, as on GitHub; annotations are added."""
        self.history.append(body)
        for name in ("name", "external_id", "details_url", "status", "conclusion"):
            if name in body:
                setattr(self, name, body[name])
        if body.get("conclusion"):
            self.status = "completed"
        elif self.status != "completed":
            self.conclusion = self.completed_at = None
        if self.status == "completed":
            self.completed_at = self.completed_at or now
        output = body.get("output", {})
        for name in ("title", "summary", "text"):
            if name in output:
                setattr(self, name, output[name])
        self.annotations += output.get("annotations", [])
        if "actions" in body:
            self.actions = list(body["actions"])
