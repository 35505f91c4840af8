# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Rules from observation logs, with a DB manager that is well, slow, broken or gone."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from db_manager import DBManager, line
from early_stopping import EarlyStopping, early_stopping, rules_request, trial
from server_process import ServerProcess, free_port
from stubs import pb

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[ServerProcess, EarlyStopping]]:
    with early_stopping() as pair:
        yield pair


@pytest.fixture
def service(running: tuple[ServerProcess, EarlyStopping]) -> EarlyStopping:
    return running[1]


@pytest.fixture
def manager() -> Iterator[DBManager]:
    with DBManager() as manager:
        yield manager


def fill(manager: DBManager, logs: dict[str, list[object]]) -> list[Any]:
    for name, values in logs.items():
        manager.report(name, values)
    return [trial(name) for name in logs]


# Averages of the first four: 1, 2, 3, 40.
LOGS: dict[str, list[object]] = {
    "a": [1, 1, 1, 1, 99],
    "b": [2, 2, 2, 2, -99],
    "c": [6, 4, 1, 1],
    "d": [40, 40, 40, 40],
}


@pytest.mark.parametrize(("maximize", "comparison"), [(False, pb.GREATER), (True, pb.LESS)])
def test_the_median_and_its_comparison(
    maximize: bool, comparison: int, service: EarlyStopping, manager: DBManager
) -> None:
    trials = fill(manager, LOGS)
    (three,) = service.rules(rules_request(manager.address, trials[:3], maximize=maximize))
    assert (three.name, three.comparison, three.start_step) == ("loss", comparison, 4)
    assert float(three.value) == 2
    (four,) = service.rules(rules_request(manager.address, trials, maximize=maximize))
    # The mean, which Katib's own service returns, would be 11.5.
    assert float(four.value) == 2.5


def test_settings_are_heeded(service: EarlyStopping, manager: DBManager) -> None:
    trials = fill(manager, LOGS)

    def ask(count: int, **settings: str) -> list[Any]:
        return service.rules(rules_request(manager.address, trials[:count], settings=settings))

    assert ask(2) == [] and manager.asked.total() == 0, "two of three needed"
    assert len(ask(2, min_trials_required="2")) == 1
    assert ask(4, min_trials_required="5") == []
    (rule,) = ask(4, start_step="5")
    assert rule.start_step == 5
    averages = sorted([103 / 5, -91 / 5, 3, 40])
    assert float(rule.value) == pytest.approx((averages[1] + averages[2]) / 2)


def test_equal_values_stay(service: EarlyStopping, manager: DBManager) -> None:
    """The threshold is exactly the common value, so the strict comparison stops nobody."""
    trials = fill(manager, {name: [0.1] * 6 for name in "abcdefg"})
    (rule,) = service.rules(rules_request(manager.address, trials))
    assert float(rule.value) == 0.1


def test_what_is_no_number_is_passed_over(service: EarlyStopping, manager: DBManager) -> None:
    trials = fill(
        manager,
        {
            "a": ["nan", 1, "inf", 1, "-inf", 1, "unavailable", 1, 77],
            "b": ["NaN", "", "two"],
            "c": ["3", " 3 ", "3e0"],
            "d": ["0x10", "1_0", 5],
        },
    )
    (rule,) = service.rules(rules_request(manager.address, trials))
    assert float(rule.value) == 3, "of 1, 3 and 5: one trial has no number at all"
    (rule,) = service.rules(rules_request(manager.address, [*trials[:2], trials[0], *trials[2:]]))
    assert float(rule.value) == 3, "a name that comes twice counts once"


def test_logs_come_in_any_order(service: EarlyStopping, manager: DBManager) -> None:
    names = [f"shuffled-{each}" for each in range(5)]
    for index, name in enumerate(names):
        lines = [line(step / 7, index + step) for step in range(200)]
        random.Random(index).shuffle(lines)
        manager.logs[name] = lines
    (rule,) = service.rules(rules_request(manager.address, [trial(name) for name in names]))
    assert float(rule.value) == 2 + 1.5


