"""A command of a synchronous project, Django-style: gives every subscriber this month's credit, once.

`python examples/sync_command.py --month 2026-05 subscribers.csv`, with lines such as `Ann's shop,25.00`.
Run it again after a failure, or by two people at once: nobody is credited twice.
"""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

from ytmarket.application.audit import Actor
from ytmarket.application.ports.queries import Paging
from ytmarket.domain import Usdt
from ytmarket.domain.api_keys import KeySummary
from ytmarket.domain.errors import AlreadyDone
from ytmarket.entrypoints.blocking import BlockingShop, open_blocking_shop
from ytmarket.entrypoints.settings import Settings

# settings.py of your project: what you would put into the environment of a server.
YTMARKET: Final = {"YTMARKET_DATA_DIR": "data"}


# management/commands/credit_subscribers.py
class Command:
    help = "Credits this month's allowance to every subscriber, once."

    def __init__(self, stdout: TextIO = sys.stdout) -> None:
        self.stdout = stdout

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("subscribers", type=Path, help="a CSV file of labels and amounts")
        parser.add_argument("--month", required=True, help="such as 2026-05; each is credited once")

    def handle(self, *, subscribers: Path, month: str, settings: Settings | None = None) -> None:
        settings = settings or Settings.from_environment(YTMARKET)
        with subscribers.open(newline="", encoding="utf-8") as file, open_blocking_shop(settings) as shop:
            known = {row.key.label: row for row in self.keys(shop) if row.key.revoked_at is None}
            for label, amount in csv.reader(file):
                fp = known[label].key.fp if label in known else self.welcome(shop, label)
                self.credit(shop, label, fp, Usdt.of(amount), f"{month}:{fp}")

    def welcome(self, shop: BlockingShop, label: str) -> str:
        """Mints a key for somebody new; it is printed now, and never again."""
        minted = shop.call(shop.services.api_keys.mint, label, Actor("cron"), with_secret=False)
        self.stdout.write(f"{label}: welcome, your key is {minted.key}\n")
        return minted.record.fp

    def credit(self, shop: BlockingShop, label: str, fp: str, amount: Usdt, ref: str) -> None:
        try:
            shop.call(shop.services.api_keys.adjust, fp, amount, "monthly allowance", ref, Actor("cron"))
        except AlreadyDone:
            self.stdout.write(f"{label}: has had it\n")
        else:
            self.stdout.write(f"{label}: {amount} USDT credited\n")

    @staticmethod
    def keys(shop: BlockingShop) -> Iterator[KeySummary]:
        """All keys, a page at a time."""
        paging = Paging(page=1, page_size=100)
        while (found := shop.call(shop.services.queries.key_summaries, paging)).rows:
            yield from found.rows
            paging = Paging(page=paging.page + 1, page_size=100)


def main(arguments: Sequence[str] | None = None) -> None:
    """What manage.py does."""
    command = Command()
    parser = argparse.ArgumentParser(description=command.help)
    command.add_arguments(parser)
    command.handle(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
