"""Content names: canonical JSON, SHA-256, and text made safe as one path segment."""

import hashlib
import json
import re

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_RESERVED = re.compile(r"\.lock\Z|\.\.|\.\Z|\A\.?git\Z", re.IGNORECASE)

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical(value: object) -> bytes:
    """The one JSON form of a value: sorted keys, no blanks, UTF-8. NaN raises ``ValueError``."""
    return _encode(value).encode("utf-8", "surrogatepass")


def digest(value: object) -> str:
    """The first 20 hex digits (80 bits) of SHA-256 over the canonical form."""
    return hashlib.sha256(canonical(value)).hexdigest()[:20]


def path_safe(text: str) -> str:
    """``text`` as one path segment: itself where git and every file system take it, else a slug with a digest."""
    if _SAFE.match(text) and not _RESERVED.search(text):
        return text
    slug = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:60] or "x"
    return f"{slug}-{digest(text)[:12]}"
