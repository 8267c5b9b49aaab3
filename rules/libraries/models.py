"""Clients of language models: OpenAI, Anthropic, Groq, Cohere, Mistral, Gemini, Ollama, LiteLLM, Replicate, Tavily.

Their asynchronous twins are other classes (`AsyncOpenAI`) or other methods of the same object (`complete_async`).
https://github.com/openai/openai-python, https://platform.claude.com/docs/en/api/sdks/python, https://docs.litellm.ai/
"""

from rules.core.facts import Function, Site
from rules.core.library import Blocking, Counterpart, Lasting, Library, Managed, Twin

_RULE = "clients/models"
_OPENAI = ("openai.OpenAI", "openai.AzureOpenAI", "openai.BedrockOpenAI")
_ANTHROPIC = tuple(
    f"anthropic.Anthropic{cloud}" for cloud in ("", "Bedrock", "BedrockMantle", "Vertex", "Foundry", "AWS")
)
_GROQ, _MISTRAL, _GEMINI = "groq.Groq", "mistralai.Mistral", "google.genai.Client"
_COHERE = ("cohere.Client", "cohere.ClientV2")
_OLLAMA, _REPLICATE, _TAVILY = "ollama.Client", "replicate.Client", "tavily.TavilyClient"
_LEGACY = "google.generativeai.GenerativeModel"

_OPENAI_CALLS = (
    *("chat.completions.create", "chat.completions.parse", "completions.create", "embeddings.create"),
    *("beta.chat.completions.parse", "responses.create", "responses.parse", "responses.retrieve", "responses.delete"),
    *("responses.cancel", "images.generate", "images.edit", "images.create_variation", "moderations.create"),
    *("audio.transcriptions.create", "audio.translations.create", "audio.speech.create"),
    *("models.list", "models.retrieve", "models.delete"),
    *(f"files.{name}" for name in ("create", "retrieve", "list", "delete", "content", "wait_for_processing")),
    *(f"batches.{name}" for name in ("create", "retrieve", "list", "cancel")),
    *(f"fine_tuning.jobs.{name}" for name in ("create", "retrieve", "list", "cancel")),
    *(f"conversations.{name}" for name in ("create", "retrieve", "delete")),
    *(
        f"{prefix}vector_stores.{name}"
        for prefix in ("", "beta.")
        for name in (
            *("create", "retrieve", "list", "delete", "search", "files.create", "files.create_and_poll", "files.list"),
            *("files.delete", "files.upload_and_poll", "file_batches.create", "file_batches.upload_and_poll"),
        )
    ),
    *(f"beta.assistants.{name}" for name in ("create", "retrieve", "list", "update", "delete")),
    *(f"beta.threads.{name}" for name in ("create", "retrieve", "delete", "create_and_run_poll")),
    *(f"beta.threads.messages.{name}" for name in ("create", "retrieve", "list")),
    *(
        f"beta.threads.runs.{name}"
        for name in ("create", "create_and_poll", "retrieve", "list", "cancel", "submit_tool_outputs", "poll")
    ),
)
_ANTHROPIC_CALLS = (
    *("messages.create", "messages.parse", "messages.count_tokens", "beta.messages.create", "beta.messages.parse"),
    *("beta.messages.count_tokens", "completions.create", "models.list", "models.retrieve"),
    *(f"messages.batches.{name}" for name in ("create", "retrieve", "list", "cancel", "results")),
    *(f"beta.files.{name}" for name in ("upload", "download", "list", "delete", "retrieve_metadata")),
)
_GROQ_CALLS = (
    *("chat.completions.create", "embeddings.create", "models.list", "models.retrieve"),
    *("audio.transcriptions.create", "audio.translations.create", "audio.speech.create"),
)
_MISTRAL_CALLS = (
    *("chat.complete", "chat.stream", "chat.parse", "fim.complete", "embeddings.create", "ocr.process"),
    *("agents.complete", "agents.stream", "models.list", "models.retrieve", "files.upload", "files.list"),
    *("files.retrieve", "files.delete", "files.download", "files.get_signed_url", "classifiers.moderate"),
)
_GEMINI_CALLS = (
    *(
        f"models.{name}"
        for name in (
            *("generate_content", "embed_content", "count_tokens", "compute_tokens", "generate_images", "edit_image"),
            *("upscale_image", "generate_videos", "get", "list", "delete", "update"),
        )
    ),
    *(f"files.{name}" for name in ("upload", "download", "get", "list", "delete")),
    *(f"caches.{name}" for name in ("create", "get", "list", "update", "delete")),
    *(f"batches.{name}" for name in ("create", "get", "list", "cancel", "delete")),
    "operations.get",
)
_COHERE_CALLS = ("chat", "embed", "rerank", "classify", "tokenize", "detokenize", "generate", "summarize")
_OLLAMA_CALLS = (
    "chat",
    "generate",
    "embed",
    "embeddings",
    "pull",
    "push",
    "create",
    "delete",
    "list",
    "show",
    "ps",
    "copy",
)
_TAVILY_CALLS = ("search", "extract", "crawl", "map", "qna_search", "get_search_context", "get_company_info")
_STREAMS = (
    *(f"{client}.chat.completions.stream" for client in _OPENAI),
    *(f"{client}.beta.chat.completions.stream" for client in _OPENAI),
    *(f"{client}.responses.stream" for client in _OPENAI),
    *(f"{client}.beta.threads.runs.stream" for client in _OPENAI),
    *(f"{client}.messages.stream" for client in _ANTHROPIC),
    *(f"{client}.beta.messages.stream" for client in _ANTHROPIC),
)


