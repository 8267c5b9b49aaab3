"""How a job may end other than well. Anything else that is raised is unexpected: retried, then parked."""


class RetryLater(Exception):  # noqa: N818 -- it is no error: the job only waits
    """The job cannot go on now and runs again in `seconds`; `reason` is one sentence for the log."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(f"{reason} (again in {seconds:.0f} s)")
        self.seconds = seconds
        self.reason = reason


class Limited(RetryLater):
    """GitHub wants to hear nothing from this installation for so many seconds."""


class Dropped(Exception):  # noqa: N818 -- it is no error: there is nothing left to do
    """The job will never be done, and that is right: the pull request or our access to it is gone."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MalformedPayload(ValueError):  # noqa: N818 -- it names what came, as the answer to GitHub does
    """What GitHub sent does not have the shape that its documentation promises."""


class SettingsError(ValueError):
    """The environment cannot be used; `problems` names each variable that is missing or wrong."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class NotStored(Exception):  # noqa: N818 -- it names what happened to the delivery
    """A delivery could not be stored: whoever sent it must not believe that it was."""
