"""LangChain, LangGraph and LlamaIndex: models, vector stores, retrievers, graphs and query engines.

Prompts and parsers have no rows: they compute, and only a model behind them waits.
https://docs.langchain.com/oss/python/langchain/overview and https://developers.llamaindex.ai/python/
"""

from rules.core.library import Blocking, Library, Registration, Role, Weight

_RULE = "clients/langchain"
_MODEL = "langchain_core.language_models.BaseChatModel"
_EMBEDDINGS = "langchain_core.embeddings.Embeddings"
_STORE, _RETRIEVER = "langchain_core.vectorstores.VectorStore", "langchain_core.retrievers.BaseRetriever"
_GRAPH, _AGENT, _CHAIN = (
    "langgraph.graph.state.CompiledStateGraph",
    "langchain.agents.AgentExecutor",
    "langchain.chains.base.Chain",
)
_CONVERSATIONS = tuple(f"{package}.chains.ConversationChain" for package in ("langchain", "langchain_classic"))
_INDEX, _QUERY_ENGINE = "llama_index.core.VectorStoreIndex", "llama_index.core.base.base_query_engine.BaseQueryEngine"
_CHAT_ENGINE, _LLAMA_RETRIEVER = (
    "llama_index.core.chat_engine.types.BaseChatEngine",
    "llama_index.core.base.base_retriever.BaseRetriever",
)
_LLAMA_MODEL, _LLAMA_EMBEDDING = "llama_index.core.llms.LLM", "llama_index.core.embeddings.BaseEmbedding"

