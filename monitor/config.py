"""The configuration file: frozen, strict records read once from TOML.

An empty file is valid and means the defaults. Unknown keys are refused, bounds stand in the
types, and `cross_check` holds what one key says against another. Secrets come only from
environment variables or files (`password_file`), never from the file itself.
"""

import hashlib
import ipaddress
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from monitor.analysis.settings import ShadowSettings
from monitor.config_lines import line_of
from monitor.core.breaker_checks import breaker_problems
from monitor.core.breaker_settings import BreakerSettings
from monitor.core.oracle_settings import OracleSettings, oracle_problems
from monitor.core.settings import (
    LOSS_LAYERS,
    TRIGGERS,
    AuditSettings,
    DeleveragingSettings,
    EngineSettings,
    FundSettings,
    LiquidationWatchSettings,
    MarginSettings,
    WaterfallSettings,
    WithdrawalSettings,
)
from monitor.core.settings_record import (
    NonNegativeFloat,
    PositiveFloat,
    Settings,
    SettingsError,
)
from monitor.core.wording import reworded

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
FeedSymbol = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[A-Za-z0-9_.:/-]+(=\S+)?$")]
WebsocketUrl = Annotated[str, msgspec.Meta(max_length=2048, pattern=r"^wss?://\S+$")]
HttpUrl = Annotated[str, msgspec.Meta(max_length=2048, pattern=r"^https?://\S+$")]


class ConfigurationError(SettingsError):
    """The configuration file cannot be used."""


class ServiceSettings(Settings, frozen=True, kw_only=True):
    """`[service]`: the daemon itself."""

    state_directory: str = "state"
    snapshot_interval_s: PositiveFloat = 60.0
    snapshots_kept: Annotated[int, msgspec.Meta(ge=2, le=100)] = 3
    shard: Annotated[int, msgspec.Meta(ge=0)] = 0
    shards: Annotated[int, msgspec.Meta(ge=1)] = 1
    bootstrap: bool = False
    action_age_max_s: NonNegativeFloat = 60.0
    held_back_events_max: Annotated[int, msgspec.Meta(ge=0)] = 10_000
    accounts_reserved: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)] = 100_000
    inbox_events_max: Annotated[int, msgspec.Meta(ge=100)] = 50_000
    batch_events_max: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 5_000
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class TopicSettings(Settings, frozen=True, kw_only=True):
    """`[kafka.topics]`: the four topics."""

    accounts: Name = "loss-monitor.events.accounts"
    market: Name = "loss-monitor.events.market"
    decisions: Name = "loss-monitor.decisions"
    quarantine: Name = "loss-monitor.quarantine"


class KafkaSettings(Settings, frozen=True, kw_only=True):
    """`[kafka]`: the broker that holds the events and the decisions."""

    bootstrap_servers: str = "127.0.0.1:9092"
    topics: TopicSettings = TopicSettings()
    create_topics: bool = False
    accounts_partitions: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 4
    request_timeout_s: PositiveFloat = 5.0


class RedisSettings(Settings, frozen=True, kw_only=True):
    """`[redis]`: the mirror of the live state; an empty url switches it off."""

    url: str = "redis://127.0.0.1:6379/0"
    prefix: Name = "loss-monitor"
    username: str | None = None
    password_file: str | None = None
    worst_accounts: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1_000
    interval_s: PositiveFloat = 0.25
    timeout_s: PositiveFloat = 2.0


class HttpSettings(Settings, frozen=True, kw_only=True):
    """`[http]`: metrics, health, API and console; `listen` empty switches it off.

    Off loopback it needs a certificate, its key and a token, or `allow_insecure`. `hosts`: the
    names by which clients may call it, beside `localhost` and addresses.
    """

    listen: str = "127.0.0.1:8080"
    allow_insecure: bool = False
    hosts: tuple[str, ...] = ()
    tls_certificate_file: str | None = None
    tls_key_file: str | None = None
    token_file: str | None = None
    connections_max: Annotated[int, msgspec.Meta(ge=4, le=1024)] = 64


class FeedSettings(Settings, frozen=True, kw_only=True):
    """`[[feeds]]`: a connection to a venue or an oracle.

    `role`: `reference` (its mark becomes an index price with the feed as source: it judges),
    `index` (its index values collateral), `mark` (its mark margins: running without an exchange).
    A symbol is the venue's; where our instrument or index has another name, that stands behind
    it: `BTCUSDT=BTC-PERP`.
    """

    name: Name
    venue: Literal["binance-usdm", "pyth-hermes"]
    symbols: Annotated[tuple[FeedSymbol, ...], msgspec.Meta(min_length=1, max_length=1024)]
    url: WebsocketUrl | None = None
    rest_url: HttpUrl | None = None
    stale_after_s: PositiveFloat = 10.0
    role: Literal["reference", "index", "mark"] = "reference"
    mark_from: Literal["mark", "mid"] = "mark"