def test_other_metrics_do_not_count(service: EarlyStopping, manager: DBManager) -> None:
    for name in ("a", "b", "c"):
        manager.logs[name] = [line(0, 9, "accuracy"), line(1, 1, "loss"), line(2, 9, "loss-2")]
    trials = [trial(name) for name in ("a", "b", "c")]
    (rule,) = service.rules(rules_request(manager.address, trials))
    assert float(rule.value) == 1


def test_trials_vanish(service: EarlyStopping, manager: DBManager) -> None:
    """A deleted Trial takes its log along; what is left decides."""
    trials = fill(manager, LOGS)
    manager.forget("d")
    (rule,) = service.rules(rules_request(manager.address, trials))
    assert float(rule.value) == 2
    manager.forget("a")
    (again,) = service.rules(rules_request(manager.address, trials))
    assert again == rule, "a log that was read once is not missed"
    (shorter,) = service.rules(
        rules_request(
            manager.address, trials[1:] + [trial("e")] * 2, settings={"min_trials_required": "2"}
        )
    )
    assert float(shorter.value) == 2.5


def test_without_succeeded_trials_nobody_is_asked(service: EarlyStopping) -> None:
    """Katib's own test: an address that leads nowhere and an experiment that says nothing."""
    request = pb.GetEarlyStoppingRulesRequest(db_manager_address="no.such.host.invalid:6789")
    assert service.rules(request, timeout=5) == []
    names = pb.TrialStatus.TrialConditionType.keys()
    request.trials.extend(trial(name.lower(), name) for name in names if name != "SUCCEEDED")
    assert service.rules(request, timeout=5) == []


def test_a_trial_is_fetched_once(service: EarlyStopping, manager: DBManager) -> None:
    trials = fill(manager, LOGS)
    for count in (3, 3, 4, 4, 3):
        random.shuffle(trials)
        service.rules(rules_request(manager.address, trials[:count]))
    assert set(manager.asked.values()) == {1}
    # Another number of reports, another answer.
    service.rules(rules_request(manager.address, trials, settings={"start_step": "2"}))
    assert set(manager.asked.values()) == {2}
    # The same name made anew.
    service.rules(rules_request(manager.address, [trial("a", second=9), *trials]))
    assert manager.asked["a"] in (2, 3) and manager.asked.total() <= 9


def test_many_trials_share_one_connection(service: EarlyStopping, manager: DBManager) -> None:
    trials = fill(manager, {f"t-{each}": [each] * 4 for each in range(400)})
    manager.delay = 0.01
    (rule,) = service.rules(rules_request(manager.address, trials))
    assert float(rule.value) == 199.5
    assert len(manager.peers) == 1
    assert 8 < manager.most_at_once <= 32


def test_one_log_does_not_cost_the_others(service: EarlyStopping, manager: DBManager) -> None:
    trials = fill(manager, {**LOGS, "slow": [5], "broken": [5], "strange": [5], "absent": []})
    manager.delays["slow"] = 30
    manager.refusals["broken"] = [grpc.StatusCode.INTERNAL]
    manager.refusals["strange"] = [UNAVAILABLE]
    start = time.monotonic()
    (rule,) = service.rules(rules_request(manager.address, trials), timeout=5)
    assert float(rule.value) == 2.5
    assert time.monotonic() - start < 5