_MODELS = (
    *(f"langchain_openai.{name}" for name in ("ChatOpenAI", "AzureChatOpenAI", "OpenAI", "AzureOpenAI")),
    *("langchain_anthropic.ChatAnthropic", "langchain_groq.ChatGroq", "langchain_mistralai.ChatMistralAI"),
    *("langchain_ollama.ChatOllama", "langchain_ollama.OllamaLLM", "langchain_cohere.ChatCohere"),
    *("langchain_google_genai.ChatGoogleGenerativeAI", "langchain_google_vertexai.ChatVertexAI"),
    *("langchain_aws.ChatBedrock", "langchain_aws.ChatBedrockConverse", "langchain_deepseek.ChatDeepSeek"),
    *("langchain_huggingface.ChatHuggingFace", "langchain_huggingface.HuggingFaceEndpoint", "langchain_xai.ChatXAI"),
    *("langchain_fireworks.ChatFireworks", "langchain_together.ChatTogether", "langchain_litellm.ChatLiteLLM"),
    *(
        f"langchain_community.chat_models.{name}"
        for name in ("ChatOpenAI", "AzureChatOpenAI", "ChatAnthropic", "ChatOllama", "ChatLiteLLM", "BedrockChat")
    ),
    *(f"langchain_community.llms.{name}" for name in ("OpenAI", "AzureOpenAI", "Ollama", "Bedrock", "HuggingFaceHub")),
    *(f"langchain.chat_models.{name}" for name in ("ChatOpenAI", "AzureChatOpenAI", "ChatAnthropic", "ChatOllama")),
    *(f"langchain.llms.{name}" for name in ("OpenAI", "AzureOpenAI", "Ollama")),
)
_EMBEDDERS = (
    *("langchain_openai.OpenAIEmbeddings", "langchain_openai.AzureOpenAIEmbeddings", "langchain_aws.BedrockEmbeddings"),
    *(
        "langchain_cohere.CohereEmbeddings",
        "langchain_ollama.OllamaEmbeddings",
        "langchain_huggingface.HuggingFaceEmbeddings",
    ),
    *("langchain_google_genai.GoogleGenerativeAIEmbeddings", "langchain_mistralai.MistralAIEmbeddings"),
    *(
        f"langchain_community.embeddings.{name}"
        for name in ("OpenAIEmbeddings", "HuggingFaceEmbeddings", "OllamaEmbeddings", "BedrockEmbeddings")
    ),
)
_STORES = (
    *("langchain_chroma.Chroma", "langchain_postgres.PGVector", "langchain_postgres.PGVectorStore"),
    *("langchain_qdrant.QdrantVectorStore", "langchain_pinecone.PineconeVectorStore", "langchain_milvus.Milvus"),
    *("langchain_elasticsearch.ElasticsearchStore", "langchain_weaviate.WeaviateVectorStore"),
    *("langchain_mongodb.MongoDBAtlasVectorSearch", "langchain_redis.RedisVectorStore"),
    "langchain_core.vectorstores.InMemoryVectorStore",
    *(
        f"langchain_community.vectorstores.{name}"
        for name in (
            *("Chroma", "FAISS", "PGVector", "Qdrant", "Pinecone", "Milvus", "Weaviate", "Redis", "AzureSearch"),
            *("SupabaseVectorStore", "OpenSearchVectorSearch", "MongoDBAtlasVectorSearch", "LanceDB"),
        )
    ),
)
_APART = ("langchain_postgres.PGVector", "langchain_weaviate.WeaviateVectorStore")
"""Stores whose awaited methods raise where they were made to be asked synchronously; of a `VectorStore` nobody knows.

https://github.com/langchain-ai/langchain-postgres/blob/main/langchain_postgres/vectorstores.py ("must be called with async_mode")
"""
_IN_MEMORY = ("langchain_community.vectorstores.FAISS", "langchain_core.vectorstores.InMemoryVectorStore")
"""Stores that a search finds half changed where a thread adds to them meanwhile; their awaited searches run in threads.

https://github.com/facebookresearch/faiss/wiki/Threads-and-asynchronous-calls ("mutual exclusion"),
https://python.langchain.com/api_reference/core/vectorstores/langchain_core.vectorstores.in_memory.InMemoryVectorStore.html
"""
_APART_RETRIEVER = "langchain_core.vectorstores.VectorStoreRetriever"
_FROM = ("from_documents", "from_texts", "from_existing_index", "from_existing_collection", "load_local")
_LLAMA_MODELS = (
    *(f"llama_index.llms.{name}" for name in ("openai.OpenAI", "azure_openai.AzureOpenAI", "anthropic.Anthropic")),
    *(f"llama_index.llms.{name}" for name in ("ollama.Ollama", "gemini.Gemini", "groq.Groq", "mistralai.MistralAI")),
)
_LLAMA_EMBEDDERS = (
    *("llama_index.embeddings.openai.OpenAIEmbedding", "llama_index.embeddings.huggingface.HuggingFaceEmbedding"),
    *("llama_index.embeddings.azure_openai.AzureOpenAIEmbedding", "llama_index.embeddings.ollama.OllamaEmbedding"),
)
_ASKED = (
    *("similarity_search", "similarity_search_with_score", "similarity_search_by_vector", "search", "add_documents"),
    *("similarity_search_with_relevance_scores", "max_marginal_relevance_search", "add_texts", "delete"),
)

_TWINS = {
    _MODEL: ("invoke", "batch", "predict", "generate"),
    _AGENT: ("invoke", "batch"),
    _CHAIN: ("invoke", "predict", "batch"),
    _EMBEDDINGS: ("embed_query", "embed_documents"),
    **dict.fromkeys((store for store in _STORES if store not in (*_APART, *_IN_MEMORY)), _ASKED),
    _RETRIEVER: ("invoke", "batch"),
    _QUERY_ENGINE: ("query",),
    _CHAT_ENGINE: ("chat",),
    _LLAMA_RETRIEVER: ("retrieve",),
    _LLAMA_MODEL: ("chat", "complete", "predict"),
    _LLAMA_EMBEDDING: ("get_text_embedding", "get_query_embedding", "get_text_embedding_batch"),
}

