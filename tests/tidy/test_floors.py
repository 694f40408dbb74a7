"""A module imports its own room and lower floors: never a neighbour, never upward."""

from __future__ import annotations

import pytest

from tests.tidy.sources import imports_of, library, modules, place

FLOORS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (0, ("ringbuf",)),
    (
        1,
        (
            "hft.compile_cache",
            "hft.denials",
            "hft.events",
            "hft.seats",
            "hft.units",
            "hft.clock",
            "hft.errors",
            "hft.config",
            "hft.config_keys",
            "hft.config_network",
            "hft.config_reading",
        ),
    ),
    (2, ("hft.state", "hft.binance", "hft.wire")),
    (3, ("hft.agent", "hft.topology")),
    (
        4,
        (
            "hft.feed",
            "hft.strategy",
            "hft.strategies",
            "hft.risk",
            "hft.execution",
            "hft.ledger",
            "hft.recorder",
            "hft.simulator",
        ),
    ),
    (6, ("hft.cli", "hft.stat", "hft.__main__", "dashboard", "benches", "tests")),
)
WIRING = 5
"""The floor of every other module of hft."""

ONE_ROOM = {"hft.strategies": "hft.strategy"}
SHARED_FLOORS = frozenset({1, 2, 3, WIRING, 6})
"""Floors whose modules may use each other; the rooms of the others never do."""


def home_of(module: str) -> tuple[int, str]:
    """The floor and the room of a module."""
    for floor, rooms in FLOORS:
        for room in rooms:
            if module == room or module.startswith(f"{room}."):
                return floor, ONE_ROOM.get(room, room)
    return (1, "hft") if module == "hft" else (WIRING, "wiring")


WIRED = {"hft.processes": "dashboard.process"}
"""The one look upward: the wiring forks the dashboard as it forks the rooms."""


def may_import(module: str, other: str) -> bool:
    if WIRED.get(module) == other:
        return True
    (floor, room), (other_floor, other_room) = home_of(module), home_of(other)
    if room == other_room:
        return True
    return other_floor < floor or (other_floor == floor and floor in SHARED_FLOORS)


def wrong_imports(module: str) -> list[str]:
    return [
        f"{place(module, node)}: {module} (floor {home_of(module)[0]}) imports "
        f"{other} (floor {home_of(other)[0]})"
        for other, node in imports_of(module)
        if not may_import(module, other)
    ]


def test_the_rule_itself() -> None:
    assert may_import("hft.feed.agent", "hft.events")
    assert may_import("hft.strategies.momentum", "hft.strategy.api")
    assert may_import("hft.supervisor", "hft.feed.agent")
    assert not may_import("hft.feed.agent", "hft.risk.gate")
    assert not may_import("hft.events", "hft.state.blocks")
    assert not may_import("ringbuf.spsc", "hft.clock")
    assert not may_import("hft.state.reader", "hft.topology")


def test_nobody_imports_a_neighbour_or_upward() -> None:
    wrong = [line for module in library() for line in wrong_imports(module)]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    ("who", "floor_max"), [("hft.simulator", 2)], ids=["the simulator is another company"]
)
def test_the_simulator_knows_nothing_of_the_engine(who: str, floor_max: int) -> None:
    wrong = [
        f"{place(module, node)}: imports {other}"
        for module in library()
        if module == who or module.startswith(f"{who}.")
        for other, node in imports_of(module)
        if home_of(other)[1] != who and home_of(other)[0] > floor_max
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_flatten_does_not_depend_on_what_may_be_broken() -> None:
    """It must work with the engine dead: nothing of execution is in it, not even at second hand."""
    seen, todo = set(), [name for name in ("hft.flatten", "hft.flattening") if name in modules()]
    while todo:
        module = todo.pop()
        if module not in seen:
            seen.add(module)
            todo += [other for other, _ in imports_of(module, at_load=True)]
    assert not [name for name in seen if name.startswith("hft.execution")]


def test_there_is_no_circle_of_imports() -> None:
    graph = {
        module: {other for other, _ in imports_of(module, at_load=True)} - {module}
        for module in library()
    }
    while leaves := {module for module, needs in graph.items() if not needs & graph.keys()}:
        graph = {module: needs for module, needs in graph.items() if module not in leaves}
    assert not graph, f"in or above a circle: {', '.join(sorted(graph))}"