def test_a_short_outage_is_ridden_out(service: EarlyStopping) -> None:
    """The DB manager starts while it is asked for."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    manager = DBManager(port)
    trials = fill(manager, LOGS)
    threading.Timer(0.15, manager.__enter__).start()
    try:
        (rule,) = service.rules(rules_request(address, trials))
        assert float(rule.value) == 2.5
    finally:
        manager.__exit__()


def test_unavailable_is_tried_again(service: EarlyStopping, manager: DBManager) -> None:
    trials = fill(manager, LOGS)
    for name in LOGS:
        manager.refusals[name] = [UNAVAILABLE, UNAVAILABLE, grpc.StatusCode.OK]
    (rule,) = service.rules(rules_request(manager.address, trials))
    assert float(rule.value) == 2.5
    assert set(manager.asked.values()) == {3}


@pytest.mark.parametrize("address", ["127.0.0.1:1", "no.such.host.invalid:6789"])
def test_a_db_manager_that_is_not_there(address: str, service: EarlyStopping) -> None:
    """UNAVAILABLE, so that the controller asks again; quickly, however many trials there are."""
    start = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        service.rules(rules_request(address, [trial(f"t-{each}") for each in range(1000)]))
    assert caught.value.code() == UNAVAILABLE
    details = caught.value.details()
    assert address in details
    assert time.monotonic() - start < 15
    # NIO's own text, with the name of a type in it, was told twice.
    if "invalid" in address:
        assert details.count("the host no.such.host.invalid cannot be resolved") == 1, details
        assert "SocketAddressError" not in details


def test_replies_that_are_no_messages(service: EarlyStopping, manager: DBManager) -> None:
    """The words "malformed request" stood there, as if the caller's were meant."""
    trials = fill(manager, LOGS)
    for name in LOGS:
        manager.garble(name)
    with pytest.raises(grpc.RpcError) as caught:
        service.rules(rules_request(manager.address, trials))
    assert caught.value.code() == UNAVAILABLE
    assert manager.address in caught.value.details()
    assert "malformed reply" in caught.value.details()


@pytest.mark.parametrize("code", ["UNKNOWN", "INTERNAL", "RESOURCE_EXHAUSTED"])
def test_a_db_manager_whose_database_is_down(
    code: str, service: EarlyStopping, manager: DBManager
) -> None:
    """It answers, and answers every trial with an error. The service used to say OK and name no
    rule, so trials ran without rules for as long as it lasted; with UNAVAILABLE none are made."""
    trials = fill(manager, LOGS)
    for name in LOGS:
        manager.refusals[name] = [grpc.StatusCode[code], grpc.StatusCode.OK]
    with pytest.raises(grpc.RpcError) as caught:
        service.rules(rules_request(manager.address, trials))
    assert caught.value.code() == UNAVAILABLE
    assert manager.address in caught.value.details()
    (rule,) = service.rules(rules_request(manager.address, trials))
    assert float(rule.value) == 2.5


def test_what_is_remembered_changes_no_answer(service: EarlyStopping, manager: DBManager) -> None:
    """Averages from before the database went down passed for a DB manager that answers: the same
    request got OK and no rule here, and UNAVAILABLE from a process that had just been started."""
    trials = fill(manager, LOGS)
    first = ["a", "b"]
    manager.refusals["c"] = manager.refusals["d"] = [grpc.StatusCode.UNKNOWN]
    assert service.rules(rules_request(manager.address, trials)) == [], "a rule needs three"
    for name in first:
        manager.refusals[name] = [grpc.StatusCode.UNKNOWN]
    with pytest.raises(grpc.RpcError) as caught:
        service.rules(rules_request(manager.address, trials))
    assert caught.value.code() == UNAVAILABLE
    for name in first:
        manager.refusals[name] = [grpc.StatusCode.OK]
    assert service.rules(rules_request(manager.address, trials)) == [], "two that nobody can read"


def test_logs_that_nobody_has(service: EarlyStopping, manager: DBManager) -> None:
    """Deleted trials are no failure."""
    for name in LOGS:
        manager.refusals[name] = [grpc.StatusCode.NOT_FOUND]
    assert service.rules(rules_request(manager.address, [trial(name) for name in LOGS])) == []


