from __future__ import annotations

from channels.security.websocket import WebsocketDenier
from django.urls import path, re_path

from migrations_app.consumers import LiveConsumer

websocket_urlpatterns = [
    path("ws/live/", LiveConsumer.as_asgi()),
    re_path("", WebsocketDenier.as_asgi()),  # else every guess at an address is a traceback in the log
]
