"""What a number means is told once, and forgotten with the name that had the number."""

from monitor.core.instruments import Instrument
from monitor.core.ledger.columns import Layout
from monitor.core.ledger.meanings import ASSET_MEANING, IN_FULL, Meanings
from monitor.core.ledger.store import Store
from tests.core.ledger.books import instrument


def test_more_numbers_than_records_keep_what_was_told() -> None:
    layout = Layout()
    meanings = Meanings(ASSET_MEANING, layout)
    for number in range(200):
        meanings.begin(number)
        meanings.tell(number, 0.01, IN_FULL, number)
    assert layout.moves > 0
    assert [int(slot) for slot in meanings.records["slot"][:200]] == list(range(200))
    assert all(meanings.is_told(number) for number in range(200))
    meanings.forget()
    assert not any(meanings.is_told(number) for number in range(200))


def test_an_asset_that_gets_the_number_of_another_means_nothing_yet() -> None:
    store = Store(4)
    ann = store.open_account("ann")
    store.exchange_balance(ann, "EUR", 5)
    number = store.assets.find("EUR")
    store.asset_meanings.tell(number, 0.01, IN_FULL, 3)
    store.exchange_balance(store.open_account("bob"), "EUR", 5)
    assert store.asset_meanings.is_told(number)
    store.exchange_balance(ann, "EUR", 0)
    store.exchange_balance(store.numbers.find("bob"), "EUR", 0)
    store.exchange_balance(ann, "GBP", 5)
    assert store.assets.find("GBP") == number
    assert not store.asset_meanings.is_told(number)


def test_an_instrument_that_gets_the_number_of_another_means_nothing_yet() -> None:
    store, first, second = Store(4), instrument("A-PERP"), instrument("B-PERP")
    number = held(store, first)
    store.instrument_meanings.tell(number, 1.0, 0.01, 0, 7)
    store.remove_position(0)
    store.forget_instrument("A-PERP")
    assert held(store, second) == number
    assert not store.instrument_meanings.is_told(number)


def held(store: Store, what: Instrument) -> int:
    """Return the number of an instrument that a new account holds."""
    store.add_position(store.open_account(what.name), what, "net")
    return store.instrument_numbers[what.name]
