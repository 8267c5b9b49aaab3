"""`asyncify check`: the analysis of a local tree, without GitHub.

The whole project around the given paths is analysed, since what blocks an endpoint often stands in another file; what is
said concerns the given paths only.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import click
import msgspec
from msgspec import structs

from bot.checkout import (
    CheckoutError,
    Tree,
    blob_sha,
    find_root,
    is_beneath,
    list_blobs,
    merge_base,
    python_blobs,
    read_blobs,
    read_tree,
    replace_file,
    repository_path,
)
from bot.config import (
    CONFIG_PATH,
    PYPROJECT_PATH,
    ConfigError,
    Layer,
    RepositoryConfig,
    excluded,
    load_config,
    to_options,
)
from bot.facts_cache import FactsCache
from bot.fixing import Fixed, Project, fix_all
from bot.forks import in_forks
from bot.formats import to_json, to_patch, to_sarif, to_workflow_commands
from bot.rule_pages import find_rules
from rules import Analysis, Facts, Finding, Options, Unreadable, all_rules, engine_version, read_base

CONFIG_FILES = (CONFIG_PATH, PYPROJECT_PATH)  # the first that is there counts, as on GitHub
SLOW_FROM = 2_000_000  # bytes to read: about a second
ERASED_LINE = "\x1b[2K"

Format = Literal["text", "json", "sarif", "github", "patch"]


class Wish(msgspec.Struct, frozen=True):
    """What was asked for on the command line."""

    paths: tuple[Path, ...]
    base: str | None = None
    everything: bool = False
    fix: bool = False
    unsafe_fixes: bool = False
    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    format: Format = "text"
    strict: bool = False


class Scope(msgspec.Struct, frozen=True):
    """The files that are spoken of: those in the given paths that the configuration does not exclude."""

    given: tuple[str, ...]
    config: RepositoryConfig

    def __contains__(self, path: str) -> bool:
        return any(is_beneath(path, one) for one in self.given) and not excluded(path, self.config)

    def wants(self, finding: Finding) -> bool:
        """Whether a finding is spoken of."""
        return finding.introduced and finding.path in self


class Checked(msgspec.Struct, frozen=True):
    """What a check found in the paths asked for, and what it made of them."""

    tree: Tree
    project: Project
    findings: tuple[Finding, ...]
    unreadable: tuple[Unreadable, ...]
    concerns_fastapi: bool
    files: int
    fixed: Fixed | None


def check(wish: Wish) -> int:
    """Check, fix where asked to, and print. Returns the exit status: 1 where findings are left, else 0; 2 with
    `strict` where a file could not be read.

    Raises CheckoutError and ConfigError where the check cannot run.
    """
    checked = _checked(wish)
    if wish.fix and checked.fixed:
        _write(checked.tree, checked.fixed)
    _print_unreadable(checked.unreadable)
    if wish.fix:
        _print_done(checked, on_stderr=wish.format != "text")
    _print(wish, checked)
    if wish.strict and checked.unreadable:
        return 2
    return 1 if checked.findings else 0


def _checked(wish: Wish) -> Checked:
    root = find_root(wish.paths)
    config = _local_config(root)
    scope = Scope(tuple(repository_path(root, path.resolve()) for path in wish.paths), config)
    options = _options(config, wish)
    tree = read_tree(root, wish.paths)
    project = _project(tree, wish.base, options)
    with _waiting("Analysing", project.sources.values()):
        analysis = project.analyze()
        fixed = _fixed(project, analysis, scope, wish)
    if fixed and wish.fix:
        project, analysis = fixed.project, fixed.analysis
    return Checked(
        tree=tree,
        project=project,
        findings=tuple(finding for finding in analysis.findings if scope.wants(finding)),
        unreadable=tuple(one for one in _unreadable(tree, analysis) if one.path in scope),
        concerns_fastapi=analysis.concerns_fastapi,
        files=sum(path in scope for path in tree.files),
        fixed=fixed,
    )


def _fixed(project: Project, analysis: Analysis, scope: Scope, wish: Wish) -> Fixed | None:
    if not wish.fix and wish.format != "patch":
        return None
    return fix_all(project, analysis, wanted=scope.wants, unsafe=wish.unsafe_fixes)


def _unreadable(tree: Tree, analysis: Analysis) -> Iterator[Unreadable]:
    yield from (Unreadable(path, reason) for path, reason in tree.unreadable.items())
    yield from analysis.unreadable


# --- facts


def _project(tree: Tree, base: str | None, options: Options) -> Project:
    shas = {path: blob_sha(source) for path, source in tree.files.items()}
    cache = FactsCache(tree.root)
    missing = cache.missing(shas.values())
    blobs = {shas[path]: source for path, source in tree.files.items() if shas[path] in missing}
    with _waiting("Reading", blobs.values()):
        cache.read(blobs)
        of_base = None if base is None else read_revision(tree.root, merge_base(tree.root, base, "HEAD"), cache)
    cache.save()
    before = None if of_base is None else read_base(of_base, options=options)
    return Project(tree.files, {path: cache[sha] for path, sha in shas.items()}, before, options, in_forks)


def read_revision(repository: Path, commit: str, cache: FactsCache) -> dict[str, Facts]:
    """The facts of every Python file at `commit` (a SHA)."""
    blobs = python_blobs(list_blobs(repository, commit))
    cache.read(read_blobs(repository, cache.missing(blobs.values())))
    return {path: cache[sha] for path, sha in blobs.items()}


# --- fixes


def _write(tree: Tree, fixed: Fixed) -> None:
    changed = {path: text for path, text in fixed.project.sources.items() if text != tree.files[path]}
    for path in changed:
        if not _is_still(tree.root / path, tree.files[path]):
            raise CheckoutError(f"{path} changed while it was read: nothing was written. Run it again.")
    for path, text in changed.items():
        replace_file(tree.root / path, text)


def _is_still(path: Path, text: bytes) -> bool:
    try:
        return path.read_bytes() == text
    except FileNotFoundError:
        return False


# --- configuration


def _local_config(root: Path) -> RepositoryConfig:
    try:
        return read_config({name: (root / name).read_bytes() for name in CONFIG_FILES if (root / name).is_file()})
    except OSError as error:
        raise ConfigError(f"{error.filename} cannot be read: {error.strerror}.") from None


def _options(config: RepositoryConfig, wish: Wish) -> Options:
    for name in wish.select | wish.ignore:
        find_rules(name)  # or it is refused
    return structs.replace(
        to_options(config),
        select=wish.select or config.select,
        ignore=wish.ignore | config.ignore,
        everything=wish.everything,
    )


def read_config(texts: Mapping[str, bytes]) -> RepositoryConfig:
    """The settings in a project's own configuration files (path -> text). Raises ConfigError for whatever is wrong."""
    there = [Layer(name, texts[name].decode(errors="replace")) for name in CONFIG_FILES if name in texts]
    config = load_config(there[:1])
    if config.problems:
        raise ConfigError("\n".join(config.problems))
    return config


