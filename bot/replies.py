"""What the bot answers to commands. Pure; `words` says what it says by itself."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from bot.config import RepositoryConfig, keys
from bot.fixing import Made
from bot.markdown import code, fenced, folded, link, prose
from bot.markers import write_marker
from bot.models import Message, PullRequest
from bot.words import EFFECTS, FIX_ALL, RERUN, how_to_apply
from rules import Applicability, Finding, Fix, Rule, all_rules

MAX_PATCH = 60_000 - 4_000
MAX_LISTED = 30
_LOUD = re.compile(r"[@#]|(?<=GH)-(?=\d)|(?<=:)//|\[(?=(?:skip|ci|no|actions)\s)|[^\S ]|[\x00-\x1f\x7f]", re.IGNORECASE)

HELP = """\
| command | does |
| --- | --- |
| `/asyncify` | reviews all of the files that this pull request changes, not only what it introduces |
| `/asyncify fix [all\\|ID…\\|PATH…] [--unsafe] [--as twin\\|def\\|offload]` | commits the fixes to this branch, as one commit |
| `/asyncify explain [ID\\|RULE]` | tells why, what changes and what stays |
| `/asyncify ignore [ID\\|RULE]` | says no more of it in this pull request |
| `/asyncify pause` | stops the automatic reviews of this pull request |
| `/asyncify resume` | ends the pause; where there is none, takes back what was ignored |
| `/asyncify config` | shows the settings in force and where each comes from |
| `/asyncify help` | shows this |

In a thread of asyncify, `fix`, `explain` and `ignore` mean its finding. IDs stand in the comments and in the check run."""

CLOSED = "This pull request is closed."
LOCKED = "This conversation is locked."
QUEUED = "This pull request is in the merge queue: a commit would throw it out."
NOT_OURS = "This branch is in a fork that asyncify cannot write to."
NO_PERMISSION = "This installation of asyncify may not commit: it lacks the permission `contents: write`."
NO_BRANCH = "The branch of this pull request is gone."
DEFAULT_BRANCH = (
    "The branch of this pull request is the default branch of its repository: asyncify does not commit to that."
)
MOVED = "The branch moved while the fixes were made, again and again. Ask once more when it is quiet."
NOT_ANALYSED = "This pull request could not be analysed; the check run says why."
UNKNOWN = "`{name}` is neither a rule nor the id of a finding here."
IDS = "IDs stand in the comments and in the check run."
WHICH = f"Say which one: `/asyncify {{verb}} ID`, or answer in its thread. {IDS}"
GONE = "What this thread speaks of is not there any more."
MAY_REVIEW = "Only the author of this pull request and people with write access can ask for that."
MAY_WRITE = "This takes write access to `{repository}`."
WENT_WRONG = "Something went wrong on our side, and asking again may help."


def write_reply(texts: Iterable[str], head: str, answer: str) -> str:
    """One comment that answers all commands of another one."""
    return "\n\n".join([*dict.fromkeys(filter(None, texts)), write_marker((), head, answer=answer)])


def write_pressed(verb: str, login: str) -> str:
    """What is answered, where there is no comment above the answer that tells."""
    button = RERUN if verb == "rerun" else FIX_ALL
    return f"{code(login)} pressed *{button.label}*."


def write_not_analysed(reason: str) -> str:
    """Why there is no answer, in one sentence of the analysis."""
    return f"This pull request could not be analysed. {prose(reason)}"


def write_unknown_name(name: str) -> str:
    """What was named is no rule and no id; the nearest rule may have been meant."""
    near = get_close_matches(name, all_rules(), n=1)
    meant = f" Did you mean `{near[0]}`?" if near else ""
    return write_unknown(f"{UNKNOWN.format(name=name)}{meant}")


def write_problem(problem: str) -> str:
    return f"{prose(problem)} `/asyncify help` lists the commands."


def write_unknown(problem: str) -> str:
    """Why what was named means nothing."""
    return f"{prose(problem)} {IDS}"


def write_config(config: RepositoryConfig) -> str:
    """The settings in force, and where each comes from."""
    rows = [f"| {code(key)} | {_value(config, key)} | {_origin(config, key)} |" for key in keys()]
    problems = [f"- {prose(problem)}" for problem in config.problems[:MAX_LISTED]]
    table = "\n".join(["| setting | value | from |", "| --- | --- | --- |", *rows])
    return "\n\n".join(filter(None, [table, "\n".join(problems)]))


def _value(config: RepositoryConfig, key: str) -> str:
    value = getattr(config, key.replace("-", "_"))
    shown = "all" if key == "select" and not value else _shown(value)
    return prose(f"`{shown}`", table=True)


def _shown(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case None:
            return "never"
        case Mapping():
            return (
                ", ".join(name if one is None else f"{name} = {one}" for name, one in sorted(value.items())) or "none"
            )
        case frozenset() | tuple() | list():
            return ", ".join(map(str, sorted(value))) or "none"
        case _ if hasattr(value, "pull_request"):
            return f"{value.review} a review, {value.pull_request} a pull request"
    return str(value)


def _origin(config: RepositoryConfig, key: str) -> str:
    return prose(config.origins.get(key, "built-in"), table=True)


def explain_rule(rule: Rule) -> str:
    """Why a rule is there, and how far its fixes can be trusted. The page is ours, and so may be Markdown."""
    parts = [f"**{code(rule.name)}** {rule.title}", rule.section("Why is this bad?")]
    safety = rule.section("Fix safety")
    return "\n\n".join([*filter(None, parts), *([f"**The fix.** {safety}"] if safety else [])])


def explain_finding(finding: Finding, name: str, pull: PullRequest) -> str:
    """Why it is one, what its fix changes, and what stays."""
    rule = all_rules().get(finding.rule)
    where = f"{code(name)} at {link(finding.path, finding.span.line, pull)}: {prose(finding.message)}"
    why = rule.section("Why is this bad?") if rule else ""
    stays = rule.section("Fix safety") if rule else ""
    return "\n\n".join(
        filter(None, [where, why, *_what_changes(finding, name), f"**What stays.** {stays}" if stays else ""])
    )


def _what_changes(finding: Finding, name: str) -> Iterator[str]:
    if finding.fix is None:
        yield prose(finding.advice)
        return
    fix = finding.fix
    points = [f"{prose(fix.title).rstrip('.')}. {EFFECTS[fix.way]}".rstrip(), *map(prose, fix.notes)]
    yield "**What changes.** " + " ".join(points)
    yield how_to_apply(name, fix)


def write_message(made: Made, command: str, trailers: Sequence[str]) -> Message:
    """The message of the commit that makes fixes."""
    count = len(made.done)
    noun = "fix" if count == 1 else "fixes"
    lines = [f"- {one.fingerprint[:8]} {one.path}:{one.span.line} {fix.title}" for one, fix in made.done[:MAX_LISTED]]
    lines += [f"- and {count - MAX_LISTED} more"] if count > MAX_LISTED else []
    needs = [f"Needs {one}" for one in made.requires]
    body = "\n".join(map(_quiet, [*lines, *needs]))
    return Message(f"asyncify: keep the event loop free ({count} {noun})", body, command, tuple(trailers))


def _quiet(line: str) -> str:
    """One line that mentions nobody, closes no issue and keeps no check from running.

    https://docs.github.com/actions/how-tos/manage-workflow-runs/skip-workflow-runs
    """
    return " ".join(_LOUD.sub("", line).split())


def co_author(login: str, number: int, page: str) -> str:
    """The trailer that names who asked: https://docs.github.com/account-and-profile/reference/email-addresses-reference."""
    host = page.split("/")[2] if page.count("/") > 2 else "github.com"
    return f"Co-authored-by: {login} <{number}+{login}@users.noreply.{host}>"


