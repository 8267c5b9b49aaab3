"""Brokers and task queues on the event loop."""

import pytest

from rules import Applicability, Way
from tests.rules.checking import assert_clean, assert_fixes, assert_unfixed, found, with_app

RULE = "clients/brokers"
ENDPOINT = '@app.get("/")\nasync def home(x=1):\n    '
CELERY = "from celery import Celery, chain, shared_task\n\ntasks = Celery('x')"
TASK = f"{CELERY}\n\n\n@tasks.task\ndef send(address): ..."


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        (CELERY, "tasks.send_task('x')"),
        (CELERY, "tasks.AsyncResult('x').get(timeout=3)"),
        (CELERY, "tasks.send_task('x').get()"),
        (CELERY, "tasks.control.inspect().active()"),
        (CELERY, "chain().apply_async()"),
        ("from celery.result import AsyncResult", "AsyncResult('x', app=tasks).ready()"),
        ("from celery import Task", "task: Task = make()\n    task.delay(x)"),
        (TASK, "send.delay('x')"),
        (TASK, "send.apply_async(('x',), countdown=3)"),
        (TASK.replace("@tasks.task", "@tasks.task(bind=True)"), "send.delay('x')"),
        ("import dramatiq\n\n\n@dramatiq.actor\ndef work(): ...", "work.send('x')"),
        ("from kafka import KafkaProducer", "KafkaProducer().send('x', b'y').get(timeout=3)"),
        ("from kafka import KafkaProducer", "KafkaProducer().flush()"),
        ("from confluent_kafka import Producer", "Producer({}).flush()"),
        ("from confluent_kafka import Consumer", "Consumer({}).poll(1.0)"),
        ("import pika", "pika.BlockingConnection(pika.URLParameters('x'))"),
        ("import pika", "c: pika.BlockingConnection = make()\n    c.channel().basic_publish('x', 'y', b'')"),
        ("from rq import Queue", "Queue(connection=x).enqueue('jobs.run')"),
        ("from rq.job import Job", "Job.fetch('x', connection=x)"),
        ("from kombu import Producer", "Producer(x).publish({})"),
    ],
)
def test_each_broker(imports: str, call: str) -> None:
    before = with_app(imports, f"{ENDPOINT}{call}\n")
    assert_fixes(RULE, before, before.replace("async def", "def"))


STARTING = """
def start(x):
    return {call}


@app.get("/")
async def home(request: Request, x: int):
    await request.body()
    return start(x)
"""
OF_THREAD = [
    (CELERY, "AsyncResult('x').ready()"),
    (CELERY, "signature('send').delay()"),
    (TASK.replace("@tasks.task", "@shared_task"), "send.delay(x)"),
    (TASK.replace("@tasks.task", "@shared_task"), "send.si('x').delay()"),
]


@pytest.mark.parametrize(("imports", "call"), OF_THREAD)
def test_what_asks_for_the_application_of_its_thread_stays_in_it(imports: str, call: str) -> None:
    """In a worker thread Celery has none, and sends to a broker that is not there."""
    above = "from celery import signature\nfrom celery.result import AsyncResult\nfrom fastapi import Request"
    source = with_app(f"{above}\n{imports}", STARTING.format(call=call))
    assert_unfixed(RULE, source)
    (finding,) = found(RULE, source)
    assert finding.advice.endswith(
        "Say which application is meant, as `AsyncResult(id, app=tasks)` or `@tasks.task` do."
    )
    direct = source.replace("    await request.body()\n", "").replace("return start(x)", f"return {call}")
    assert_unfixed(RULE, direct, way=Way.REVERSE)


@pytest.mark.parametrize(("imports", "call"), OF_THREAD)
def test_an_application_that_is_set_for_all_is_that_of_each_thread(imports: str, call: str) -> None:
    above = "from celery import signature\nfrom celery.result import AsyncResult\nfrom fastapi import Request"
    (finding,) = found(RULE, with_app(f"{above}\n{imports}", f"tasks.set_default()\n{STARTING.format(call=call)}"))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


@pytest.mark.parametrize(
    "call", ["AsyncResult('x', app=tasks).ready()", "tasks.AsyncResult('x').ready()", "send.delay(x)"]
)
def test_what_is_told_its_application_may_go_to_a_thread(call: str) -> None:
    above = "from celery.result import AsyncResult\nfrom fastapi import Request"
    (finding,) = found(RULE, with_app(f"{above}\n{TASK}", STARTING.format(call=call)))
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


def test_a_queue_of_another_file() -> None:
    before = with_app("", f"from app.jobs import queue\n\n\n{ENDPOINT}return queue.enqueue('jobs.run').id\n")
    jobs = "from redis import Redis\nfrom rq import Queue\n\nqueue = Queue(connection=Redis())\n"
    files = {"app/__init__.py": "", "app/jobs.py": jobs}
    assert_fixes(RULE, before, before.replace("async def", "def"), files=files)


@pytest.mark.parametrize(
    "body",
    [
        "return send('x')",
        "return send.name",
        "return Producer({}).produce('x', b'y')",
        "return Producer({}).poll(0)",
        "return Consumer({}).poll(0)",
        "return Consumer({}).poll(timeout=0)",
        "return KafkaProducer().send('x', b'y')",
        "return await AIOKafkaProducer().send_and_wait('x', b'y')",
        "return pika.ConnectionParameters('x')",
        "return await aio_pika.connect_robust('x')",
        "return queue.Queue().get_nowait()",
        "await run_in_threadpool(tasks.send_task, 'x')",
        "await run_in_threadpool(send.delay, 'x')",
        "return unknown.delay('x')",
        "return unknown.send_task('x')",
        "background.add_task(send, 'x')",
    ],
)
def test_left_alone(body: str) -> None:
    imports = f"""
import queue

import aio_pika
import pika
from aiokafka import AIOKafkaProducer
from confluent_kafka import Consumer, Producer
from fastapi.concurrency import run_in_threadpool
from kafka import KafkaProducer

from elsewhere import background, unknown
{TASK}
"""
    assert_clean(RULE, with_app(imports, f"\n\n{ENDPOINT}{body}\n"))


def test_a_plain_endpoint_and_a_test_are_left_alone() -> None:
    source = with_app(CELERY, f"{ENDPOINT}tasks.send_task('x')\n")
    assert_clean(RULE, source.replace("async def", "def"))
    assert_clean(RULE, source, path="tests/test_app.py")