library = Library(
    "LangChain and LlamaIndex",
    blocking=(
        Blocking(
            _RULE,
            tuple(
                f"{_MODEL}.{name}"
                for name in ("invoke", "batch", "predict", "predict_messages", "generate", "call_as_llm", "__call__")
            ),
        ),
        Blocking(_RULE, tuple(f"{owner}.{name}" for owner in (_GRAPH, _AGENT) for name in ("invoke", "batch"))),
        Blocking(_RULE, tuple(f"{owner}.stream" for owner in (_MODEL, _GRAPH, _AGENT)), lazy=True),
        Blocking(_RULE, tuple(f"{_CHAIN}.{name}" for name in ("invoke", "run", "predict", "batch", "apply"))),
        Blocking(_RULE, (f"{_EMBEDDINGS}.embed_query", f"{_EMBEDDINGS}.embed_documents")),
        Blocking(_RULE, tuple(f"{store}.{name}" for store in (_STORE, *_STORES) for name in (*_ASKED, "get_by_ids"))),
        Blocking(_RULE, tuple(f"{store}.{name}" for store in _STORES for name in ("from_documents", "from_texts"))),
        Blocking(
            _RULE,
            tuple(
                f"{retriever}.{name}"
                for retriever in (_RETRIEVER, _APART_RETRIEVER)
                for name in ("invoke", "batch", "get_relevant_documents")
            ),
        ),
        Blocking(
            _RULE,
            tuple(
                f"langchain_community.chat_message_histories.{kind}ChatMessageHistory.{name}"
                for kind in ("Redis", "Postgres", "MongoDB", "SQL", "DynamoDB")
                for name in ("add_message", "add_messages", "add_user_message", "add_ai_message", "clear")
            ),
        ),
        Blocking(
            _RULE,
            tuple(f"langchain_community.document_loaders.WebBaseLoader.{name}" for name in ("load", "load_and_split")),
        ),
        Blocking(
            _RULE,
            tuple(f"langchain_community.document_loaders.PyPDFLoader.{name}" for name in ("load", "load_and_split")),
            Weight.CPU,
        ),
        Blocking(
            _RULE,
            (
                *(f"{_INDEX}.{name}" for name in ("from_documents", "insert", "insert_nodes", "refresh_ref_docs")),
                *(f"{_QUERY_ENGINE}.{name}" for name in ("query", "retrieve", "synthesize")),
                *(f"{_CHAT_ENGINE}.{name}" for name in ("chat", "stream_chat")),
                f"{_LLAMA_RETRIEVER}.retrieve",
                *(f"{_LLAMA_MODEL}.{name}" for name in ("chat", "complete", "predict", "structured_predict")),
                *(
                    f"{_LLAMA_EMBEDDING}.{name}"
                    for name in ("get_text_embedding", "get_query_embedding", "get_text_embedding_batch")
                ),
            ),
        ),
    ),
    twins={
        **{f"{owner}.{name}": f"{owner}.a{name}" for owner, names in _TWINS.items() for name in names},
        **{f"{owner}.stream": f"{owner}.astream" for owner in (_MODEL, _AGENT)},
    },
    registrations=(
        Registration("langchain_core.tools.tool", Role.TOOL),
        *(
            Registration(f"{graph}.add_node", Role.NODE, place, "action")
            for graph in ("langgraph.graph.StateGraph", "langgraph.graph.MessageGraph")
            for place in (0, 1)
        ),
    ),
    aliases={
        **{f"{module}.tool": "langchain_core.tools.tool" for module in ("langchain.tools", "langchain.agents")},
        "langchain_core.tools.convert.tool": "langchain_core.tools.tool",
        "langgraph.graph.state.StateGraph": "langgraph.graph.StateGraph",
        "langchain_core.language_models.chat_models.BaseChatModel": _MODEL,
        "langchain_core.language_models.BaseLanguageModel": _MODEL,
        "langchain_core.language_models.LLM": _MODEL,
        "langchain_core.vectorstores.base.VectorStore": _STORE,
        "langchain_core.embeddings.embeddings.Embeddings": _EMBEDDINGS,
        "langchain.schema.vectorstore.VectorStore": _STORE,
        "langchain_core.vectorstores.in_memory.InMemoryVectorStore": "langchain_core.vectorstores.InMemoryVectorStore",
        "langchain_community.vectorstores.faiss.FAISS": "langchain_community.vectorstores.FAISS",
        "langchain_community.vectorstores.pgvector.PGVector": "langchain_community.vectorstores.PGVector",
        "langchain.vectorstores": "langchain_community.vectorstores",
        "langchain.embeddings": "langchain_community.embeddings",
        "langchain.document_loaders": "langchain_community.document_loaders",
        "langchain_classic.agents.AgentExecutor": _AGENT,
        "langchain.agents.agent.AgentExecutor": _AGENT,
        "langgraph.graph.graph.CompiledGraph": _GRAPH,
        "llama_index.core.indices.VectorStoreIndex": _INDEX,
        "llama_index.core.query_engine.RetrieverQueryEngine": _QUERY_ENGINE,
        "llama_index.core.query_engine.BaseQueryEngine": _QUERY_ENGINE,
    },
    unproven=frozenset(_IN_MEMORY),
    # They write each question and each answer into their memory, which a `ConversationChain` always has:
    # https://reference.langchain.com/python/langchain-classic/chains/base/Chain/memory,
    # https://docs.llamaindex.ai/en/stable/module_guides/deploying/chat_engines/
    changing=frozenset(
        {
            *(f"{_CHAT_ENGINE}.{name}" for name in ("chat", "stream_chat", "achat", "astream_chat")),
            *(f"{chain}.{name}" for chain in _CONVERSATIONS for name in ("invoke", "predict", "run")),
        }
    ),
    remembering={_CHAIN: "memory", _AGENT: "memory"},
    bases={
        **dict.fromkeys(_MODELS, (_MODEL,)),
        **dict.fromkeys(_EMBEDDERS, (_EMBEDDINGS,)),
        **dict.fromkeys(_STORES, (_STORE,)),
        **dict.fromkeys(_LLAMA_MODELS, (_LLAMA_MODEL,)),
        **dict.fromkeys(_LLAMA_EMBEDDERS, (_LLAMA_EMBEDDING,)),
        **{
            f"{package}.chains.{name}": (_CHAIN,)
            for package in ("langchain", "langchain_classic")
            for name in ("LLMChain", "RetrievalQA", "ConversationalRetrievalChain", "ConversationChain")
        },
    },
    attributes={
        f"{package}.PGVector.embedding_function": _EMBEDDINGS
        for package in ("langchain_community.vectorstores", "langchain_postgres")
    },
    results={
        **{
            f"{_MODEL}.{name}": _MODEL
            for name in ("bind", "bind_tools", "with_config", "with_retry", "with_fallbacks", "with_structured_output")
        },
        **{f"langchain.chat_models.{name}": _MODEL for name in ("init_chat_model", "base.init_chat_model")},
        **{f"{store}.{name}": store for store in _STORES for name in _FROM},
        f"{_STORE}.as_retriever": _RETRIEVER,
        **{f"{store}.as_retriever": _APART_RETRIEVER for store in _APART},
        **{f"langgraph.graph.{name}.compile": _GRAPH for name in ("StateGraph", "MessageGraph")},
        **{f"langgraph.graph.StateGraph.{name}": "self" for name in ("add_node", "add_edge", "add_conditional_edges")},
        **{
            f"langgraph.prebuilt.{name}": _GRAPH
            for name in ("create_react_agent", "chat_agent_executor.create_react_agent")
        },
        "langchain.agents.create_agent": _GRAPH,
        **{
            f"langchain.chains.{name}": _CHAIN
            for name in ("RetrievalQA.from_chain_type", "ConversationalRetrievalChain.from_llm", "RetrievalQA.from_llm")
        },
        **{f"{_INDEX}.{name}": _INDEX for name in ("from_documents", "from_vector_store")},
        "llama_index.core.load_index_from_storage": _INDEX,
        f"{_INDEX}.as_query_engine": _QUERY_ENGINE,
        f"{_INDEX}.as_chat_engine": _CHAT_ENGINE,
        f"{_INDEX}.as_retriever": _LLAMA_RETRIEVER,
    },
)
