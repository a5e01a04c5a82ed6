"""A name costs something as long as somebody has it, and not longer."""

import random

from monitor.core.ledger.names import Numbers, SharedNames


def test_numbers_are_found_by_name_and_forgotten() -> None:
    numbers = Numbers()
    for number in range(5_000):
        numbers.add(f"account-{number}", number)
    assert len(numbers) == 5_000
    assert numbers.find("account-4999") == 4_999
    assert "account-7" in numbers
    numbers.remove("account-7")
    assert "account-7" not in numbers
    assert numbers.find("account-7") == -1
    assert len(numbers) == 4_999


def test_no_part_is_large() -> None:
    numbers = Numbers()
    for number in range(100_000):
        numbers.add(f"account-{number}", number)
    assert max(map(len, numbers.parts)) < 2 * 100_000 / len(numbers.parts)


def test_a_shared_name_lives_as_long_as_its_last_holder() -> None:
    names = SharedNames()
    first, second = names.take("ann"), names.take("ann")
    assert first == second
    names.release(first)
    assert names.names[first] == "ann"
    names.release(first)
    assert names.find("ann") == -1
    assert len(names) == 0
    assert names.take("bob") == first  # the number is used again


def test_names_are_bounded_by_who_has_them() -> None:
    chance, names = random.Random(3), SharedNames()
    held: list[str] = []
    for _ in range(20_000):
        if held and (len(held) == 50 or chance.random() < 0.5):
            names.release(names.find(held.pop(chance.randrange(len(held)))))
        else:
            held.append(f"owner-{chance.randrange(1_000)}")
            names.take(held[-1])
        assert len(names) == len(set(held))
    assert set(names) == set(held)
    assert len(names.names) <= 50
