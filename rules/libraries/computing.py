"""Images, tables, documents and models: libraries that compute for long, each named by its own documentation.

https://pillow.readthedocs.io/, https://pandas.pydata.org/docs/, https://docs.pola.rs/, https://numpy.org/doc/,
https://openpyxl.readthedocs.io/, https://pypdf.readthedocs.io/, https://docs.opencv.org/, https://docs.pytorch.org/ and
https://huggingface.co/docs/transformers/
"""

from math import prod

from rules.core.facts import Attribute, Call, Collection, Constant, Expression, Function, Site
from rules.core.library import Blocking, Library, Weight, origins

RULE = "blocking/computing"
_SMALL = 100_000  # points of a picture, which take about a millisecond

_IMAGE = ("resize", "thumbnail", "rotate", "transform", "filter", "quantize", "save")
_COPIES = ("resize", "rotate", "transform", "filter", "quantize", "convert", "crop", "copy", "transpose", "reduce")
_TABLES = (
    "csv",
    "table",
    "fwf",
    "excel",
    "json",
    "html",
    "xml",
    "feather",
    "parquet",
    "orc",
    "sas",
    "spss",
    "stata",
    "pickle",
)
_WRITTEN = ("csv", "excel", "json", "html", "xml", "feather", "parquet", "orc", "stata", "pickle", "markdown", "latex")
_POLARS_READ = ("avro", "csv", "excel", "ipc", "json", "ndjson", "ods", "parquet")
_POLARS_WRITTEN = ("avro", "csv", "excel", "ipc", "json", "ndjson", "parquet")
_LAZY = "polars.LazyFrame"
_NUMPY = ("load", "save", "savez", "savez_compressed", "loadtxt", "savetxt", "genfromtxt", "fromfile")
_OPENCV = ("imread", "imwrite", "imdecode", "imencode", "resize", "fastNlMeansDenoisingColored")
_TESSERACT = ("string", "data", "boxes", "osd", "pdf_or_hocr")


def is_large(site: Site, function: Function) -> bool:
    """Whether a picture may be large: not one that the function makes itself, of a few points that it names."""
    receiver = [site.call.callee.of] if isinstance(site.call.callee, Attribute) else []
    given = (one for one in (*receiver, *site.call.arguments) if one is not None)
    made = (call for one in given for call, _ in origins(one, function, site.line))
    return not any(0 < points <= _SMALL for points in map(_points, made))


def reads_at_once(site: Site, _function: Function) -> bool:
    """Whether a table is read by the call itself: https://pandas.pydata.org/docs/user_guide/io.html#iterating-through-files-chunk-by-chunk."""
    return {"chunksize", "iterator"}.isdisjoint(name for name, _ in site.call.keywords)


def _points(made: Call) -> int:
    """The points of a picture that a call makes, where it is told a size (and the colours of a point); 0 where it is not."""
    sizes = (one for one in made.arguments if isinstance(one, Collection) and len(one.items) in {2, 3})
    size = next(filter(None, (_numbers(one.items[:2]) for one in sizes)), ())
    return prod(size) if size else 0


def _numbers(items: tuple[Expression | None, ...]) -> tuple[int, ...]:
    found = tuple(one.value for one in items if isinstance(one, Constant) and isinstance(one.value, int))
    return found if len(found) == len(items) else ()


# https://docs.pytorch.org/docs/stable/notes/autograd.html#locally-disabling-gradient-computation: for the thread that enters them
_SWITCHES = (
    *(f"torch.{name}" for name in ("no_grad", "enable_grad", "inference_mode", "set_grad_enabled", "device")),
    *("torch.autocast", "torch.amp.autocast", "torch.cuda.amp.autocast", "torch.cuda.device", "torch.cuda.stream"),
    *("tensorflow.device", "tensorflow.GradientTape", "tensorflow.Graph.as_default", "numpy.errstate"),
)

_TASKS = (
    *("CausalLM", "MaskedLM", "QuestionAnswering", "Seq2SeqLM", "SequenceClassification", "TokenClassification"),
    *("ImageClassification", "SpeechSeq2Seq", "Vision2Seq"),
)
_LOADING = frozenset(
    {
        "transformers.pipeline",
        "transformers.AutoModel.from_pretrained",
        *(f"transformers.AutoModelFor{task}.from_pretrained" for task in _TASKS),
        *("sentence_transformers.SentenceTransformer", "sentence_transformers.CrossEncoder"),
        "langchain_huggingface.HuggingFaceEmbeddings",
        "langchain_community.embeddings.HuggingFaceEmbeddings",
        "llama_index.embeddings.huggingface.HuggingFaceEmbedding",
    }
)
"""What loads a model of transformers as it is made."""
_TOKENIZERS = ("from_file", "from_str", "from_buffer", "from_pretrained")
_TOLD = ("enable_truncation", "enable_padding", "no_truncation", "no_padding")

