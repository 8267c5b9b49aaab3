"""Brokers and task queues: Celery, Kafka, RabbitMQ, RQ, Dramatiq, Kombu.

https://docs.celeryq.dev/en/stable/userguide/calling.html, https://kafka-python.readthedocs.io/,
https://docs.confluent.io/platform/current/clients/confluent-kafka-python/html/, https://pika.readthedocs.io/,
https://python-rq.org/docs/, https://dramatiq.io/ and https://docs.celeryq.dev/projects/kombu/en/stable/
"""

from rules.core.facts import Constant, Function, Site
from rules.core.library import Blocking, Library

_RULE = "clients/brokers"
_CELERY, _TASK, _SIGNATURE, _RESULT = (
    "celery.Celery",
    "celery.Task",
    "celery.canvas.Signature",
    "celery.result.AsyncResult",
)
_INSPECT = "celery.app.control.Inspect"
_KAFKA_PRODUCER, _KAFKA_CONSUMER = "kafka.KafkaProducer", "kafka.KafkaConsumer"
_KAFKA_SENT, _CONSUMER = "kafka.producer.future.FutureRecordMetadata", "confluent_kafka.Consumer"
_PIKA, _CHANNEL = "pika.BlockingConnection", "pika.adapters.blocking_connection.BlockingChannel"
_QUEUE, _ACTOR = "rq.Queue", "dramatiq.Actor"


def may_wait(site: Site, _function: Function) -> bool:
    """Whether a poll waits for a message: with a timeout of 0 it only looks."""
    given = dict(site.call.keywords).get("timeout", site.call.arguments[0] if site.call.arguments else None)
    return not (isinstance(given, Constant) and given.value == 0)


library = Library(
    "Brokers",
    blocking=(
        Blocking(_RULE, tuple(f"{owner}.{name}" for owner in (_TASK, _SIGNATURE) for name in ("delay", "apply_async"))),
        Blocking(_RULE, (f"{_CELERY}.send_task",)),
        Blocking(
            _RULE, tuple(f"{_RESULT}.{name}" for name in ("get", "wait", "ready", "successful", "failed", "revoke"))
        ),
        Blocking(_RULE, tuple(f"celery.result.GroupResult.{name}" for name in ("get", "join", "join_native", "ready"))),
        Blocking(
            _RULE,
            (
                *(f"{_INSPECT}.{name}" for name in ("active", "stats", "ping", "reserved", "scheduled", "registered")),
                *(f"{_CELERY}.control.{name}" for name in ("ping", "revoke", "broadcast", "purge")),
            ),
        ),
        Blocking(_RULE, (f"{_KAFKA_PRODUCER}.flush", f"{_KAFKA_SENT}.get", f"{_KAFKA_CONSUMER}.commit")),
        Blocking(_RULE, (f"{_KAFKA_CONSUMER}.poll", f"{_CONSUMER}.poll", f"{_CONSUMER}.consume"), when=may_wait),
        Blocking(_RULE, ("confluent_kafka.Producer.flush",)),
        Blocking(_RULE, (_PIKA, f"{_PIKA}.channel", f"{_PIKA}.process_data_events")),
        Blocking(
            _RULE,
            tuple(
                f"{_CHANNEL}.{name}"
                for name in (
                    *("basic_publish", "basic_get", "queue_declare", "queue_bind", "queue_delete", "queue_purge"),
                    *("exchange_declare", "start_consuming", "confirm_delivery", "basic_qos", "basic_consume"),
                )
            ),
        ),
        Blocking(
            _RULE,
            tuple(
                f"{_QUEUE}.{name}"
                for name in (
                    "enqueue",
                    "enqueue_call",
                    "enqueue_in",
                    "enqueue_at",
                    "enqueue_many",
                    "fetch_job",
                    "empty",
                )
            ),
        ),
        Blocking(_RULE, ("rq.job.Job.fetch", "rq.job.Job.cancel", "rq.job.Job.refresh")),
        Blocking(_RULE, (f"{_ACTOR}.send", f"{_ACTOR}.send_with_options")),
        Blocking(_RULE, ("kombu.Producer.publish", "kombu.Connection.drain_events")),
    ),
    aliases={
        "celery.app.base.Celery": _CELERY,
        "celery.app.task.Task": _TASK,
        "celery.app.shared_task": "celery.shared_task",
        "celery.Signature": _SIGNATURE,
        "kafka.producer.kafka.KafkaProducer": _KAFKA_PRODUCER,
        "kafka.consumer.group.KafkaConsumer": _KAFKA_CONSUMER,
        "pika.adapters.blocking_connection.BlockingConnection": _PIKA,
        "rq.queue.Queue": _QUEUE,
        "rq.job.Job": "rq.job.Job",
        **{f"cimpl.{name}": f"confluent_kafka.{name}" for name in ("Producer", "Consumer")},
        "kombu.messaging.Producer": "kombu.Producer",
        "kombu.connection.Connection": "kombu.Connection",
    },
    # An application is current in the thread that has made it; in others there is one without a broker, unless `set_default` was
    # called: https://github.com/celery/celery/blob/main/celery/_state.py, https://github.com/celery/celery/issues/6707
    current=frozenset(
        {"celery.shared_task", "celery.current_app.*", _RESULT, "celery.result.GroupResult", "celery.signature"}
    ),
    results={
        f"{_CELERY}.task": _TASK,
        "celery.shared_task": _TASK,
        **{f"{owner}.{name}": _RESULT for owner in (_TASK, _SIGNATURE) for name in ("delay", "apply_async")},
        **{f"{_TASK}.{name}": _SIGNATURE for name in ("s", "si", "signature", "subtask")},
        **{f"celery.{name}": _SIGNATURE for name in ("chain", "group", "chord", "signature")},
        f"{_SIGNATURE}.set": _SIGNATURE,
        f"{_CELERY}.send_task": _RESULT,
        f"{_CELERY}.signature": _SIGNATURE,
        f"{_CELERY}.AsyncResult": _RESULT,
        f"{_TASK}.AsyncResult": _RESULT,
        f"{_CELERY}.control.inspect": _INSPECT,
        f"{_KAFKA_PRODUCER}.send": _KAFKA_SENT,
        f"{_PIKA}.channel": _CHANNEL,
        **{f"{_QUEUE}.{name}": "rq.job.Job" for name in ("enqueue", "enqueue_call", "fetch_job")},
        "rq.job.Job.fetch": "rq.job.Job",
        "dramatiq.actor": _ACTOR,
        "kombu.Connection.Producer": "kombu.Producer",
    },
    exclusive=frozenset({_PIKA, _CHANNEL, _KAFKA_CONSUMER}),  # https://pika.readthedocs.io/en/stable/faq.html
)
