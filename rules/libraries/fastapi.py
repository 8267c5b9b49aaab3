"""FastAPI and Starlette: which registration hands a function to whom, and what hands work to a thread.

https://fastapi.tiangolo.com/async/ and https://www.starlette.io/threadpool/ tell where each of them runs.
"""

from rules.core.library import Library, Offload, Registration, Role

_VERBS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_ROUTER = "fastapi.APIRouter"
_WEBSOCKET = (
    *("accept", "close", "receive", "receive_text", "receive_bytes", "receive_json"),
    *("send", "send_text", "send_bytes", "send_json", "send_denial_response"),
)
NEVER = -1  # no argument but a keyword holds the function

library = Library(
    "FastAPI",
    bases={
        "fastapi.FastAPI": ("fastapi.APIRouter",),
        "starlette.applications.Starlette": ("fastapi.APIRouter",),
        "starlette.routing.Router": ("fastapi.APIRouter",),
        "fastapi_utils.inferring_router.InferringRouter": ("fastapi.APIRouter",),
        "fastapi_restful.inferring_router.InferringRouter": ("fastapi.APIRouter",),
        "cadwyn.Cadwyn": ("fastapi.FastAPI",),
        "cadwyn.VersionedAPIRouter": ("fastapi.APIRouter",),
        "fastapi.BackgroundTasks": ("starlette.background.BackgroundTasks",),
    },
    aliases={
        "fastapi.applications.FastAPI": "fastapi.FastAPI",
        "fastapi.routing.APIRouter": "fastapi.APIRouter",
        "fastapi.param_functions.Depends": "fastapi.Depends",
        "fastapi.params.Depends": "fastapi.Depends",
        "fastapi.params.Security": "fastapi.Security",
        "fastapi.param_functions.Security": "fastapi.Security",
        "fastapi.background.BackgroundTasks": "fastapi.BackgroundTasks",
        "fastapi.middleware.Middleware": "starlette.middleware.Middleware",
        "fastapi.concurrency.run_in_threadpool": "starlette.concurrency.run_in_threadpool",
        "fastapi.concurrency.iterate_in_threadpool": "starlette.concurrency.iterate_in_threadpool",
        "fastapi.datastructures.UploadFile": "fastapi.UploadFile",
        "starlette.datastructures.UploadFile": "fastapi.UploadFile",
        "starlette.requests.Request": "fastapi.Request",
        **{f"classy_fastapi.decorators.{verb}": f"classy_fastapi.{verb}" for verb in _VERBS},
        "fastapi.requests.Request": "fastapi.Request",
        "starlette.websockets.WebSocket": "fastapi.WebSocket",
        "fastapi.exceptions.HTTPException": "fastapi.HTTPException",
        "starlette.exceptions.HTTPException": "fastapi.HTTPException",
    },
    registrations=(
        *(Registration(f"{_ROUTER}.{verb}", Role.ENDPOINT, verb=verb.upper()) for verb in _VERBS),
        Registration(f"{_ROUTER}.api_route", Role.ENDPOINT, verb="GET", methods="methods"),
        Registration(f"{_ROUTER}.route", Role.ENDPOINT, verb="GET", methods="methods"),
        Registration(f"{_ROUTER}.websocket", Role.WEBSOCKET, verb="WS"),
        Registration(f"{_ROUTER}.websocket_route", Role.WEBSOCKET, verb="WS"),
        Registration(f"{_ROUTER}.middleware", Role.MIDDLEWARE),
        Registration(f"{_ROUTER}.exception_handler", Role.HANDLER),
        Registration(f"{_ROUTER}.on_event", Role.STARTUP),
        Registration(f"{_ROUTER}.add_api_route", Role.ENDPOINT, 1, "endpoint", "GET", "methods"),
        Registration(f"{_ROUTER}.add_route", Role.ENDPOINT, 1, "endpoint", "GET", "methods"),
        Registration(f"{_ROUTER}.add_api_websocket_route", Role.WEBSOCKET, 1, "endpoint", "WS"),
        Registration(f"{_ROUTER}.add_websocket_route", Role.WEBSOCKET, 1, "endpoint", "WS"),
        Registration(f"{_ROUTER}.add_exception_handler", Role.HANDLER, 1, "handler"),
        Registration(f"{_ROUTER}.add_event_handler", Role.STARTUP, 1, "func"),
        Registration("fastapi.Depends", Role.DEPENDENCY, 0, "dependency"),
        Registration("fastapi.Security", Role.DEPENDENCY, 0, "dependency"),
        Registration("starlette.background.BackgroundTasks.add_task", Role.BACKGROUND, 0, "func"),
        Registration("starlette.background.BackgroundTask", Role.BACKGROUND, 0, "func"),
        Registration(f"{_ROUTER}.add_middleware", Role.MIDDLEWARE, 0, "middleware_class"),
        Registration("starlette.middleware.Middleware", Role.MIDDLEWARE, 0, "cls"),
        Registration("starlette.routing.Route", Role.ENDPOINT, 1, "endpoint", "GET", "methods"),
        Registration("starlette.routing.WebSocketRoute", Role.WEBSOCKET, 1, "endpoint", "WS"),
        *(Registration(f"classy_fastapi.{verb}", Role.ENDPOINT, verb=verb.upper()) for verb in _VERBS),
        *(
            Registration(app, role, NEVER, keyword)
            for app in ("fastapi.FastAPI", "starlette.applications.Starlette")
            for role, keyword in (
                (Role.STARTUP, "lifespan"),
                (Role.STARTUP, "on_startup"),
                (Role.STARTUP, "on_shutdown"),
                (Role.HANDLER, "exception_handlers"),
            )
        ),
    ),
    attributes={"fastapi.Request.app": "fastapi.FastAPI", "fastapi.APIRouter.router": "fastapi.APIRouter"},
    offloads=(
        Offload("starlette.concurrency.run_in_threadpool", 0, "func"),
        Offload("starlette.concurrency.iterate_in_threadpool"),
    ),
    coroutines=frozenset(
        {
            "starlette.concurrency.run_in_threadpool",
            *(f"fastapi.UploadFile.{name}" for name in ("read", "write", "seek", "close")),
            *(f"fastapi.WebSocket.{name}" for name in _WEBSOCKET),
            *(f"fastapi.Request.{name}" for name in ("body", "json", "form", "is_disconnected")),
        }
    ),
    quick=frozenset(
        {
            "fastapi.HTTPException",
            "fastapi.Response",
            "fastapi.Depends",
            "fastapi.Security",
            "fastapi.Header",
            "fastapi.Query",
            "fastapi.Path",
            "fastapi.Body",
            "fastapi.Cookie",
            "fastapi.Form",
            "fastapi.File",
            "fastapi.responses.JSONResponse",
            "fastapi.responses.PlainTextResponse",
            "fastapi.responses.RedirectResponse",
            "starlette.responses.JSONResponse",
            "starlette.responses.PlainTextResponse",
            "starlette.responses.RedirectResponse",
            "pydantic.BaseModel",
            "pydantic.BaseModel.model_dump",
        }
    ),
)