class WebhookSettings(Settings, frozen=True, kw_only=True):
    """`[[webhooks]]`: decisions posted to an address, signed with HMAC-SHA256."""

    name: Name
    url: str
    secret_file: str | None = None
    decisions: tuple[str, ...] = ()
    timeout_s: PositiveFloat = 5.0


class Configuration(Settings, frozen=True, kw_only=True):
    """The whole file."""

    service: ServiceSettings = ServiceSettings()
    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    http: HttpSettings = HttpSettings()
    feeds: tuple[FeedSettings, ...] = ()
    webhooks: tuple[WebhookSettings, ...] = ()
    margin: MarginSettings = MarginSettings()
    funds: tuple[FundSettings, ...] = ()
    waterfall: WaterfallSettings = WaterfallSettings()
    withdrawals: WithdrawalSettings = WithdrawalSettings()
    deleveraging: DeleveragingSettings = DeleveragingSettings()
    breakers: tuple[BreakerSettings, ...] = ()
    liquidation_watch: LiquidationWatchSettings = LiquidationWatchSettings()
    audit: AuditSettings = AuditSettings()
    oracles: OracleSettings = OracleSettings()
    shadow: ShadowSettings = ShadowSettings()

    def engine_settings(self) -> EngineSettings:
        """Return the part that the engine reads."""
        return EngineSettings(
            margin=self.margin,
            funds=self.funds,
            waterfall=self.waterfall,
            withdrawals=self.withdrawals,
            deleveraging=self.deleveraging,
            breakers=self.breakers,
            liquidation_watch=self.liquidation_watch,
            audit=self.audit,
            oracles=self.oracles,
            bootstrap=self.service.bootstrap,
            action_age_max_s=self.service.action_age_max_s,
            held_back_events_max=self.service.held_back_events_max,
            accounts_reserved=self.service.accounts_reserved,
        )


def configuration_hash(text: str) -> str:
    """Return the SHA-256 (hex) of the configuration's text: what decisions name."""
    return hashlib.sha256(text.encode()).hexdigest()


def parse_configuration(text: str, *, where: str) -> Configuration:
    """Return the configuration that a TOML text describes.

    Raises ConfigurationError: what was expected, what was received, and where.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{where}: expected TOML, received a text with {error}") from error
    try:
        configuration = msgspec.convert(document, Configuration)
    except msgspec.ValidationError as error:
        raise _mistake(text, where, reworded(error)) from error
    for problem in cross_check(configuration):
        raise _mistake(text, where, problem)
    return configuration


def _mistake(text: str, where: str, problem: str) -> ConfigurationError:
    line = line_of(text, problem)
    return ConfigurationError(f"{where}{'' if line is None else f':{line}'}: {problem}")


def load_configuration(path: str | os.PathLike[str]) -> tuple[Configuration, str]:
    """Return the configuration in a file, and the file's text.

    Raises ConfigurationError if the file cannot be read or used.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path}: expected a readable TOML file, received {error}"
        ) from error
    return parse_configuration(text, where=str(path)), text


