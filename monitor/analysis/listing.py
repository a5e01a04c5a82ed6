"""What an analysis needs beside an image: lots, factors, funding, which units are no trader's."""

from collections.abc import Sequence

import numpy as np

from monitor.analysis.funding import Rates
from monitor.analysis.positions import Counts, Listing
from monitor.core.accounts import AccountEngine
from monitor.core.ledger.columns import NONE
from monitor.core.ledger.store import ROLE_NUMBERS
from monitor.core.market import Market

_NO_TRADERS = (ROLE_NUMBERS["liquidator"], ROLE_NUMBERS["insurance_fund"])


def listings_of(market: Market) -> list[Listing]:
    """Return every instrument in the order of names; those on one index are of one factor."""
    factors: dict[str, int] = {}
    found = []
    for number, (name, listed) in enumerate(sorted(market.instruments.items())):
        factor = factors.setdefault(listed.index, number) if listed.index else number
        found.append(Listing(name, float(listed.lot_size * listed.contract_size), factor))
    return found


def rates_of(market: Market, listings: Sequence[Listing]) -> Rates:
    """Return the predicted funding rate of every instrument, and when it is paid."""
    known = [market.funding_rates.get(listing.name) for listing in listings]
    return Rates(
        rate=np.array([np.nan if one is None else float(one.rate) for one in known], np.float64),
        next_ns=np.array([0 if one is None else one.next_funding_ns for one in known], np.int64),
    )


def no_traders(engine: AccountEngine) -> Counts:
    """Return the margin units of vaults and insurance funds."""
    table, units = engine.ledger.store.accounts, engine.margin_units
    accounts = np.flatnonzero(np.isin(table.arrays["role"], _NO_TRADERS))
    crosses = table.arrays["unit"][accounts]
    found = crosses[crosses != NONE].tolist()
    for account in accounts.tolist():
        found += units.isolated.get(account, {}).values()
    return np.array(sorted(found), np.int64)
