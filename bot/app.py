"""The bot put together: the only file that knows all parts."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from enum import StrEnum
from typing import Any

import aiohttp
import msgspec
import sqlalchemy as sa
import structlog
from aiohttp.web import Application, AppRunner, TCPSite

from bot import answering, installations, intake, queue, recovery
from bot import web as pages
from bot.analysis import Analyst
from bot.config import OPERATOR_NAME, Layer, load_config
from bot.duties import Duties
from bot.errors import RetryLater, SettingsError
from bot.events import Asked, InstallationChanged
from bot.github import GitHub
from bot.lanes import Job
from bot.logs import configure_logs, redact
from bot.models import PullRef
from bot.pace import Pace
from bot.review import Outcome, Tools, give_up, review
from bot.settings import Credentials, Settings, require_credentials, require_shared_database
from bot.standing import Inherited
from bot.store import Store
from bot.wire import passes
from bot.wizard import Wizard
from bot.worker import Worker

DRAIN_SECONDS = 10
"""How long running jobs may go on after the process was told to stop. What is left then goes on in the next process."""

CHECK_SECONDS = 5.0

OUTAGE_SECONDS = 60.0
"""How soon a job asks again after GitHub did not answer; it waits longer each time."""

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Role(StrEnum):
    """What a process does: take deliveries in, or do what they ask for."""

    WEB = "web"
    WORKER = "worker"


def serve(settings: Settings) -> None:
    """`asyncify serve`: both in one process, until it is told to stop. Raises SettingsError where it cannot start."""
    asyncio.run(run(settings, frozenset(Role)))


def web(settings: Settings) -> None:
    """`asyncify web`: takes deliveries in until it is told to stop. Raises SettingsError where it cannot start."""
    require_shared_database(settings, "web")
    asyncio.run(run(settings, frozenset({Role.WEB})))


def worker(settings: Settings) -> None:
    """`asyncify worker`: reviews until it is told to stop. Raises SettingsError where it cannot start."""
    require_shared_database(settings, "worker")
    require_credentials(settings)
    asyncio.run(run(settings, frozenset({Role.WORKER})))


async def run(settings: Settings, roles: frozenset[Role]) -> None:
    """Do what the roles ask for until SIGTERM or SIGINT comes."""
    configure_logs(settings.log_level)
    told_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    if settings.credentials is None:
        settings = await _set_up(settings, told_to_stop)
    if settings.credentials is not None:
        async with _parts(settings, settings.credentials, roles):
            log.info("started", roles=sorted(roles))
            await told_to_stop.wait()
            log.info("stopping")
    log.info("stopped")


async def _set_up(settings: Settings, told_to_stop: asyncio.Event) -> Settings:
    """The settings with the credentials that the wizard stored; as they were, if the process was told to stop instead."""
    wizard = Wizard(settings)
    stopped = asyncio.create_task(told_to_stop.wait())
    async with _listening(settings, _set_up_pages(wizard)):
        await asyncio.wait((stopped, wizard.done), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    return wizard.done.result() if wizard.done.done() else settings


@asynccontextmanager
async def _parts(settings: Settings, credentials: Credentials, roles: frozenset[Role]) -> AsyncIterator[None]:
    """What the roles need, stopped in the opposite order: first no more deliveries, then no more reviews."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(_storing(settings))
        deliveries = await asyncio.to_thread(queue.Deliveries, settings.database_url, store)
        stack.push_async_callback(deliveries.close)
        if Role.WORKER in roles:
            await stack.enter_async_context(_reviewing(settings, credentials, store, deliveries))
        if Role.WEB in roles:
            await stack.enter_async_context(_listening(settings, _pages(credentials, store, deliveries)))
        elif settings.port_given:
            await stack.enter_async_context(_listening(settings, _worker_pages(store)))
        yield


@asynccontextmanager
async def _storing(settings: Settings) -> AsyncIterator[Store]:
    store = Store(settings.database_url)
    try:
        await asyncio.to_thread(queue.migrate, settings.database_url, store)
        yield store
    except sa.exc.OperationalError as error:
        raise SettingsError(
            (f"DATABASE_URL names a database that cannot be used: {redact(str(error.orig))}",)
        ) from error
    finally:
        await store.close()


@asynccontextmanager
async def _reviewing(
    settings: Settings, credentials: Credentials, store: Store, deliveries: queue.Deliveries
) -> AsyncIterator[None]:
    analyst = Analyst()
    async with aiohttp.ClientSession() as session:
        github = GitHub(
            session,
            app_id=str(credentials.app_id),
            private_key=credentials.private_key,
            api_url=settings.api_url,
            pace=Pace(store),
        )
        tools = Tools(github, store, analyst, _inherited(settings))

        jobs = await Worker(settings.database_url, store, _duties(github, store, deliveries, tools)).start()
        try:
            yield
        finally:
            await jobs.stop(DRAIN_SECONDS)
            await analyst.close()


