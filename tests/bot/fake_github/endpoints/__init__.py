"""The REST routes that the fake serves; importing a module registers its routes."""

from . import apps, checks, comments, git, pulls, repositories, reviews

__all__ = ["apps", "checks", "comments", "git", "pulls", "repositories", "reviews"]
