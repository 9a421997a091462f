"""What a provider's reply used, read as the reply passes by."""

import json
from typing import Any

from .endpoint import Endpoint
from .http import LARGEST_REPLY
from .wire.answer import ProviderFault, Reader
from .wire.stream import EventStream

NOT_ITS_FORMAT = (ValueError, KeyError, TypeError, AttributeError, RecursionError, ProviderFault)


class Reading:
    """Looks into a reply as it passes, for what it used."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._reader: Reader = endpoint.wire.reader()
        self._events = EventStream()
        self._whole = b""
        self._size = 0
        self._lost = False

    def feed(self, chunk: bytes, *, streamed: bool) -> None:
        """A piece of the reply. Whatever is wrong with it is the asker's to find out: then nothing is known of it."""
        self._size += len(chunk)
        if self._size > LARGEST_REPLY:
            raise OSError(f"the reply is longer than {LARGEST_REPLY} bytes")
        if not streamed:
            self._whole += chunk
            return
        try:
            for event in self._events.feed(chunk):
                self._reader.feed(event)
        except NOT_ITS_FORMAT:  # a provider's rubbish is the asker's to find out
            self._lost = True

    def answer(self) -> Any:
        """The whole reply; None when it was not understood."""
        try:
            if self._whole:
                return self._endpoint.wire.whole(json.loads(self._whole))
            return self._reader.answer() if self._reader.complete and not self._lost else None
        except NOT_ITS_FORMAT:
            return None
