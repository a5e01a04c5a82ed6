"""Every incident is noticed in time by the shipped guards, and the others stay silent."""

import pytest

from tests.incidents import DOCUMENT, PATHS, Incident, run, table, with_table

INCIDENTS = {path.stem: run(path) for path in PATHS}


def test_there_are_eight() -> None:
    assert len(PATHS) == 8


@pytest.mark.parametrize("incident", INCIDENTS.values(), ids=INCIDENTS)
def test_guards_speak_in_time_or_stay_silent(incident: Incident) -> None:
    assert incident.guards
    for guard in incident.guards:
        assert guard.is_met, (
            f"{guard.row.what.path}:{guard.row.what.line}: expected {guard.row.what.text} of "
            f"{guard.row.who.text} {guard.wanted}, received {guard.first_s}"
        )


@pytest.mark.parametrize("incident", INCIDENTS.values(), ids=INCIDENTS)
def test_a_breaker_trips_before_a_loss_reaches_others(incident: Incident) -> None:
    trips = [
        guard.first_s
        for guard in incident.guards
        if guard.row.what.text == "breaker_tripped" and guard.first_s is not None
    ]
    assert trips, "expected at least one breaker that trips"
    if incident.loss_s is not None:
        assert min(trips) <= incident.loss_s


@pytest.mark.parametrize("incident", INCIDENTS.values(), ids=INCIDENTS)
def test_every_figure_says_where_it_is_from(incident: Incident) -> None:
    path = next(path for path in PATHS if path.stem == incident.name)
    told = [line for line in path.read_text(encoding="utf-8").splitlines() if line[:1] == "#"]
    words = ("# published:", "# real at", "# generated:")
    assert any(line.startswith(words) for line in told)


def test_the_table_of_the_documentation_is_what_was_found() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    made = with_table(text, table(list(INCIDENTS.values())))
    assert text == made, "run python -m tests.incidents"
