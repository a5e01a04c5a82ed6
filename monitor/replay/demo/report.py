"""What a person sees of the demo: addresses, a line while it plays, and the last table."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from monitor.replay.demo import listing
from monitor.replay.demo.exchange import Exchange
from monitor.replay.demo.live import LiveExchange
from monitor.replay.demo.scenario import STEP_NS
from monitor.replay.demo.story import Moment

TABLE_WIDTH = 130


def fund_text(asset: int, units: int) -> str:
    """Return a fund's balance with its asset."""
    definition = listing.ASSETS[asset]
    digits = 0 if asset == 0 else 4
    return f"{units / definition.units_per_one:,.{digits}f} {definition.name}"


def progress_line(live: LiveExchange) -> str:
    """Return how the exchange does right now, in one line."""
    exchange = live.exchange
    seconds = exchange.steps * STEP_NS / 1e9
    change = exchange.indices[0] / 100 / listing.INDEX_STARTS[0] - 1
    start = exchange.funds_at_start[0] if exchange.funds_at_start else 0
    fund = exchange.desk.funds.units[0] / start if start else 0.0
    totals = exchange.losses.totals
    return (
        f"{seconds:5.1f} s  BTC {exchange.indices[0] / 100:,.0f} ({change:+.1%})  "
        f"liquidations {exchange.liquidator.started}  under water {len(totals.bankrupt)}  "
        f"fund {fund:.0%}  deleveraged {len(totals.deleveraged)}  "
        f"decisions {sum(live.story.kinds.values())}"
    )


def moment_line(moment: Moment, start_ns: int) -> str:
    """Return a turn of the story in one line."""
    return (
        f"{(moment.event_ns - start_ns) / 1e9:6.1f} s  {moment.name} "
        f"[dim]({moment.detail}; detected after {moment.latency_s * 1000:.0f} ms)[/dim]"
    )


def moments_table(moments: Sequence[Moment], start_ns: int) -> Table:
    """Return the turns of the story, with when they happened and when they were detected."""
    table = Table(title="What happened, and when it was detected", title_justify="left")
    table.add_column("event")
    table.add_column("first at", justify="right")
    table.add_column("detected after", justify="right")
    table.add_column("decisions", justify="right")
    table.add_column("the first one")
    for moment in moments:
        table.add_row(
            moment.name,
            f"{(moment.event_ns - start_ns) / 1e9:.1f} s",
            f"{moment.latency_s * 1000:.0f} ms",
            f"{moment.count:,}",
            moment.detail,
        )
    return table


def totals_table(live: LiveExchange) -> Table:
    """Return what the exchange did, beside what the monitor said."""
    exchange: Exchange = live.exchange
    totals, said = exchange.losses.totals, live.story.accounts
    table = Table(title="The exchange and the monitor", title_justify="left")
    table.add_column("")
    table.add_column("the exchange", justify="right")
    table.add_column("the monitor", justify="right")
    rows = (
        ("accounts that ended under water", totals.bankrupt, said.get("account_bankrupt", set())),
        ("winners deleveraged", totals.deleveraged, said.get("deleveraging_planned", set())),
        ("accounts charged a share", totals.charged, said.get("loss_socialized", set())),
    )
    for name, done, decided in rows:
        table.add_row(name, f"{len(done):,}", f"{len(decided):,}")
    table.add_row("halts", f"{live.halts:,}", f"{live.story.kinds['breaker_tripped']:,} trips")
    for asset, name in enumerate(listing.FUNDS):
        start, end = exchange.funds_at_start[asset], exchange.desk.funds.units[asset]
        table.add_row(
            f"{name}: start, lowest, end",
            f"{fund_text(asset, start)}, {fund_text(asset, live.fund_low[asset])}, "
            f"{fund_text(asset, end)}",
            "",
        )
        table.add_row(
            f"{name}: paid, socialized",
            f"{fund_text(asset, totals.paid_by_fund[asset])}, "
            f"{fund_text(asset, totals.socialized[asset])}",
            "",
        )
    return table


def wide_enough(console: Console) -> Console:
    """Return a console for the tables: a file or a pipe is given their full width."""
    return console if console.is_terminal else Console(width=TABLE_WIDTH, soft_wrap=True)


def print_end(console: Console, live: LiveExchange) -> None:
    """Print what happened."""
    start_ns = live.exchange.start_ns
    console.print()
    moments = sorted(live.story.moments.values(), key=lambda moment: moment.event_ns)
    console.print(moments_table(moments, start_ns))
    if live.exchange.funds_at_start:
        console.print(totals_table(live))
    middle, late = live.story.latency_s(0.5), live.story.latency_s(0.99)
    if middle is not None and late is not None:
        console.print(
            f"{len(live.story.latencies_s):,} decisions; detection latency "
            f"p50 {middle * 1000:.0f} ms, p99 {late * 1000:.0f} ms (event time to received)"
        )
