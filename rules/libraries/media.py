"""Sound and video: what runs ffmpeg.

https://kkroening.github.io/ffmpeg-python/
"""

from rules.core.library import Blocking, Library

_STREAM = "ffmpeg.nodes.Stream"

library = Library(
    "ffmpeg-python",
    blocking=(Blocking("blocking/subprocess", ("ffmpeg.run", "ffmpeg.probe", f"{_STREAM}.run")),),
    results={"ffmpeg.input": _STREAM, f"{_STREAM}.*": "self", f"{_STREAM}.run": "builtins.tuple"},
)
