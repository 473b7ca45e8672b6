"""ssh host keys as text: the value in known_hosts, and its fingerprint as ssh prints it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

_KINDS = r"ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com"
_KEY = re.compile(rf"({_KINDS}) ([A-Za-z0-9+/]{{40,3000}}={{0,2}})")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


class BadHostKey(ValueError):
    """Not a host key or not a fingerprint; the message is for a user."""


def fingerprint_of(host_key: str) -> str:
    """SHA256:... of "ssh-ed25519 AAAA..."; refuses all else, so that no text can add a known_hosts line."""
    match = _KEY.fullmatch(host_key)
    try:
        blob = base64.b64decode(match[2], validate=True) if match else b""
    except binascii.Error:
        blob = b""
    if not blob:
        raise BadHostKey("This is not an ssh host key.")
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def check_fingerprint(value: str) -> str:
    if not _FINGERPRINT.fullmatch(value):
        raise BadHostKey("Enter a fingerprint as ssh-keygen -lf shows it: SHA256: and 43 characters.")
    return value