library = Library(
    "Computing",
    blocking=(
        Blocking(RULE, tuple(f"PIL.Image.Image.{name}" for name in _IMAGE), Weight.CPU, when=is_large),
        Blocking(RULE, tuple(f"pandas.read_{kind}" for kind in _TABLES), Weight.CPU, when=reads_at_once),
        Blocking(RULE, tuple(f"pandas.DataFrame.to_{kind}" for kind in _WRITTEN), Weight.CPU),
        Blocking(RULE, tuple(f"polars.read_{kind}" for kind in _POLARS_READ), Weight.CPU),
        Blocking(RULE, tuple(f"polars.DataFrame.write_{kind}" for kind in _POLARS_WRITTEN), Weight.CPU),
        Blocking(RULE, (f"{_LAZY}.collect", f"{_LAZY}.sink_csv", f"{_LAZY}.sink_parquet"), Weight.CPU),
        Blocking(RULE, tuple(f"numpy.{name}" for name in _NUMPY), Weight.CPU),
        Blocking(RULE, ("openpyxl.load_workbook", "openpyxl.Workbook.save"), Weight.CPU),
        Blocking(RULE, ("pypdf.PdfReader", "pypdf.PdfWriter.write", "weasyprint.HTML.write_pdf"), Weight.CPU),
        Blocking(RULE, ("pdf2image.convert_from_path", "pdf2image.convert_from_bytes"), Weight.CPU),
        Blocking(RULE, tuple(f"pytesseract.image_to_{kind}" for kind in _TESSERACT), Weight.CPU),
        Blocking(RULE, tuple(f"cv2.{name}" for name in _OPENCV), Weight.CPU, when=is_large),
        Blocking(RULE, ("matplotlib.pyplot.savefig", "matplotlib.figure.Figure.savefig"), Weight.CPU),
        Blocking(RULE, ("torch.load", "torch.save", "joblib.load", "joblib.dump"), Weight.CPU),
        Blocking(RULE, ("transformers.pipeline", "transformers.Pipeline.__call__"), Weight.CPU),
        Blocking(RULE, ("sentence_transformers.SentenceTransformer.encode",), Weight.CPU),
        Blocking(RULE, ("sentence_transformers.CrossEncoder.predict",), Weight.CPU),
    ),
    thread_bound=frozenset(_SWITCHES),
    process_wide=frozenset({"matplotlib.pyplot.*", "numpy.random.seed", "torch.manual_seed", "transformers.set_seed"}),
    # https://pymupdf.readthedocs.io/en/latest/recipes-multiprocessing.html, https://pypdfium2-team.github.io/pypdfium2/python_api.html
    # What a tokenizer is told holds for all that use it: https://huggingface.co/docs/tokenizers/api/tokenizer. One thread cuts off at
    # the length that another has told, and up to 0.21 "Already borrowed" is raised where one tells it while another encodes a batch.
    unthreaded=frozenset(
        {
            *("fitz.*", "pymupdf.*", "pymupdf4llm.*", "pypdfium2.*"),
            *(f"tokenizers.Tokenizer.{name}" for name in _TOLD),
            *_LOADING,
        }
    ),
    # None of their pages speaks of threads: https://sbert.net/docs/package_reference/sentence_transformer/SentenceTransformer.html,
    # https://huggingface.co/docs/transformers/main_classes/pipelines
    unproven=frozenset(
        {
            *("sentence_transformers.SentenceTransformer", "sentence_transformers.CrossEncoder"),
            "transformers.Pipeline",
        }
    ),
    aliases={
        "pandas.core.frame.DataFrame": "pandas.DataFrame",
        "openpyxl.reader.excel.load_workbook": "openpyxl.load_workbook",
        "openpyxl.workbook.Workbook": "openpyxl.Workbook",
        "openpyxl.workbook.workbook.Workbook": "openpyxl.Workbook",
        "transformers.pipelines.pipeline": "transformers.pipeline",
    },
    results={
        **{f"tokenizers.Tokenizer.{name}": "tokenizers.Tokenizer" for name in _TOKENIZERS},
        **{f"PIL.Image.{name}": "PIL.Image.Image" for name in ("open", "new", "frombytes", "fromarray", "merge")},
        **{f"PIL.Image.Image.{name}": "self" for name in _COPIES},
        **{f"pandas.read_{kind}": "pandas.DataFrame" for kind in _TABLES if kind != "html"},
        **{f"polars.read_{kind}": "polars.DataFrame" for kind in _POLARS_READ},
        **{f"polars.scan_{kind}": _LAZY for kind in ("csv", "ipc", "ndjson", "parquet")},
        **{
            f"{_LAZY}.{name}": "self"
            for name in (
                "filter",
                "select",
                "with_columns",
                "group_by",
                "join",
                "sort",
                "limit",
                "head",
                "drop",
                "rename",
            )
        },
        f"{_LAZY}.collect": "polars.DataFrame",
        "polars.DataFrame.lazy": _LAZY,
        "openpyxl.load_workbook": "openpyxl.Workbook",
        "transformers.pipeline": "transformers.Pipeline",
    },
)
