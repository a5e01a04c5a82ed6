"""The whole path: exporter, real Prometheus, real Alertmanager, and the receiver who must act."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.deploy.deployed import DEPLOY, alerts, read_yaml, scraping_configuration
from tests.observers import Alertmanager, Prometheus

RECEIVING_TIMEOUT_S = 60
FILE = DEPLOY / "alertmanager/alertmanager.yml"


class Receivers:
    """Who was told what: (receiver, alert), in the order of arrival."""

    def __init__(self) -> None:
        self._arrival = threading.Condition()
        self._told: set[tuple[str, str]] = set()
        self.port = 0

    def tell(self, receiver: str, notification: dict[str, list[dict[str, dict[str, str]]]]) -> None:
        """Note a notification."""
        with self._arrival:
            for alert in notification["alerts"]:
                self._told.add((receiver, alert["labels"]["alertname"]))
            self._arrival.notify_all()

    def wait_for(self, *expected: tuple[str, str]) -> set[tuple[str, str]]:
        """Return all that was told as soon as it contains what is expected."""
        with self._arrival:
            arrived = self._arrival.wait_for(
                lambda: set(expected) <= self._told, timeout=RECEIVING_TIMEOUT_S
            )
            assert arrived, f"expected {expected}, received {self._told}"
            return set(self._told)


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    """Yield the receivers, listening: each has a path of its name."""
    everybody = Receivers()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take a notification."""
            length = int(self.headers["Content-Length"])
            everybody.tell(self.path.strip("/"), json.loads(self.rfile.read(length)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    everybody.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield everybody
    server.shutdown()
    thread.join()
    server.server_close()


def test_who_must_act_is_told(
    exporter: str,
    receivers: Receivers,
    prometheus: Callable[[str], Prometheus],
    alertmanager: Callable[[str], Alertmanager],
) -> None:
    routes = dict(read_yaml(FILE))
    routes["receivers"] = [
        {
            "name": one["name"],
            "webhook_configs": [{"url": f"http://127.0.0.1:{receivers.port}/{one['name']}"}],
        }
        for one in routes["receivers"]
    ]
    told = alertmanager(json.dumps(routes))
    configuration = json.loads(scraping_configuration(exporter))
    address = told.url.removeprefix("http://")
    configuration["alerting"] = {
        "alertmanagers": [{"static_configs": [{"targets": [address]}]}],
    }
    prometheus(json.dumps(configuration))
    arrived = receivers.wait_for(("pager", "BreakerTripped"), ("pager", "LossSocialized"))
    severities = {name: rule["labels"]["severity"] for name, rule in alerts().items()}
    wanted = {"critical": "pager", "warning": "chat", "info": "nobody"}
    assert all(receiver == wanted[severities[alert]] for receiver, alert in arrived), arrived