_PAGES = (".list", ".results", "speech.create", "files.content")  # what they give is another thing when awaited
_STREAMED = ("chat.completions.create", "completions.create", "responses.create", "messages.create")


def _awaited(calls: tuple[str, ...]) -> frozenset[str]:
    return frozenset(call for call in calls if not call.endswith(_PAGES))


_ENDED = frozenset({"until_done", "close"})
_MANAGED = {
    **dict.fromkeys(
        ("messages.stream", "beta.messages.stream"),
        Managed(
            frozenset({"", "text_stream"}),
            _ENDED | {"get_final_message", "get_final_text"},
            frozenset({"current_message_snapshot", "response", "request_id"}),
        ),
    ),
    **dict.fromkeys(
        ("chat.completions.stream", "beta.chat.completions.stream"),
        Managed(frozenset({""}), _ENDED | {"get_final_completion"}, frozenset({"current_completion_snapshot"})),
    ),
    "responses.stream": Managed(frozenset({""}), _ENDED | {"get_final_response"}),
}
"""https://github.com/anthropics/anthropic-sdk-python/blob/main/helpers.md and https://github.com/openai/openai-python/blob/main/helpers.md."""


def _counterpart(of: str, instead: str, calls: tuple[str, ...], *, closes: bool = False) -> Counterpart:
    """The asynchronous class of the same package, made with the same arguments but for what carries the requests.

    Those of OpenAI, Anthropic and Groq have it closed by a task as they are dropped: `AsyncHttpxClientWrapper.__del__`.
    """
    return Counterpart(
        of,
        instead,
        awaited=_awaited(calls) | {"close"},
        streamed=frozenset(_STREAMED),
        entered={call: managed for call, managed in _MANAGED.items() if f"{of}.{call}" in _STREAMS},
        quick=frozenset({"api_key", "base_url"}),
        refused=frozenset({"http_client", "httpx_client"}),
        heavy=True,
        closes=closes,
    )


_COUNTERPARTS = (
    *(_counterpart(of, of.replace("openai.", "openai.Async"), _OPENAI_CALLS, closes=True) for of in _OPENAI),
    *(
        _counterpart(of, of.replace("anthropic.", "anthropic.Async"), _ANTHROPIC_CALLS, closes=True)
        for of in _ANTHROPIC
    ),
    _counterpart(_GROQ, "groq.AsyncGroq", _GROQ_CALLS, closes=True),
    _counterpart("cohere.Client", "cohere.AsyncClient", _COHERE_CALLS[:3]),
    _counterpart("cohere.ClientV2", "cohere.AsyncClientV2", _COHERE_CALLS[:3]),
    _counterpart(_TAVILY, "tavily.AsyncTavilyClient", _TAVILY_CALLS),
)
_CONSTANT = frozenset(
    {
        *("api_key", "auth_token", "organization", "project", "base_url", "timeout", "max_retries"),
        *("azure_endpoint", "azure_deployment", "api_version"),
    }
)
_THOUSAND = "Of more than a thousand calls at once the others wait for a connection."
_MISSING = "The application does not start where what the client is made with is missing, such as a key."
_MISTRAL_TWINS = {
    f"{_MISTRAL}.{call}": f"{_MISTRAL}.{call}_async"
    for call in _MISTRAL_CALLS
    if not call.endswith((".stream", ".list", ".download"))
}
_GEMINI_TWINS = {
    f"{_GEMINI}.{call}": f"{_GEMINI}.aio.{call}"
    for call in _GEMINI_CALLS
    if call.startswith("models.") and not call.endswith(".list")
}


def is_entered(site: Site, _function: Function) -> bool:
    """Whether the call is the manager of a `with`: the request is sent when it is entered."""
    return site.entered


