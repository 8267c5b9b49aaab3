"""What is known, family by family, by the names that people write: nobody takes a row away unseen."""

import pytest

from rules.core.catalog import all_libraries
from rules.core.knowledge import Knowledge

BLOCKS = {
    "sleeping": "time.sleep tenacity.Retrying",
    "requests": "requests.get requests.post requests.request requests.Session.get requests.Session.send "
    "requests_oauthlib.OAuth2Session.fetch_token niquests.get niquests.Session.post",
    "httpx": "httpx.get httpx.stream httpx.Client.request httpx.Client.stream httpx2.get httpx2.Client.send",
    "urllib": "urllib.request.urlopen urllib.request.urlretrieve urllib3.request urllib3.PoolManager.request "
    "urllib3.ProxyManager.request http.client.HTTPSConnection.getresponse httplib2.Http.request",
    "identity": "jwt.PyJWKClient.get_signing_key_from_jwt hvac.Client.read ldap3.Connection.search zeep.Client.service.Add",
    "files": "builtins.open io.open pathlib.Path.read_text pathlib.Path.write_bytes pathlib.Path.open pathlib.Path.rglob "
    "shutil.copyfileobj shutil.rmtree shutil.copytree shutil.make_archive os.walk glob.glob",
    "archives": "zipfile.ZipFile.extractall tarfile.TarFile.extractall tarfile.TarFile.add gzip.open",
    "uploads": "fastapi.UploadFile.file.read fastapi.UploadFile.file.readlines",
    "processes": "subprocess.run subprocess.call subprocess.check_call subprocess.check_output subprocess.getoutput "
    "subprocess.Popen.communicate subprocess.Popen.wait os.system os.popen.read os.wait os.waitpid os.spawnv",
    "sockets": "socket.getaddrinfo socket.gethostbyname socket.gethostbyaddr socket.getnameinfo socket.getfqdn "
    "socket.create_connection socket.socket.connect socket.socket.recv socket.socket.sendall ssl.SSLSocket.recv",
    "input": "builtins.input getpass.getpass",
    "sqlalchemy": "sqlalchemy.orm.Session.execute sqlalchemy.orm.Session.scalar sqlalchemy.orm.Session.scalars "
    "sqlalchemy.orm.Session.get sqlalchemy.orm.Session.get_one sqlalchemy.orm.Session.commit sqlalchemy.orm.Session.rollback "
    "sqlalchemy.orm.Session.flush sqlalchemy.orm.Session.refresh sqlalchemy.orm.Session.merge "
    "sqlalchemy.orm.Session.bulk_save_objects sqlalchemy.orm.Query.all sqlalchemy.orm.Query.first sqlalchemy.orm.Query.one "
    "sqlalchemy.orm.Query.count sqlalchemy.orm.Query.scalar sqlalchemy.orm.Query.get sqlalchemy.orm.Query.delete "
    "sqlalchemy.orm.Query.update sqlmodel.Session.exec sqlmodel.Session.commit sqlalchemy.engine.Engine.connect "
    "sqlalchemy.engine.Connection.execute sqlalchemy.orm.scoped_session.execute sqlalchemy.MetaData.create_all",
    "drivers": "sqlite3.Connection.execute sqlite3.Cursor.execute psycopg2.connect psycopg2.extensions.cursor.execute "
    "psycopg.connect psycopg.Connection.execute psycopg.Cursor.execute psycopg_pool.ConnectionPool.getconn pymysql.connect "
    "pymysql.cursors.Cursor.execute MySQLdb.connect mysql.connector.connect pyodbc.connect pyodbc.Cursor.fetchall "
    "oracledb.connect cx_Oracle.connect pymssql.connect clickhouse_connect.get_client clickhouse_driver.Client.execute "
    "snowflake.connector.connect duckdb.execute trino.dbapi.Cursor.execute",
    "mappers": "peewee.Model.get peewee.Model.create peewee.Model.save peewee.ModelSelect.count peewee.Database.execute_sql "
    "django.db.models.Model.save django.db.models.QuerySet.get django.db.models.Manager.create pynamodb.models.Model.get "
    "pynamodb.models.Model.query pony.orm.commit mongoengine.Document.save mongoengine.QuerySet.first",
    "redis": "redis.Redis.get redis.StrictRedis.get redis.RedisCluster.get redis.client.Pipeline.execute redis.lock.Lock.acquire "
    "redis.client.PubSub.listen redis.Sentinel.discover_master walrus.Database.get pymemcache.Client.get "
    "pymemcache.HashClient.set",
    "mongo": "pymongo.collection.Collection.find_one pymongo.collection.Collection.insert_one "
    "pymongo.collection.Collection.aggregate pymongo.cursor.Cursor.to_list pymongo.database.Database.command "
    "pymongo.MongoClient.list_database_names gridfs.GridFS.put gridfs.GridFSBucket.upload_from_stream",
    "search": "elasticsearch.Elasticsearch.search elasticsearch.helpers.bulk elasticsearch.helpers.scan "
    "opensearchpy.OpenSearch.search opensearchpy.helpers.bulk meilisearch.index.Index.search "
    "typesense.Client.collections.documents.search algoliasearch.search.client.SearchClientSync.search "
    "qdrant_client.QdrantClient.query_points weaviate.connect_to_local pinecone.Index.query neo4j.Session.run "
    "neo4j.Driver.execute_query influxdb_client.QueryApi.query chromadb.Collection.query pymilvus.MilvusClient.search "
    "cassandra.cluster.Session.execute",
    "aws": "botocore.client.BaseClient.get_object botocore.client.BaseClient.send_message botocore.waiter.Waiter.wait "
    "boto3.resources.base.ServiceResource.Table.get_item",
    "google": "google.cloud.storage.Blob.upload_from_string google.cloud.bigquery.Client.query "
    "google.cloud.firestore.DocumentReference.get google.cloud.firestore.Query.stream "
    "google.cloud.pubsub_v1.publisher.futures.Future.result firebase_admin.auth.verify_id_token "
    "firebase_admin.messaging.send_each",
    "azure": "azure.storage.blob.BlobClient.upload_blob azure.cosmos.ContainerProxy.read_item "
    "azure.keyvault.secrets.SecretClient.get_secret azure.servicebus.ServiceBusSender.send_messages",
    "minio": "minio.Minio.put_object minio.Minio.list_objects",
    "brokers": "celery.Task.delay celery.Task.apply_async celery.result.AsyncResult.get celery.Celery.send_task "
    "kafka.KafkaProducer.flush kafka.producer.future.FutureRecordMetadata.get confluent_kafka.Producer.flush "
    "confluent_kafka.Consumer.poll pika.BlockingConnection rq.Queue.enqueue dramatiq.Actor.send",
    "mail": "smtplib.SMTP.send_message smtplib.SMTP_SSL.login imaplib.IMAP4_SSL.search poplib.POP3.retr ftplib.FTP.retrbinary",
    "ssh": "paramiko.SSHClient.connect paramiko.SSHClient.exec_command paramiko.SFTPClient.put fabric.Connection.run "
    "pysftp.Connection.get",
    "grpc": "grpc.UnaryUnaryMultiCallable.__call__ grpc.Future.result",
    "models": "openai.OpenAI.chat.completions.create openai.AzureOpenAI.embeddings.create openai.OpenAI.responses.create "
    "openai.BedrockOpenAI.responses.parse openai.OpenAI.images.generate openai.OpenAI.audio.transcriptions.create "
    "openai.OpenAI.models.list openai.chat.completions.create anthropic.Anthropic.messages.create "
    "anthropic.AnthropicBedrock.messages.create anthropic.AnthropicVertex.messages.create anthropic.Anthropic.messages.stream "
    "groq.Groq.chat.completions.create cohere.Client.chat cohere.ClientV2.embed mistralai.client.Mistral.chat.complete "
    "mistralai.Mistral.chat.stream ollama.Client.chat ollama.chat google.genai.Client.models.generate_content "
    "litellm.completion litellm.embedding replicate.run tavily.TavilyClient.search "
    "google.generativeai.GenerativeModel.generate_content",
    "langchain": "langchain_core.language_models.BaseChatModel.invoke langchain_openai.ChatOpenAI.stream "
    "langchain_openai.ChatOpenAI.batch langchain_core.vectorstores.VectorStore.similarity_search "
    "langchain_core.vectorstores.VectorStore.add_documents langchain_core.retrievers.BaseRetriever.invoke "
    "langchain_core.retrievers.BaseRetriever.get_relevant_documents langgraph.graph.state.CompiledStateGraph.invoke "
    "langchain_community.chat_message_histories.RedisChatMessageHistory.add_message "
    "llama_index.core.base.base_query_engine.BaseQueryEngine.query llama_index.core.chat_engine.types.BaseChatEngine.chat "
    "llama_index.core.base.base_retriever.BaseRetriever.retrieve",
    "services": "stripe.Customer.create stripe._customer.Customer.create stripe.StripeClient.v1.customers.create "
    "stripe.StripeClient.payment_intents.retrieve twilio.rest.Client.messages.create slack_sdk.WebClient.chat_postMessage "
    "sendgrid.SendGridAPIClient.send plaid.api.plaid_api.PlaidApi.accounts_get braintree.BraintreeGateway.transaction.sale "
    "shopify.Order.find jira.JIRA.create_issue hvac.Client.secrets.kv.v2.read_secret_version docker.from_env "
    "github.Github.get_repo gspread.Worksheet.get_all_records",
    "waiting": "threading.Event.wait threading.Condition.wait_for threading.Barrier.wait threading.Semaphore.acquire "
    "multiprocessing.Event.wait queue.Queue.get queue.Queue.put queue.Queue.join queue.SimpleQueue.get multiprocessing.Queue.get "
    "concurrent.futures.Future.result concurrent.futures.wait concurrent.futures.as_completed "
    "concurrent.futures.ThreadPoolExecutor.map threading.Thread.join multiprocessing.Process.join "
    "multiprocessing.pool.Pool.map",
    "hashing": "bcrypt.hashpw bcrypt.checkpw bcrypt.kdf passlib.context.CryptContext.hash passlib.context.CryptContext.verify "
    "pwdlib.PasswordHash.hash argon2.PasswordHasher.verify hashlib.pbkdf2_hmac hashlib.scrypt",
    "computing": "pandas.read_csv pandas.DataFrame.to_excel polars.read_csv PIL.Image.Image.save openpyxl.load_workbook "
    "weasyprint.HTML.write_pdf torch.load transformers.Pipeline.__call__ cv2.imread numpy.loadtxt",
}