def _inherited(settings: Settings) -> Inherited:
    """What the operator sets for all repositories. Raises SettingsError for every mistake in it."""
    if settings.operator_config is None:
        return Inherited()
    layer = Layer(OPERATOR_NAME, settings.operator_config)
    if problems := load_config([layer]).problems:
        raise SettingsError(problems)
    return Inherited((layer,))


def _duties(github: GitHub, store: Store, deliveries: queue.Deliveries, tools: Tools) -> Duties:
    async def work(ref: PullRef, _delivery: str) -> Outcome:
        async with _through_outages():
            await installations.admit(ref.installation, github, store)
            return await review(ref, tools)

    async def command(ref: PullRef, delivery: str, asked: Mapping[str, Any]) -> str:
        async with _through_outages():
            await installations.admit(ref.installation, github, store)
            return await _answer(msgspec.convert(asked, Asked), delivery, tools, deliveries)

    async def acknowledge(job: Job) -> None:
        await installations.admit(job.ref.installation, github, store)
        await answering.acknowledge(msgspec.convert(job.command, Asked), tools)

    async def update(change: InstallationChanged) -> bool:
        return await installations.update(change, github, store, deliveries.enqueue)

    async def tell(job: Job, reason: str) -> None:
        if job.command is not None:
            await answering.give_up(msgspec.convert(job.command, Asked), job.delivery, tools)
        else:
            await give_up(job.ref, tools, reason)

    async def recover() -> None:
        await recovery.recover(github, store, deliveries.enqueue, deliveries.held)

    return Duties(review=work, command=command, update=update, give_up=tell, recover=recover, acknowledge=acknowledge)


async def _answer(asked: Asked, delivery: str, tools: Tools, deliveries: queue.Deliveries) -> str:
    """Do what was asked for; where the pull request is not known yet, find it and put the command into its lane."""
    if asked.ref.number:
        return await answering.answer(asked, delivery, tools)
    ref = await answering.pull_with(asked, tools)
    if ref is None:
        return "of no pull request"
    await deliveries.enqueue(f"{delivery}-found", replace(asked, ref=ref))
    return "handed on"


@asynccontextmanager
async def _through_outages() -> AsyncIterator[None]:
    """Raises RetryLater where GitHub does not answer."""
    try:
        yield
    except Exception as error:
        if not passes(error):
            raise
        raise RetryLater(OUTAGE_SECONDS, f"GitHub does not answer: {error}") from error


@asynccontextmanager
async def _listening(settings: Settings, application: Application) -> AsyncIterator[None]:
    runner = AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await _listen(runner, settings)
        yield
    finally:
        await runner.cleanup()


async def _listen(runner: AppRunner, settings: Settings) -> None:
    try:
        await TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        raise SettingsError((f"HOST and PORT name an address that cannot be used: {error.strerror}",)) from error


def _pages(credentials: Credentials, store: Store, deliveries: queue.Deliveries) -> Application:
    application = _public_pages()
    application.router.add_get("/", pages.home)
    intake.add_to(application, credentials, deliveries.enqueue)
    application[pages.JOBS] = deliveries.jobs
    application[pages.OLDEST] = deliveries.oldest
    application[pages.OBSTACLE] = _obstacle(store)
    return application


def _worker_pages(store: Store) -> Application:
    """How a worker is: for those who watch over it. The jobs are counted by the web processes."""
    application = _public_pages()
    application[pages.OBSTACLE] = _obstacle(store)
    return application


def _obstacle(store: Store) -> pages.Obstacle:
    async def obstacle() -> str | None:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await store.check()
        except (sa.exc.SQLAlchemyError, TimeoutError) as error:
            log.warning("not ready", problem=str(error))
            return "The database does not answer."
        return None

    return obstacle


def _set_up_pages(wizard: Wizard) -> Application:
    application = _public_pages()
    application.router.add_get("/", pages.home)
    application.router.add_post("/webhook", pages.refuse_delivery)
    wizard.add_to(application)

    async def obstacle() -> str:
        return "No GitHub App is set up yet: see /setup."

    application[pages.OBSTACLE] = obstacle
    return application


def _public_pages() -> Application:
    application = Application(client_max_size=intake.LARGEST_BODY)
    application.router.add_get("/healthz", pages.healthz)
    application.router.add_get("/readyz", pages.readyz)
    application.router.add_get("/metrics", pages.metrics)
    return application