def cross_check(configuration: Configuration) -> list[str]:
    """Return what is wrong between keys, a sentence each."""
    named = {
        "breakers": [breaker.name for breaker in configuration.breakers],
        "feeds": [feed.name for feed in configuration.feeds],
        "funds": [fund.name for fund in configuration.funds],
        "webhooks": [webhook.name for webhook in configuration.webhooks],
    }
    problems = [
        f"[[{section}]]: expected unique names, received {name!r} twice"
        for section, names in named.items()
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    problems += breaker_problems(configuration.breakers)
    service = configuration.service
    if service.shard >= service.shards:
        problems.append(
            f"[service]: expected shard below shards = {service.shards}, received {service.shard}"
        )
    layers = configuration.waterfall.layers
    if layers != tuple(layer for layer in LOSS_LAYERS if layer in layers):
        problems.append(
            f"[waterfall] layers: expected each at most once, in the order {', '.join(LOSS_LAYERS)}"
            f"; received {', '.join(layers)}"
        )
    if configuration.waterfall.socialized_loss == "three-stage":
        problems.append(
            "[waterfall] socialized_loss: expected a method that the events of a venue can feed, "
            'received "three-stage": no event carries unvested gains'
        )
    problems += trigger_problems(configuration)
    problems += fund_problems(configuration.funds)
    problems += oracle_problems(configuration.oracles)
    problems += watch_problems(configuration.liquidation_watch)
    problems += http_problems(configuration.http)
    topics = msgspec.structs.asdict(configuration.kafka.topics)
    if len(set(topics.values())) < len(topics):
        problems.append(f"[kafka.topics]: expected four different names, received {topics}")
    return problems


def listen_address(listen: str) -> tuple[str, int]:
    """Return host and port of a `listen` value; port 0 means any free one.

    Raises ConfigurationError. Example: `[::1]:8080` is ("::1", 8080).
    """
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) <= 65_535):
        raise ConfigurationError(f'[http] listen: expected "host:port", received {listen!r}')
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Return whether a listening address is reachable from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def trigger_problems(configuration: Configuration) -> list[str]:
    """Return what is wrong with `[deleveraging] trigger`, a sentence each."""
    settings = configuration.deleveraging
    names = [breaker.name for breaker in configuration.breakers]
    known = [*TRIGGERS, *names]
    problems = [
        f"[deleveraging] trigger: expected {' or '.join(known)} (the names of breakers), "
        f"received {name!r}"
        for name in settings.trigger
        if name not in known
    ]
    problems += [
        f"[[breakers]]: expected a name that is no trigger of its own, received {name!r}"
        for name in TRIGGERS
        if name in names
    ]
    if settings.pool_pnl_factor_off > settings.pool_pnl_factor_on:
        problems.append(
            f"[deleveraging] pool_pnl_factor_off: expected at most pool_pnl_factor_on "
            f"{settings.pool_pnl_factor_on}, received {settings.pool_pnl_factor_off}"
        )
    return problems


def fund_problems(funds: Sequence[FundSettings]) -> list[str]:
    """Return what is wrong with parents and caps in `[[funds]]`, a sentence each."""
    parents = {fund.name: fund.parent for fund in funds}
    problems = [
        f"[[funds]] {fund.name}: expected parent to be one of {', '.join(parents)}, "
        f"received {fund.parent!r}"
        for fund in funds
        if fund.parent is not None and fund.parent not in parents
    ]
    problems += [
        f"[[funds]] {fund.name}: expected payout_window_cap and payout_window_s together, "
        "received one of them"
        for fund in funds
        if (fund.payout_window_cap is None) != (fund.payout_window_s is None)
    ]
    for name, parent in parents.items():
        chain, above = [name], parent
        while above is not None and above not in chain:
            chain.append(above)
            above = parents.get(above)
        if above == name:
            circle = " > ".join([*chain, name])
            problems.append(f"[[funds]] {name}: expected parents that end, received {circle}")
    return problems


def watch_problems(watch: LiquidationWatchSettings) -> list[str]:
    """Return what is wrong in `[liquidation_watch]`, a sentence each."""
    problems = []
    has_rule = watch.bankruptcy_adjustment is not None
    if has_rule != (watch.spread_to_maintenance_ratio is not None):
        problems.append(
            "[liquidation_watch]: expected bankruptcy_adjustment and spread_to_maintenance_ratio "
            "together, received one of them"
        )
    if watch.fill_limit == "fillable_price" and not has_rule:
        problems.append(
            "[liquidation_watch] fill_limit: expected bankruptcy_adjustment and "
            'spread_to_maintenance_ratio with "fillable_price", received neither'
        )
    return problems


def http_problems(http: HttpSettings) -> list[str]:
    """Return what is wrong in `[http]`, a sentence each: above all, an open door."""
    if not http.listen:
        return []
    try:
        host, _ = listen_address(http.listen)
    except ConfigurationError as error:
        return [str(error)]
    problems = []
    if (http.tls_certificate_file is None) != (http.tls_key_file is None):
        problems.append(
            "[http]: expected tls_certificate_file and tls_key_file together, received one of them"
        )
    is_guarded = http.tls_certificate_file is not None and http.token_file is not None
    if not is_loopback(host) and not is_guarded and not http.allow_insecure:
        problems.append(
            "[http] listen: expected a loopback address, or tls_certificate_file, tls_key_file "
            f"and token_file, or allow_insecure = true, received {http.listen!r} without them"
        )
    return problems