library = Library(
    "Language models",
    blocking=(
        Blocking(_RULE, tuple(f"{client}.{call}" for client in (*_OPENAI, "openai") for call in _OPENAI_CALLS)),
        Blocking(
            _RULE,
            tuple(
                f"openai.{name}.create"
                for name in ("ChatCompletion", "Completion", "Embedding", "Image", "Moderation", "Edit")
            ),
        ),
        Blocking(_RULE, tuple(f"{client}.{call}" for client in _ANTHROPIC for call in _ANTHROPIC_CALLS)),
        Blocking(_RULE, _STREAMS, when=is_entered),
        Blocking(_RULE, tuple(f"{_GROQ}.{call}" for call in _GROQ_CALLS)),
        Blocking(_RULE, tuple(f"{_MISTRAL}.{call}" for call in _MISTRAL_CALLS)),
        Blocking(_RULE, tuple(f"{_GEMINI}.{call}" for call in _GEMINI_CALLS)),
        Blocking(_RULE, (f"{_GEMINI}.models.generate_content_stream",), lazy=True),
        Blocking(_RULE, ("google.genai.chats.Chat.send_message",)),
        Blocking(_RULE, (f"{_LEGACY}.generate_content", f"{_LEGACY}.count_tokens")),
        Blocking(_RULE, ("google.generativeai.ChatSession.send_message", "google.generativeai.embed_content")),
        Blocking(_RULE, tuple(f"{client}.{call}" for client in _COHERE for call in _COHERE_CALLS)),
        Blocking(_RULE, tuple(f"{client}.chat_stream" for client in _COHERE), lazy=True),
        Blocking(_RULE, tuple(f"{owner}.{call}" for owner in (_OLLAMA, "ollama") for call in _OLLAMA_CALLS)),
        Blocking(_RULE, tuple(f"litellm.{name}" for name in ("completion", "text_completion", "responses", "rerank"))),
        Blocking(_RULE, tuple(f"litellm.{name}" for name in ("batch_completion", "transcription", "speech"))),
        Blocking(_RULE, ("litellm.embedding",), twin=Twin("litellm.aembedding")),
        Blocking(_RULE, ("litellm.image_generation",), twin=Twin("litellm.aimage_generation")),
        Blocking(_RULE, ("replicate.run", f"{_REPLICATE}.run")),
        Blocking(
            _RULE,
            tuple(
                f"{owner}.predictions.{name}"
                for owner in (_REPLICATE, "replicate")
                for name in ("create", "get", "list", "cancel")
            ),
        ),
        Blocking(_RULE, tuple(f"{_TAVILY}.{call}" for call in _TAVILY_CALLS)),
    ),
    aliases={
        "openai._client.OpenAI": "openai.OpenAI",
        "openai.Client": "openai.OpenAI",
        "openai.lib.azure.AzureOpenAI": "openai.AzureOpenAI",
        "langfuse.openai.OpenAI": "openai.OpenAI",
        "langfuse.openai.AzureOpenAI": "openai.AzureOpenAI",
        "langfuse.openai.openai": "openai",
        "anthropic._client.Anthropic": "anthropic.Anthropic",
        "anthropic.Client": "anthropic.Anthropic",
        "groq._client.Groq": "groq.Groq",
        "groq.Client": "groq.Groq",
        "mistralai.client.Mistral": "mistralai.Mistral",
        "mistralai.client.sdk.Mistral": "mistralai.Mistral",
        "mistralai.sdk.Mistral": "mistralai.Mistral",
        "google.genai.client.Client": _GEMINI,
        "google.generativeai.generative_models.GenerativeModel": _LEGACY,
        "cohere.client.Client": "cohere.Client",
        "cohere.client_v2.ClientV2": "cohere.ClientV2",
        "ollama._client.Client": _OLLAMA,
        "litellm.main.completion": "litellm.completion",
        "litellm.main.embedding": "litellm.embedding",
        "replicate.client.Client": _REPLICATE,
        "tavily.tavily.TavilyClient": _TAVILY,
        "tavily.Client": _TAVILY,
    },
    changing=frozenset({"google.genai.chats.Chat.send_message", "google.generativeai.ChatSession.send_message"}),
    process_wide=frozenset({"google.generativeai.configure"}),
    results={
        **{
            f"{client}.{name}": client for client in (*_OPENAI, *_ANTHROPIC, _GROQ) for name in ("with_options", "copy")
        },
        f"{_GEMINI}.chats.create": "google.genai.chats.Chat",
        f"{_LEGACY}.start_chat": "google.generativeai.ChatSession",
    },
    twins={
        **_MISTRAL_TWINS,
        **_GEMINI_TWINS,
        "litellm.completion": "litellm.acompletion",
        "litellm.text_completion": "litellm.atext_completion",
        f"{_LEGACY}.generate_content": f"{_LEGACY}.generate_content_async",
        "google.generativeai.ChatSession.send_message": "google.generativeai.ChatSession.send_message_async",
    },
    counterparts=_COUNTERPARTS,
    lasting=tuple(
        Lasting(
            one.instead,
            f"{one.package}_client",
            _CONSTANT,
            asking := (one.awaited | one.entered.keys()) - {"close"},
            asking,
            notes=(_MISSING, _THOUSAND),
        )
        for one in _COUNTERPARTS
        if one.closes
    ),
    coroutines=frozenset({"litellm.acompletion", "litellm.aembedding", "litellm.aimage_generation"}),
)