# What does not wait, however much it looks so: file metadata, locks held for a moment, lazy builders, what only signs.
LEFT_ALONE = """
os.path.exists os.path.getsize os.makedirs os.remove os.listdir os.stat pathlib.Path.exists pathlib.Path.stat
pathlib.Path.mkdir pathlib.Path.unlink pathlib.Path.iterdir tempfile.NamedTemporaryFile tempfile.mkdtemp
threading.Lock.acquire threading.RLock.acquire logging.Logger.info json.dumps json.load re.sub jwt.encode jwt.decode
bcrypt.gensalt hashlib.sha256 zipfile.ZipFile.namelist subprocess.Popen subprocess.Popen.poll os.popen socket.gethostname
requests.Session requests.Session.mount httpx.Client httpx.Client.close httpx.AsyncClient.get aiohttp.ClientSession.get
sqlalchemy.select sqlalchemy.orm.Session.add sqlalchemy.orm.Session.delete sqlalchemy.orm.Session.close
sqlalchemy.orm.Session.query sqlalchemy.orm.Query.filter sqlalchemy.ext.asyncio.AsyncSession.execute
sqlalchemy.create_engine sqlite3.connect sqlite3.Cursor.fetchall redis.Redis redis.Redis.pipeline redis.asyncio.Redis.get
redis.client.Pipeline.set pymongo.MongoClient pymongo.collection.Collection.find pymongo.AsyncMongoClient.server_info
motor.motor_asyncio.AsyncIOMotorCollection.find_one elasticsearch.AsyncElasticsearch.search
botocore.client.BaseClient.generate_presigned_url botocore.client.BaseClient.get_paginator
google.cloud.storage.Client.bucket google.cloud.pubsub_v1.PublisherClient.publish kafka.KafkaProducer.send
confluent_kafka.Producer.produce celery.Task.s openai.AsyncOpenAI.chat.completions.create openai.OpenAI.with_options
anthropic.AsyncAnthropic.messages.create mistralai.Mistral.chat.complete_async litellm.acompletion
langchain_openai.ChatOpenAI.ainvoke langchain_openai.ChatOpenAI.bind_tools langchain_core.prompts.ChatPromptTemplate.invoke
stripe.Customer.create_async stripe.Webhook.construct_event slack_sdk.WebClient.validate_slack_signature
slack_sdk.web.async_client.AsyncWebClient.chat_postMessage queue.Queue.get_nowait queue.Queue.qsize threading.Event.set
concurrent.futures.Future.done concurrent.futures.ThreadPoolExecutor.submit asyncio.sleep asyncio.Queue.get
pandas.DataFrame pandas.DataFrame.head polars.scan_csv PIL.Image.open time.time time.monotonic uuid.uuid4
"""

