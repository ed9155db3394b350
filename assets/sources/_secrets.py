"""Secrets of a request, in every form in which an answer may echo them, and how they are blotted out."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

from assets.sources._base import Request


def secrets_of(request: Request) -> list[str]:
    """This request's secrets in every form in which an answer may echo them, the longest first."""
    values = {v for v in (*request.secret_params.values(), *request.secret_headers.values()) if v}
    # "Bearer <key>": the key alone may be echoed.
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
    """The text with each secret blotted out."""
    for value in secrets:
        text = text.replace(value, "REDACTED")
    return text


def scrub(path: Path, secrets: list[str]) -> None:
    """Blot out secrets where an answer echoes them (EIA repeats its key in every answer)."""
    body = path.read_bytes() if secrets else b""
    found = [v for v in secrets if v.encode() in body]
    for value in found:
        body = body.replace(value.encode(), b"REDACTED")
    if found:
        path.write_bytes(body)
