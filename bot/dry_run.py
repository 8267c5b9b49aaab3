"""`asyncify review`: the review that the bot would post on a range of commits, had they been proposed just now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.changes import Range, changed_files, parse_range
from bot.check import CONFIG_FILES, read_config, read_revision
from bot.checkout import list_blobs, read_blobs, top_level
from bot.config import RepositoryConfig, to_options
from bot.facts_cache import FactsCache
from bot.models import ChangedFile, CheckRun, History, PullRef, PullRequest, Review
from bot.planning import plan, with_introduced
from bot.words import write_check_run, write_review
from rules import analyze, read_base


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would be posted; `review` is None where nothing would be said inline."""

    files: Sequence[ChangedFile]
    review: Review | None
    check_run: CheckRun


def dry_run(directory: Path, text: str) -> DryRun:
    """Review the range of commits that `text` names, in the repository around `directory`.

    Raises CheckoutError and ConfigError where that cannot be done.
    """
    root = top_level(directory)
    commits = parse_range(root, text)
    files = changed_files(root, commits)
    blobs = list_blobs(root, commits.head)
    config = _config(root, commits)
    cache = FactsCache(root)
    before, after = (read_revision(root, commit, cache) for commit in (commits.base, commits.head))
    cache.save()
    sources = _texts(root, {file.path: blobs[file.path] for file in files if file.path in blobs and file.path in after})
    options = to_options(config)
    analysis = analyze(after, sources, base=read_base(before, options=options), options=options)
    if config.scope != "introduced":  # or what was there before would have no fixes
        analysis = with_introduced(analyze(after, sources, options=options), analysis)
    pull = _pull(root, commits)
    planned = plan(analysis, pull, files, sources, History(), config)
    return DryRun(files, write_review(planned, pull), write_check_run(planned, pull, analysis))


def _config(root: Path, commits: Range) -> RepositoryConfig:
    """That of the base, as on GitHub: a pull request does not change the rules for itself."""
    blobs = list_blobs(root, commits.base)
    return read_config(_texts(root, {name: blobs[name] for name in CONFIG_FILES if name in blobs}))


def _texts(root: Path, blobs: Mapping[str, str]) -> dict[str, bytes]:
    texts = read_blobs(root, blobs.values())
    return {path: texts[sha] for path, sha in blobs.items()}


def _pull(root: Path, commits: Range) -> PullRequest:
    name = f"local/{root.name}"
    return PullRequest(
        ref=PullRef(installation=0, repository_id=0, repository=name, number=0),
        head=commits.head,
        base=commits.base,
        base_ref="base",
        head_repository=name,
        author="you",
    )
