"""The queue by profit on the wallet x margin use."""

from fractions import Fraction

from monitor.core.deleveraging.queue_binance import POLICY
from monitor.core.deleveraging.round import Round, Winner
from tests.core.deleveraging.rounds import lots_taken

ROUND = Round(
    kind="linear",
    contract_size=Fraction(1),
    lot_size=Fraction(1),
    side="long",
    mark_price=Fraction(110),
    winners=tuple(
        Winner(
            account=name,
            lots=5,
            entry_price=Fraction(100),
            wallet_balance=Fraction(wallet),
            maintenance_margin=Fraction(30),
        )
        for name, wallet in (("poor", -50), ("middle", 100), ("rich", 1_000))
    ),
)


def test_the_score_is_the_published_one() -> None:
    shares = POLICY.split(ROUND, "contracts", Fraction(0))
    assert [share.score for share in shares] == [
        None,
        Fraction(1, 2) * Fraction(30, 150),
        Fraction(50, 1_000) * Fraction(30, 1_050),
    ]


def test_the_first_gives_its_whole_position_first() -> None:
    assert lots_taken(POLICY, ROUND, 7) == {"poor": 5, "middle": 2, "rich": 0}
