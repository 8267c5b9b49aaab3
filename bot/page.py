"""How our pages look and what they may load: nothing but themselves."""

import base64
import hashlib
from html import escape

from aiohttp import web

STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--paper:#fff;--quiet:#54606e;--line:#d5dbe2;--tint:#f4f6f9;--link:#0b57c4;--no:#a4161a}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf1;--paper:#12161c;--quiet:#a4b0be;--line:#343d49;--tint:#1a2029;--link:#85b7ff;--no:#ff9c95}}
*{box-sizing:border-box}
body{font:1.0625rem/1.6 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0}
main{max-width:46rem;margin:0 auto;padding:3rem 1.25rem 4rem}
h1{font-size:2rem;line-height:1.2;margin:0 0 .5rem}
h2{font-size:1.25rem;margin:2.25rem 0 .5rem}
.lead{font-size:1.2rem;color:var(--quiet);margin-top:0}
a{color:var(--link)}
code,pre{font-family:ui-monospace,monospace;font-size:.92em}
code{background:var(--tint);padding:.1em .3em;border-radius:.25em;overflow-wrap:anywhere}
pre{background:var(--tint);border:1px solid var(--line);border-radius:.5rem;padding:1rem;overflow-x:auto}
pre code{background:none;padding:0;overflow-wrap:normal}
table{border-collapse:collapse;width:100%}
caption{text-align:left;color:var(--quiet);padding-bottom:.5rem}
th,td{text-align:left;vertical-align:top;padding:.5rem .75rem .5rem 0;border-top:1px solid var(--line)}
th{font-weight:600}
@media(max-width:36rem){main{padding-top:1.5rem}table,tbody,tr,th,td,caption{display:block}thead{display:none}th,td{padding:0 0 .3rem}td{border:0}th{padding-top:.6rem}}
fieldset{border:1px solid var(--line);border-radius:.5rem;margin:1.25rem 0;padding:.5rem 1rem 1rem}
legend{font-weight:600;padding:0 .4rem}
label{font-weight:600;display:block;margin-top:1rem}
.choice{font-weight:400;display:flex;gap:.6rem;align-items:baseline;margin-top:.5rem}
.hint{color:var(--quiet);margin:.1rem 0 .35rem;font-size:.95rem}
input[type=text],input[type=url],input[type=password]{width:100%;font:inherit;color:inherit;background:var(--paper);padding:.5rem .65rem;border:1px solid var(--quiet);border-radius:.4rem}
button,.button{display:inline-block;font:inherit;font-weight:600;color:#fff;background:#0b57c4;border:0;border-radius:.4rem;padding:.65rem 1.2rem;margin-top:1.5rem;cursor:pointer;text-decoration:none}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
[role=alert]{border-left:.3rem solid var(--no);background:var(--tint);padding:.75rem 1rem;margin:1.5rem 0}
.wrong{color:var(--no);font-weight:600;margin:.1rem 0 .35rem}
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


def page(title: str, body: str, *, sends_to: tuple[str, ...] = (), status: int = 200) -> web.Response:
    """A page. `body` is HTML; `sends_to` are the origins that its forms may send to (`'self'` is ours).

    https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Content-Security-Policy
    """
    targets = " ".join(sends_to) or "'none'"
    headers = {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {targets}; "
        "frame-ancestors 'none'; base-uri 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    text = _PAGE.format(title=escape(title), style=STYLE, body=body)
    return web.Response(text=text, content_type="text/html", headers=headers, status=status)