def write_left(made: Made, way: str, ids: Mapping[str, str]) -> str:
    """Why something that was asked for was not done, and what a person has to add. `ids` are short names by fingerprint."""
    lines = [
        f"- {code(ids.get(one.fingerprint, one.fingerprint))} {prose(_why_not(fix, way))}"
        for one, fix in made.left[:MAX_LISTED]
    ]
    more = len(made.left) - MAX_LISTED
    lines += [f"- and {more} more"] if more > 0 else []
    left = "\n".join([f"Not fixed{'' if made.done else ', so nothing was committed'}:", "", *lines]) if lines else ""
    needs = f"Add to the requirements: {', '.join(map(code, made.requires))}." if made.done and made.requires else ""
    return "\n\n".join(filter(None, [left, needs]))


def _why_not(fix: Fix | None, way: str) -> str:
    """Why a finding was left as it is, given the fix that it might have got."""
    if fix is None:
        return f"has no fix of the kind `{way}`." if way else "has no fix that could be proved."
    if fix.applicability is Applicability.UNSAFE:
        notes = " ".join(fix.notes[:2])
        return f"would behave differently: {notes} `--unsafe` makes it all the same."
    return "cannot be fixed together with the others. Ask for it once more."


def write_patch(reason: str, patch: str, *, fork: bool) -> str:
    """What a person can do with fixes that we may not commit."""
    advice = "Commit the suggestions of the review as a batch, or apply this patch with `git apply`."
    if not fork:
        advice = "This patch makes them, with `git apply`."
    if len(patch.encode()) > MAX_PATCH:
        return f"{reason} The fixes are too many to be shown here."
    return f"{reason} {advice}\n\n{folded('The fixes as a patch', [fenced('diff', patch)])}"


def write_refused(said: str) -> str:
    return f"GitHub does not take a commit to this branch: {prose(said)}"


def too_much(files: int) -> str:
    return f"The fixes change {files} files, which is too much for one commit. Name some: `/asyncify fix PATH`."
