"""How a state is shown. Pure, so every room can use it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Badge:
    """Word, colour name (green, amber, red, grey, blue), icon of the sprite."""

    label: str
    colour: str
    icon: str
