"""What the fixes of sessions of one analysis are made with, and the sessions that dependencies give."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from rules.core.contexts import Contexts
from rules.core.facts import Parameter
from rules.core.findings import Fix
from rules.core.fixes.calm import Calm
from rules.core.fixes.sessions.loading import Loading
from rules.core.fixes.sessions.models import Models
from rules.core.fixes.sessions.rows import Flow, Lost
from rules.core.fixes.sessions.stacks import Stacks, Unlike
from rules.core.fixes.texts import Texts
from rules.core.fixes.turning import Refused
from rules.core.library import Sessions
from rules.core.values import ProjectFunction, Where


class Held(msgspec.Struct, frozen=True):
    """A session that a function is given: the name of the parameter, what is known of such sessions, where it comes from."""

    name: str
    row: Sessions
    dependency: ProjectFunction


@dataclass(slots=True)
class Desk:
    """What such fixes of one analysis are made with."""

    contexts: Contexts
    texts: Texts
    calm: Calm
    stacks: Stacks = field(init=False)
    models: Models = field(init=False)
    made: dict[tuple[ProjectFunction, str], Fix | str] = field(default_factory=dict)
    flows: dict[tuple[ProjectFunction, str], Flow] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stacks = Stacks(self.contexts)
        self.models = Models(self.contexts)

    def made_once(
        self, key: tuple[ProjectFunction, str], make: Callable[[], Fix], refuse: Callable[[str], None]
    ) -> Fix | None:
        """The fix for a session, however many findings it stands for; where it is refused, `refuse` is told why each time."""
        if key not in self.made:
            try:
                self.made[key] = make()
            except (Refused, Unlike, LookupError) as refusal:
                self.made[key] = str(refusal.args[0])
        made = self.made[key]
        if isinstance(made, str):
            refuse(made)
            return None
        return made

    def given_back(self, helper: ProjectFunction, row: Sessions) -> Lost:
        """What the rows have lost that a helper returns which commits."""
        facts = self.contexts.project.function(helper)
        document = self.texts.document(helper.path)
        definition = document.function_at(facts.line) if document is not None else None
        if document is None or definition is None or not facts.parameters:
            return Lost.COMMITTED
        name = facts.parameters[1 if facts.owner >= 0 and len(facts.parameters) > 1 else 0].name
        loading = Loading(self.contexts, self.models, self.calm, helper)
        flow = Flow(name, loading.rows(name, with_given=True), row, document)
        flow.follow(definition)
        return flow.gives


def given_by(parameter: Parameter, where: Where, desk: Desk) -> Held | None:
    """The session that a dependency gives for a parameter."""
    project = desk.contexts.project
    dependency = project.dependency(parameter, where)
    if not isinstance(dependency, ProjectFunction):
        return None
    row = project.knowledge.sessions.get(desk.stacks.given_by(dependency))
    return Held(parameter.name, row, dependency) if row is not None else None
