"""Where the master keys come from: the setting, or a file made once in the data folder.

Their text form is base64 (either alphabet) of 32 bytes each, separated by commas or line ends.
The first key seals; the others only open what they sealed before. To change the key, put a new one in
front, have everything sealed anew, and take the old one away.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final

import attrs

from ytmarket.application.errors import ApplicationError

KEY_BYTES: Final = 32
FILE_NAME: Final = "master.key"
SETTING: Final = "YTMARKET_MASTER_KEY"
HOW_TO_MAKE_ONE: Final = 'python3 -c "import base64, os; print(base64.b64encode(os.urandom(32)).decode())"'
FILE_BYTES_MAX: Final = 65_536


class MasterKeyError(ApplicationError):
    """The master key cannot be used."""


@attrs.frozen(kw_only=True)
class MasterKeys:
    """The keys under which secrets are stored. They never show in a repr."""

    current: bytes = attrs.field(repr=False)
    old: tuple[bytes, ...] = attrs.field(default=(), repr=False)

    @classmethod
    def parse(cls, text: str, source: str = SETTING) -> MasterKeys:
        """Read the text form; *source* is named in errors. Raises `MasterKeyError`."""
        words = [word for word in re.split(r"[\s,]+", text) if word]
        if not words:
            raise MasterKeyError(f"{source} is empty; make one with: {HOW_TO_MAKE_ONE}")
        keys = [_decode(word, f"key {number} in {source}") for number, word in enumerate(words, 1)]
        if len(set(keys)) < len(keys):
            raise MasterKeyError(f"{source} names the same key twice; name each once, the current one first")
        return cls(current=keys[0], old=tuple(keys[1:]))


def load_master_keys(setting: str | None, data_dir: Path) -> MasterKeys:
    """The keys in the setting, if it is made, or else those in the data folder's file.

    The file is made at the first start, for the owner's eyes only. A file that is there is never
    replaced: without it nothing that it sealed can be read again. Raises `MasterKeyError`.
    """
    if setting is not None:
        return MasterKeys.parse(setting)
    path = data_dir / FILE_NAME
    try:
        text = _read_private(path)
    except FileNotFoundError:
        _make(path)
        text = _read_private(path)
    return MasterKeys.parse(text, source=str(path))


def _decode(word: str, name: str) -> bytes:
    # Padding says nothing that the length does not, and is lost easily.
    standard = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        key = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise MasterKeyError(f"{name} is not base64; make one with: {HOW_TO_MAKE_ONE}") from None
    if len(key) != KEY_BYTES:
        raise MasterKeyError(
            f"{name} has {len(key)} bytes instead of {KEY_BYTES}; make one with: {HOW_TO_MAKE_ONE}"
        )
    return key


def _read_private(path: Path) -> str:
    """What the file says, if only its owner can read it. Raises FileNotFoundError where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise MasterKeyError(f"{path} cannot be read: {error.strerror}") from None
    with open(descriptor, "rb") as file:  # noqa: PTH123 - the same file is judged and read
        facts = os.fstat(descriptor)
        if stat.S_IMODE(facts.st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
            raise MasterKeyError(f"{path} can be read by others than its owner; run: chmod 600 {path}")
        if facts.st_uid not in {os.geteuid(), 0}:
            raise MasterKeyError(f"{path} belongs to another user; run: chown {os.geteuid()} {path}")
        content = file.read(FILE_BYTES_MAX)
    return content.decode("ascii", "replace")


def _make(path: Path) -> None:
    """Write a new key so that the file appears whole or not at all, and the first of two makers wins."""
    text = base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n"
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _make_folder(path.parent)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - made with its mode, not given it later
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            _publish(draft, path)
        finally:
            draft.unlink()
    except OSError as error:
        raise MasterKeyError(f"{path} cannot be made: {error.strerror}") from None


def _make_folder(folder: Path) -> None:
    """Make what is missing of the path, passable by others only where root's database must get through."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        place.chmod(0o711 if os.geteuid() == 0 else 0o700)


def _publish(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return  # somebody else was first; theirs holds
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