DEFINED = {  # where it is defined, as `inspect.getmodule` tells -> as people import it
    "requests.api.get": "requests.get",
    "requests.sessions.Session": "requests.Session",
    "httpx._api.get": "httpx.get",
    "httpx._client.Client": "httpx.Client",
    "httpx2._client.Client": "httpx2.Client",
    "urllib3.poolmanager.PoolManager": "urllib3.PoolManager",
    "sqlalchemy.orm.session.Session": "sqlalchemy.orm.Session",
    "sqlalchemy.orm.session.sessionmaker": "sqlalchemy.orm.sessionmaker",
    "sqlalchemy.orm.query.Query": "sqlalchemy.orm.Query",
    "sqlalchemy.orm.scoping.scoped_session": "sqlalchemy.orm.scoped_session",
    "sqlalchemy.engine.create.create_engine": "sqlmodel.create_engine",
    "sqlalchemy.ext.asyncio.session.AsyncSession": "sqlalchemy.ext.asyncio.AsyncSession",
    "sqlalchemy.ext.asyncio.session.async_sessionmaker": "sqlalchemy.ext.asyncio.async_sessionmaker",
    "sqlalchemy.ext.asyncio.engine.create_async_engine": "sqlalchemy.ext.asyncio.create_async_engine",
    "sqlmodel.orm.session.Session": "sqlmodel.Session",
    "redis.client.Redis": "redis.StrictRedis",
    "redis.utils.from_url": "redis.from_url",
    "redis.cluster.RedisCluster": "redis.RedisCluster",
    "pymongo.synchronous.mongo_client.MongoClient": "pymongo.MongoClient",
    "pymongo.synchronous.collection.Collection": "pymongo.collection.Collection",
    "pymongo.synchronous.database.Database": "pymongo.database.Database",
    "pymongo.synchronous.cursor.Cursor": "pymongo.cursor.Cursor",
    "psycopg.connection.Connection": "psycopg.Connection",
    "pymysql.connections.Connection": "pymysql.Connection",
    "_sqlite3.connect": "sqlite3.connect",
    "boto3.session.Session": "boto3.Session",
    "openai.lib.azure.AzureOpenAI": "openai.AzureOpenAI",
    "openai._client.OpenAI": "openai.OpenAI",
    "anthropic._client.Anthropic": "anthropic.Anthropic",
    "mistralai.client.sdk.Mistral": "mistralai.client.Mistral",
    "cohere.client.Client": "cohere.Client",
    "cohere.client_v2.ClientV2": "cohere.ClientV2",
    "stripe._customer.Customer": "stripe.Customer",
    "slack_sdk.web.client.WebClient": "slack_sdk.WebClient",
    "opensearchpy.client.OpenSearch": "opensearchpy.OpenSearch",
    "elasticsearch._sync.client.Elasticsearch": "elasticsearch.Elasticsearch",
    "pika.adapters.blocking_connection.BlockingConnection": "pika.BlockingConnection",
    "paramiko.client.SSHClient": "paramiko.SSHClient",
    "bcrypt._bcrypt.hashpw": "bcrypt.hashpw",
    "cimpl.Producer": "confluent_kafka.Producer",
    "fastapi.applications.FastAPI": "fastapi.FastAPI",
    "fastapi.routing.APIRouter": "fastapi.APIRouter",
    "fastapi.param_functions.Depends": "fastapi.Depends",
    "fastapi.param_functions.Security": "fastapi.Security",
    "fastapi.background.BackgroundTasks": "fastapi.BackgroundTasks",
    "fastapi.datastructures.UploadFile": "fastapi.UploadFile",
    "starlette.datastructures.UploadFile": "fastapi.UploadFile",
    "starlette.concurrency.run_in_threadpool": "fastapi.concurrency.run_in_threadpool",
    "starlette.requests.Request": "fastapi.Request",
    "starlette.websockets.WebSocket": "fastapi.WebSocket",
    "asyncio.threads.to_thread": "asyncio.to_thread",
    "asyncio.runners.run": "asyncio.run",
    "asyncio.tasks.create_task": "asyncio.create_task",
    "concurrent.futures._base.Future": "concurrent.futures.Future",
    "concurrent.futures.thread.ThreadPoolExecutor": "concurrent.futures.ThreadPoolExecutor",
    "pathlib._local.Path": "pathlib.Path",
}


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return all_libraries()


def _blocks(name: str, knowledge: Knowledge) -> bool:
    owner, _, member = knowledge.canonical(name).rpartition(".")
    return knowledge.blocking(knowledge.member(owner, member)) is not None


@pytest.mark.parametrize("family", BLOCKS)
def test_what_blocks_has_a_row(family: str, knowledge: Knowledge) -> None:
    assert [name for name in BLOCKS[family].split() if not _blocks(name, knowledge)] == []


def test_what_does_not_block_has_none(knowledge: Knowledge) -> None:
    assert [name for name in LEFT_ALONE.split() if _blocks(name, knowledge)] == []


@pytest.mark.parametrize(("defined", "public"), DEFINED.items())
def test_a_name_is_known_where_it_is_defined(defined: str, public: str, knowledge: Knowledge) -> None:
    assert knowledge.canonical(defined) == knowledge.canonical(public)
