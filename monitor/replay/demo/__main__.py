"""`python -m monitor.replay.demo`: record the story, or play it live to a broker of your own."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from aiokafka.errors import KafkaError

from monitor.replay.demo.recording import generate


def record(path: str, *, seed: int, seconds: float) -> int:
    """Write the story's events to a file, a line each, and return how many there are."""
    encoder = msgspec.json.Encoder()
    count = 0
    with Path(path).open("wb") as lines:
        for event in generate(seed, seconds):
            lines.write(encoder.encode(event) + b"\n")
            count += 1
    return count


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(
        prog="python -m monitor.replay.demo",
        description="A synthetic exchange with a crash in it, as a recording or live.",
        epilog="Example: python -m monitor.replay.demo --record crash.ndjson --seconds 60",
    )
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--record", metavar="FILE", help="write the events to FILE (NDJSON)")
    target.add_argument("--kafka", metavar="HOST:PORT", help="play live to this broker")
    parser.add_argument("--seconds", type=float, default=60.0, help="length (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything (default: 1)")
    parser.add_argument(
        "--reference-port",
        type=int,
        default=0,
        metavar="P",
        help="where --kafka serves reference prices (ws; default: a free port)",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the exchange as the command line says; return the exit status."""
    options = parse(arguments)
    if options.seconds <= 0:
        sys.stderr.write(f"expected --seconds above 0, received {options.seconds}\n")
        return 2
    if options.record:
        count = record(options.record, seed=options.seed, seconds=options.seconds)
        sys.stdout.write(f"{count} events written to {options.record}\n")
        return 0
    return _play(options)


def _play(options: argparse.Namespace) -> int:
    from monitor.replay.demo.live import play
    from monitor.replay.demo.publisher import silence_client_logs

    silence_client_logs()
    try:
        live = asyncio.run(
            play(
                options.kafka,
                seed=options.seed,
                seconds=options.seconds,
                port=options.reference_port,
            )
        )
    except (KafkaError, TimeoutError, OSError) as error:
        sys.stderr.write(f"{options.kafka}: expected a Kafka with the topics, received {error!r}\n")
        return 1
    decisions = sum(live.story.kinds.values())
    sys.stdout.write(f"{live.exchange.steps} steps played, {decisions} decisions heard\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