# --- what is printed


def _print(wish: Wish, checked: Checked) -> None:
    findings = checked.findings
    match wish.format:
        case "text":
            _print_text(checked)
        case "json":
            click.echo(to_json(findings))
        case "sarif":
            root, rules = checked.tree.root, all_rules()
            click.echo(to_sarif(findings, checked.unreadable, rules=rules, version=engine_version(), root=root))
        case "github":
            click.echo(to_workflow_commands(findings), nl=False)
        case "patch":
            after = checked.fixed.project.sources if checked.fixed else {}
            click.echo(to_patch(checked.tree.files, after), nl=False)


def _print_unreadable(unreadable: Iterable[Unreadable]) -> None:
    for one in unreadable:
        from bot.terminal import printable  # noqa: PLC0415 -- what a program reads is there sooner without

        click.echo(f"{printable(one.path)}: {printable(one.reason)}", err=True)


def _print_text(checked: Checked) -> None:
    from bot.terminal import Printer, closing_line, open_console  # noqa: PLC0415 -- the same

    console = open_console()
    printer = Printer(console, checked.tree.root, checked.project.sources)
    for finding in checked.findings:
        printer.finding(finding)
    if checked.findings or checked.concerns_fastapi or not checked.files:
        console.print(closing_line(checked.findings, files=checked.files))
    else:
        console.print(f"No findings: none of the {checked.files} files has to do with FastAPI or Starlette.")


def _print_done(checked: Checked, *, on_stderr: bool) -> None:
    from bot.terminal import Printer, open_console, printable  # noqa: PLC0415 -- the same

    console = open_console(stderr=on_stderr)
    done = checked.fixed.done if checked.fixed else ()
    for finding, fix in done:
        place = Printer(console, checked.tree.root, {}).place(finding.path, finding.span.line)
        console.print(f"Fixed {place}  {finding.rule}: {printable(fix.title)}")
    for requirement in sorted({one for _, fix in done for one in fix.requires}):
        console.print(f"Add to the requirements: {printable(requirement)}")


@contextmanager
def _waiting(doing: str, texts: Iterable[bytes]) -> Iterator[None]:
    """Say on a terminal what is being done, where it takes a while. No thread makes it move: none may run beside copies."""
    size = sum(map(len, texts))
    is_said = size >= SLOW_FROM and sys.stderr.isatty()
    if is_said:
        click.echo(f"{doing} {size / 1e6:.0f} MB of Python ...\r", nl=False, err=True)
    try:
        yield
    finally:
        if is_said:
            click.echo(ERASED_LINE, nl=False, err=True)
