"""A configuration of TON: which lite servers there are, and how the chain began."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import httpx2
import msgspec

from ytmarket.adapters.chains.ton.chain import NETWORK, SETTING, ZERO_STATE
from ytmarket.adapters.chains.ton.wire import GlobalConfig
from ytmarket.application.endpoints import Endpoint, seconds_to_wait
from ytmarket.application.ports.chain_reader import ChainMisconfigured, ChainRateLimited, ChainUnavailable
from ytmarket.application.ports.clock import Clock

BYTES_MAX: Final = 2**20
TOO_MANY_REQUESTS: Final = 429
USED: Final = ("@type", "liteservers", "validator")
"""The rest is about finding validators, which a reader does not talk to."""

Config = Mapping[str, Any]

# They tell of every request with its whole URL, and with it the key.
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@attrs.frozen
class ConfigSource:
    """Where a configuration is got from: a file, or a URL."""

    endpoint: Endpoint
    timeout: timedelta
    _clock: Clock

    def check(self) -> None:
        """Raises `ChainMisconfigured` for what is neither, and for a URL that others could answer.

        Everything is believed that the beginning in a configuration proves.
        """
        text = self.endpoint.url
        if text.startswith("/"):
            return
        try:
            parts = urlsplit(text)
            is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            parts, is_usable = urlsplit(""), False
        if not is_usable:
            raise ChainMisconfigured(
                f"{self.endpoint} needs the path of a configuration, /etc/ton/global.config.json, or its URL"
            )
        if parts.scheme == "http" and not _is_loopback(str(parts.hostname)):
            raise ChainMisconfigured(
                f"{self.endpoint} would be believed whoever answers: name an https URL, or a file"
            )

    async def load(self) -> Config:
        """What tonlib is to be given. Raises `ReaderError`.

        A file is the operator's to put right. A URL may answer anything for a while, so only a whole
        configuration of another network is `ChainMisconfigured` there.
        """
        url, is_file = self.endpoint.url, self.endpoint.url.startswith("/")
        content = await (self._read(Path(url)) if is_file else self._fetch(url))
        try:
            config: dict[str, Any] = msgspec.json.decode(content, type=dict[str, Any])
            found = msgspec.convert(config, GlobalConfig)
        except (msgspec.MsgspecError, RecursionError) as error:
            kind = ChainMisconfigured if is_file else ChainUnavailable
            raise kind(f"{self.endpoint} is no configuration of TON: {error}") from None
        zero_state = found.validator.zero_state
        if (zero_state.root_hash, zero_state.file_hash) != ZERO_STATE:
            raise ChainMisconfigured(
                f"{self.endpoint} is a configuration of another network: {SETTING} needs one of {NETWORK},"
                f" whose chain begins with {ZERO_STATE[0]}"
            )
        return {name: config[name] for name in USED if name in config}

    async def _read(self, path: Path) -> bytes:
        try:
            return await asyncio.to_thread(_content, path)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise ChainMisconfigured(f"{self.endpoint} cannot be read: {why}") from None

    async def _fetch(self, url: str) -> bytes:
        seconds = self.timeout / timedelta(seconds=1)
        try:
            # The client's own limits are for each read, which a trickle of bytes never meets.
            async with (
                asyncio.timeout(seconds),
                httpx2.AsyncClient(timeout=seconds, follow_redirects=False) as client,
                client.stream("GET", url) as response,
            ):
                return await self._body(response)
        except TimeoutError:
            trouble = self._unavailable("did not answer in time")
        except httpx2.HTTPError as error:
            trouble = self._unavailable(f"cannot be reached ({type(error).__name__})")
        # Outside the handler: the library's errors hold the URL, and would be logged as the context.
        raise trouble

    async def _body(self, response: httpx2.Response) -> bytes:
        if response.status_code == TOO_MANY_REQUESTS:
            wait = seconds_to_wait(response.headers.get("Retry-After"), self._clock.now())
            raise ChainRateLimited(retry_after=wait)
        if not response.is_success:
            raise self._unavailable(f"answered HTTP {response.status_code}")
        content = b""
        async for part in response.aiter_bytes():
            content += part
            if len(content) > BYTES_MAX:
                raise self._unavailable("answered more than a configuration holds")
        if not content.lstrip().startswith(b"{"):
            raise self._unavailable("did not answer in JSON")
        return content

    def _unavailable(self, why: str) -> ChainUnavailable:
        return ChainUnavailable(f"{self.endpoint} {why}")


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise ValueError("it is larger than a configuration")
    return content


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
