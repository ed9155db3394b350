"""The secrets of a request in every form in which an answer may repeat them, and their removal."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

from assets.sources._base import Request


def secrets_of(request: Request) -> list[str]:
    """The secrets of a request in every form in which an answer may repeat them, the longest first."""
    values = {v for v in (*request.secret_params.values(), *request.secret_headers.values()) if v}
    # Of "Bearer <key>" an answer may repeat the key alone.
    values |= {
        v.split(" ", 1)[1]
        for v in values
        if v.lower().startswith(("bearer ", "basic ", "token ")) and v.split(" ", 1)[1]
    }
    forms = {
        form
        for v in values
        for form in (
            v,
            quote(v, safe=""),
            quote_plus(v),
            json.dumps(v)[1:-1],
            html.escape(v),
            base64.b64encode(v.encode()).decode(),
        )
    }
    return sorted(forms, key=len, reverse=True)


def without(text: str, secrets: list[str]) -> str:
    """The text with each secret replaced by REDACTED."""
    for value in secrets:
        text = text.replace(value, "REDACTED")
    return text


def scrub(path: Path, secrets: list[str]) -> None:
    """Replace the secrets that an answer repeats (EIA repeats the key in every answer) in its file."""
    body = path.read_bytes() if secrets else b""
    found = [v for v in secrets if v.encode() in body]
    for value in found:
        body = body.replace(value.encode(), b"REDACTED")
    if found:
        path.write_bytes(body)
