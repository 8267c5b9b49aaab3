"""Sound and video: what runs ffmpeg.

https://kkroening.github.io/ffmpeg-python/, https://github.com/jiaaro/pydub and https://github.com/openai/whisper
"""

from rules.core.library import Blocking, Library

_STREAM, _SEGMENT = "ffmpeg.nodes.Stream", "pydub.AudioSegment"

library = Library(
    "Sound and video",
    blocking=(
        Blocking("blocking/subprocess", ("ffmpeg.run", "ffmpeg.probe", f"{_STREAM}.run")),
        Blocking("blocking/subprocess", ("whisper.load_audio", "whisperx.load_audio")),
        Blocking("blocking/subprocess", (f"{_SEGMENT}.from_file", f"{_SEGMENT}.from_mp3", f"{_SEGMENT}.export")),
    ),
    aliases={
        "pydub.audio_segment.AudioSegment": _SEGMENT,
        "whisper.audio.load_audio": "whisper.load_audio",
        "whisperx.audio.load_audio": "whisperx.load_audio",
    },
    results={
        **{
            f"ffmpeg.{name}": _STREAM
            for name in ("concat", "filter", "input", "merge_outputs", "output", "overwrite_output")
        },
        f"{_STREAM}.*": "self",
        f"{_STREAM}.run": "builtins.tuple",
        f"{_SEGMENT}.from_file": _SEGMENT,
        f"{_SEGMENT}.from_mp3": _SEGMENT,
    },
)
