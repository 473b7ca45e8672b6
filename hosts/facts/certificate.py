"""Until when a certificate is valid, read from its PEM text (X.509, RFC 5280). Nothing of it is verified."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_SEQUENCE, _VERSION = 0x30, 0xA0
#: how the two types of time are written; the first has two digits of the year, which are those after 1950
_TIMES = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}
#: before it in a certificate: serial number, algorithm, issuer
_BEFORE_VALIDITY = 3


def valid_until(text: str) -> datetime:
    """Of the first one in the text, which is the owner's own. Raises ValueError."""
    begin = text.find(_BEGIN)
    end = text.find(_END, begin)
    if begin < 0 or end < 0:
        raise ValueError("no certificate")
    fields = _inside(ssl.PEM_cert_to_DER_cert(text[begin : end + len(_END)]), _SEQUENCE)
    body = list(_parts(_inside(fields, _SEQUENCE)))
    if body and body[0][0] == _VERSION:
        del body[0]
    if len(body) <= _BEFORE_VALIDITY or body[_BEFORE_VALIDITY][0] != _SEQUENCE:
        raise ValueError("no validity")
    times = _parts(body[_BEFORE_VALIDITY][1])
    if len(times) != 2:
        raise ValueError("no validity")
    kind, value = times[1]
    if kind not in _TIMES:
        raise ValueError("no time")
    until = datetime.strptime(value.decode("ascii"), _TIMES[kind]).replace(tzinfo=UTC)
    return until.replace(year=until.year - 100) if kind == 0x17 and until.year >= 2050 else until


def _inside(data: bytes, kind: int) -> bytes:
    """The content of the part that the data begins with."""
    parts = _parts(data)
    if not parts or parts[0][0] != kind:
        raise ValueError("no such part")
    return parts[0][1]


def _parts(data: bytes) -> list[tuple[int, bytes]]:
    """(type, content) of each part in a row, as DER has them."""
    found, at = [], 0
    while at + 2 <= len(data):
        kind, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            more = length & 0x7F
            length, at = int.from_bytes(data[at : at + more], "big"), at + more
        if at + length > len(data):
            raise ValueError("cut off")
        found.append((kind, data[at : at + length]))
        at += length
    return found
