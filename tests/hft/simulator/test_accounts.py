from __future__ import annotations

from pathlib import Path

import pytest

from hft.simulator.__main__ import main
from hft.simulator.accounts import credentials_of, read_accounts
from tests.tidy.sources import ROOT

KEY = 'keys = [{ key = "k", secret = "s" }]'
HEAD = '[[accounts]]\nname = "a"\n'
OTHER = '[[accounts]]\nname = "b"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ("accounts",)),
        ("accounts = []", ("accounts", "length")),
        ("[[accounts]]\nname =", ("Invalid value",)),
        (HEAD + KEY + "\nmany = 1", ("unknown field", "many")),
        (HEAD + "keys = []", ("keys",)),
        (HEAD + 'keys = [{ key = "k y", secret = "s" }]', ("keys[0].key",)),
        (HEAD + 'keys = [{ key = "k" }]', ("keys[0]", "secret")),
        (HEAD + 'keys = [{ key = "k", secret = "s", secret_file = "f" }]', ("secret",)),
        (HEAD + 'keys = [{ key = "k", secret_file = "nowhere" }]', ("nowhere",)),
        (HEAD + 'keys = [{ key = "k", kind = "dsa", secret = "s" }]', ("kind", "dsa")),
        (HEAD + 'keys = [{ key = "k", kind = "rsa", secret = "s" }]', ("public_key",)),
        (HEAD + 'keys = [{ key = "k", kind = "rsa", public_key = "x" }]', ("PEM",)),
        (HEAD + 'keys = [{ key = "k", secret = "s", ips = ["home"] }]', ("home",)),
        (HEAD + KEY + "\ndeposits = { USDT = 10 }", ("deposits", "str")),
        (HEAD + KEY + '\ndeposits = { USDT = "-1" }', ("deposits",)),
        (HEAD + KEY + '\ndeposits = { USDT = "1e9" }', ("deposits",)),
        (HEAD + KEY + '\ndeposits = { GOLD = "1" }', ("account a", "asset")),
        (HEAD + KEY + "\nleverage = { BTCUSDT = 500 }", ("leverage",)),
        (HEAD + KEY + "\nleverage = { NOPE = 5 }", ("Invalid symbol",)),
        (HEAD + KEY + '\nmaker_fee = "2"', ("maker_fee",)),
        (f"{HEAD}{KEY}\n{HEAD}{KEY}", ("name 'a'", "twice")),
        (f"{HEAD}{KEY}\n{OTHER}{KEY}", ("key 'k'", "twice")),
    ],
)
def test_wrong_words_are_refused_with_the_file_and_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: tuple[str, ...]
) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text(text)
    assert main(["--port", "0", "--accounts", str(file)]) == 4
    told = capsys.readouterr()
    assert told.out == ""
    assert str(file) in told.err
    for word in words:
        assert word in told.err, told.err


def test_a_file_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--port", "0", "--accounts", str(tmp_path / "none.toml")]) == 4
    assert "none.toml" in capsys.readouterr().err


def test_the_accounts_file_of_the_docs_opens(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    text = (ROOT / "docs/doors.md").read_text()
    file.write_text(text.partition("```toml\n")[2].partition("```")[0])
    first, second = read_accounts(file)
    keys = [*credentials_of(file, first, 1), *credentials_of(file, second, 2)]
    assert [key.kind for key in keys] == ["HMAC_SHA256", "ED25519", "HMAC_SHA256"]
    assert [key.can_trade for key in keys] == [True, True, False]


def test_amounts_are_exact(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text(HEAD + KEY + '\ndeposits = { USDT = "10000.00000001", BNB = "3" }')
    (plan,) = read_accounts(file)
    assert plan.deposits_e8() == {"USDT": 1_000_000_000_001, "BNB": 300_000_000}
