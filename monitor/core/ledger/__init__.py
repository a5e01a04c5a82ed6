"""The exact ledger: balances and positions of every account, in columns of integers.

Start at `ledger.py` (facts in, conserved sums). An account is a number inside and a name outside;
`Account` and `Position` are a number and a way to the columns, made when asked for.

- `columns.py`: a table of rows: columns, free rows, growth
- `entries.py`: an entry price in 64 bits, its text kept to the letter
- `names.py`: names as numbers, as long as somebody has them
- `payments.py`: funding that is owed
- `store.py`: the tables, and the lists that rows form: of an account, of an instrument
- `account.py`: what the rest of the core sees of an account and of a position
"""

from monitor.core.ledger.account import Account, Position, entry_price, position_quantity
from monitor.core.ledger.ledger import CLOSED_KEPT_MAX, Ledger
from monitor.core.ledger.payments import PendingPayment, PositionKey

__all__ = [
    "CLOSED_KEPT_MAX",
    "Account",
    "Ledger",
    "PendingPayment",
    "Position",
    "PositionKey",
    "entry_price",
    "position_quantity",
]