def test_logs_that_come_late(service: EarlyStopping, manager: DBManager) -> None:
    """That a log is empty is not remembered: it used to be, and a process that had asked too early
    found no rule where a new one did."""
    trials = [trial(f"late-{name}") for name in LOGS]
    assert service.rules(rules_request(manager.address, trials)) == []
    fill(manager, {f"late-{name}": values for name, values in LOGS.items()})
    (rule,) = service.rules(rules_request(manager.address, trials))
    assert float(rule.value) == 2.5


def test_one_that_never_answers(service: EarlyStopping, manager: DBManager) -> None:
    """Our answer comes before the caller's deadline."""
    manager.delay = 4
    trials = fill(manager, LOGS)
    with pytest.raises(grpc.RpcError) as caught:
        service.rules(rules_request(manager.address, trials), timeout=2)
    assert caught.value.code() == UNAVAILABLE
    assert manager.address in caught.value.details()


def has_version_six() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_version_six(), reason="this machine has no ::1")
def test_an_address_of_version_six(service: EarlyStopping) -> None:
    with DBManager(host="[::1]") as manager:
        trials = fill(manager, LOGS)
        (rule,) = service.rules(rules_request(manager.address, trials))
        assert float(rule.value) == 2.5


def test_it_recovers(service: EarlyStopping, manager: DBManager) -> None:
    """What failed is asked for again, what did not is not."""
    trials = fill(manager, LOGS)
    manager.refusals["d"] = [grpc.StatusCode.INTERNAL, grpc.StatusCode.OK]
    assert [
        float(each.value) for each in service.rules(rules_request(manager.address, trials))
    ] == [2]
    assert [
        float(each.value) for each in service.rules(rules_request(manager.address, trials))
    ] == [2.5]
    assert manager.asked == {"a": 1, "b": 1, "c": 1, "d": 2}


@pytest.mark.parametrize(
    ("address", "settings", "metric", "message"),
    [
        ("nowhere", {}, "loss", "db_manager_address"),
        ("h:1", {}, "", "objective_metric_name"),
        ("h:1", {"start_step": "0"}, "loss", "start_step must be greater or equal than one (>=1)"),
        ("h:1", {"patience": "1"}, "loss", "unknown setting patience for algorithm medianstop"),
    ],
)
def test_mistakes_are_named(
    address: str, settings: dict[str, str], metric: str, message: str, service: EarlyStopping
) -> None:
    trials = [trial(name) for name in "abc"]
    with pytest.raises(grpc.RpcError) as caught:
        service.rules(rules_request(address, trials, settings=settings, metric=metric), timeout=5)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert message in caught.value.details()


def test_long_logs_take_no_memory(manager: DBManager) -> None:
    """Forty logs of 100,000 lines, 5 MB each: together more than the pod has."""
    names = [f"long-{each}" for each in range(40)]
    for index, name in enumerate(names):
        if index < 2:
            manager.logs[name] = [line(step / 1000, 100 - index + step) for step in range(100_000)]
        else:
            manager.logs[name] = manager.logs["long-0"]
    with early_stopping() as (server, service):
        (rule,) = service.rules(rules_request(manager.address, [trial(name) for name in names]))
        assert float(rule.value) == 101.5
        assert set(manager.asked.values()) == {1}
        memory = server.memory()
        print(f"40 logs of 100,000 lines: peak {memory['VmHWM']:.1f} MiB")
        assert memory["VmHWM"] < 60


def test_a_large_start_step(manager: DBManager) -> None:
    names = [f"long-{each}" for each in range(6)]
    for name in names:
        manager.logs[name] = [line(step, 1) for step in range(100_000)]
    with early_stopping() as (server, service):
        settings = {"start_step": "2000000000"}
        request = rules_request(manager.address, [trial(name) for name in names], settings=settings)
        (rule,) = service.rules(request)
        assert float(rule.value) == 1 and rule.start_step == 2_000_000_000
        assert manager.most_at_once == 1
        assert server.memory()["VmHWM"] < 60
