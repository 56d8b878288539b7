import base64
import os
import stat
import threading
from pathlib import Path

import pytest

from ytmarket.adapters.system.master_key import FILE_NAME, MasterKeyError, MasterKeys, load_master_keys

ONE, TWO, THREE = (bytes([number]) * 32 for number in (251, 2, 3))


def text_of(*keys: bytes) -> str:
    return ",".join(base64.b64encode(key).decode() for key in keys)


@pytest.mark.parametrize(
    "text",
    [
        text_of(ONE, TWO),
        text_of(ONE, TWO).replace(",", " , \n"),
        text_of(ONE, TWO).replace("=", ""),
        ",".join(base64.urlsafe_b64encode(key).decode() for key in (ONE, TWO)),
        text_of(ONE) + "\n" + text_of(TWO) + "\n",
    ],
)
def test_the_first_key_is_the_current_one_in_every_spelling(text: str) -> None:
    assert MasterKeys.parse(text) == MasterKeys(current=ONE, old=(TWO,))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "YTMARKET_MASTER_KEY is empty"),
        (" ,\n", "YTMARKET_MASTER_KEY is empty"),
        ("correct horse battery staple", "key 1 in YTMARKET_MASTER_KEY"),
        ("ab!d", "is not base64"),
        ("абв", "is not base64"),
        ("QUJDR", "is not base64"),
        (text_of(ONE[:31]), "31 bytes instead of 32"),
        (text_of(ONE, TWO * 2), "key 2 in YTMARKET_MASTER_KEY has 64 bytes"),
        (text_of(ONE, TWO, ONE), "the same key twice"),
    ],
)
def test_a_wrong_setting_is_told_with_what_to_do(text: str, said: str) -> None:
    with pytest.raises(MasterKeyError, match=said) as caught:
        MasterKeys.parse(text)
    assert text == "" or text not in str(caught.value)


def test_keys_do_not_show_in_a_repr() -> None:
    keys = MasterKeys(current=ONE, old=(TWO,))
    assert repr(ONE)[2:-1] not in repr(keys)
    assert "251" not in repr(keys)


def test_without_a_setting_a_key_is_made_once_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there yet"
    first = load_master_keys(None, folder)
    assert len(first.current) == 32
    assert first.old == ()
    assert load_master_keys(None, folder) == first
    assert stat.S_IMODE((folder / FILE_NAME).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]
    assert load_master_keys(None, tmp_path).current != first.current


def test_its_mode_does_not_hang_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        load_master_keys(None, tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_the_setting_comes_before_the_file(tmp_path: Path) -> None:
    assert load_master_keys(text_of(ONE), tmp_path).current == ONE
    assert list(tmp_path.iterdir()) == []


def test_of_many_that_start_at_once_all_have_one_key(tmp_path: Path) -> None:
    gate = threading.Barrier(16)
    found: list[MasterKeys] = []

    def start() -> None:
        gate.wait()
        found.append(load_master_keys(None, tmp_path))

    threads = [threading.Thread(target=start) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len({keys.current for keys in found}) == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644, 0o601, 0o666])
def test_a_file_that_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    load_master_keys(None, tmp_path)
    path = tmp_path / FILE_NAME
    path.chmod(mode)
    with pytest.raises(MasterKeyError, match=f"others than its owner; run: chmod 600 {path}"):
        load_master_keys(None, tmp_path)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\x00 what is this", b"c2hvcnQ="])
def test_a_spoilt_file_is_told_and_never_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(MasterKeyError, match=str(path)):
        load_master_keys(None, tmp_path)
    assert path.read_bytes() == content


def test_a_file_with_an_old_key_behind_it_turns_the_key(tmp_path: Path) -> None:
    old = load_master_keys(None, tmp_path).current
    path = tmp_path / FILE_NAME
    path.write_text(text_of(THREE) + "\n" + path.read_text())
    assert load_master_keys(None, tmp_path) == MasterKeys(current=THREE, old=(old,))


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MasterKeyError, match="file"):
        load_master_keys(None, tmp_path / "file" / "data")
