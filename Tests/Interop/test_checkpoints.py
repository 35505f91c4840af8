# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""The volume of checkpoints: kills in the middle of a copy, deadlines, rights, room, names."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from checkpoints import PBT, WORKSHOP, client, labels, names_of, population, snapshot
from clients import Suggestion
from experiments import double, experiment, request
from server_process import CHANNEL_OPTIONS, ServerProcess, binary

StartServer = Callable[..., ServerProcess]
FIXED = {"random_state": "42"}
AS_ROOT = os.geteuid() == 0
# Somebody with no rights of its own, in group 0 as OpenShift has it; and the user of the trials.
NOBODY, TRIAL_USER = 65532, 1000


# Kills and deadlines


def big_checkpoint(folder: Path, files: int, size: int) -> None:
    source = random.Random(1)
    for number in range(files):
        place = folder / f"part-{number % 7}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"weights-{number}").write_bytes(source.randbytes(size))


def copying(workshop: Path) -> bool:
    """Whether a copy is under way and has something in it."""
    with contextlib.suppress(OSError):
        for folder in os.scandir(workshop):
            if any(os.scandir(folder.path)):
                return True
    return False


def test_killed_in_the_middle_of_a_copy(disk: Path, start_server: StartServer) -> None:
    server = start_server("--data-directory", str(disk))
    parents = [f"interop-old{number:05d}" for number in range(6)]
    for parent in parents:
        big_checkpoint(disk / "interop" / parent, files=60, size=100_000)
    trials, wanted = population(parents), snapshot(disk / "interop" / parents[0])
    workshop = disk / "interop" / WORKSHOP
    source, killed = random.Random(2), 0
    for attempt in range(12):
        spec = PBT.experiment(settings={"random_state": str(attempt)})
        message = request(spec, 2, trials)
        failed = threading.Event()

        def ask(message: Any = message, failed: threading.Event = failed) -> None:
            with client(server) as suggestion, contextlib.suppress(grpc.RpcError):
                suggestion.ask(message)
                return
            failed.set()

        thread = threading.Thread(target=ask)
        thread.start()
        while thread.is_alive() and not copying(workshop):
            time.sleep(0.0005)
        time.sleep(source.uniform(0, 0.02))
        server.kill()
        thread.join()
        for folder in (disk / "interop").iterdir():
            if folder.name not in (WORKSHOP, *parents):
                assert snapshot(folder) == wanted, "a half copy has a trial's name"
        killed += bool(failed.is_set() and snapshot(workshop))
        server.start()
        with client(server) as suggestion:
            reply = suggestion.ask(message)
            assert suggestion.ask(message) == reply
        for name in names_of(reply):
            assert snapshot(disk / "interop" / name) == wanted
            shutil.rmtree(disk / "interop" / name)
        assert snapshot(workshop) == {}, "leftovers of the killed process"
    assert killed >= 6, f"only {killed} of 12 were killed in the middle"


def test_a_copy_longer_than_a_call_goes_on_in_the_next(
    disk: Path, start_server: StartServer
) -> None:
    server = start_server("--data-directory", str(disk))
    parents = [f"interop-old{number:05d}" for number in range(6)]
    for parent in parents:
        big_checkpoint(disk / "interop" / parent, files=30, size=2 << 20)
    trials, seconds, refused = population(parents), 0.2, 0
    with client(server) as suggestion:
        while not refused:  # until a call is too short for it
            seconds /= 2
            message = request(
                PBT.experiment(settings={"random_state": str(int(1e6 * seconds))}), 1, trials
            )
            reply, refused = ask_until_answered(suggestion, message, seconds)
    (name,) = names_of(reply)
    parent = labels(reply.parameter_assignments[0])["parent"]
    assert snapshot(disk / "interop" / name) == snapshot(disk / "interop" / parent)
    assert snapshot(disk / "interop" / WORKSHOP) == {}


def ask_until_answered(suggestion: Suggestion, message: Any, seconds: float) -> tuple[Any, int]:
    """The reply, and how often the call was too short for it before."""
    for refused in range(200):
        try:
            return suggestion.stub.GetSuggestions(message, timeout=seconds), refused
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
            time.sleep(0.1 + seconds)  # as a controller waits before it asks again
    raise AssertionError("no call came any further")


def test_others_are_answered_during_a_copy(disk: Path, start_server: StartServer) -> None:
    server = start_server("--data-directory", str(disk), "--workers", "1")
    parents = [f"interop-old{number:05d}" for number in range(6)]
    for parent in parents:
        big_checkpoint(disk / "interop" / parent, files=200, size=50_000)
    message = request(PBT.experiment(settings=FIXED), 6, population(parents))
    thread = threading.Thread(target=lambda: Suggestion(channel).ask(message))
    spec = experiment("random", [double("rate", 0, 1)])
    with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
        thread.start()
        slowest, calls = 0.0, 0
        while thread.is_alive():
            start = time.monotonic()
            with client(server) as other:
                other.suggest(spec, 1)
            slowest, calls = max(slowest, time.monotonic() - start), calls + 1
        thread.join()
    assert calls > 3
    assert slowest < 0.5, f"{slowest:.3f} s"


# Rights and room


def as_nobody(volume: Path) -> ServerProcess:
    user = ["setpriv", f"--reuid={NOBODY}", "--regid=0", "--clear-groups", "--"]
    command = [*user, binary()] if AS_ROOT else [binary()]
    return ServerProcess(command, ["--data-directory", str(volume)])


def refusals(suggestion: Suggestion, spec: Any, trials: Any = ()) -> tuple[str, grpc.RpcError]:
    """What validation and GetSuggestions say."""
    message = suggestion.validation_message(spec)
    with pytest.raises(grpc.RpcError) as caught:
        suggestion.ask(request(spec, 1, trials))
    return message, caught.value


def test_no_volume(start_server: StartServer) -> None:
    with client(start_server("--data-directory", "/nonexistent/data")) as suggestion:
        message, error = refusals(suggestion, PBT.experiment())
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
        for text in (message, error.details()):
            assert "/nonexistent/data" in text and "resumePolicy: FromVolume" in text


def test_a_volume_of_root_alone(volume: Path) -> None:
    volume.chmod(0o555 if not AS_ROOT else 0o755)
    with as_nobody(volume) as server, client(server) as suggestion:
        message, error = refusals(suggestion, PBT.experiment())
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
        for text in (message, error.details()):
            user = NOBODY if AS_ROOT else os.geteuid()
            assert str(volume) in text and f"user {user}" in text
            assert "resumePolicy: FromVolume" in text
        # Group 0 is enough, as OpenShift has it: nothing has to be started again.
        volume.chmod(0o775)
        suggestion.validate(PBT.experiment())
        suggestion.suggest(PBT.experiment(), 6)


@pytest.mark.skipif(not AS_ROOT, reason="needs files of several users")
def test_trials_of_another_user(volume: Path) -> None:
    """Their files are read, and the copies can be overwritten by the user of the next trial."""
    volume.chmod(0o775)
    parents = [f"interop-old{number:05d}" for number in range(6)]
    for parent in parents:
        folder = volume / "interop" / parent
        (folder / "steps").mkdir(parents=True)
        (folder / "model").write_text("weights")
        (folder / "steps" / "last").write_text("12")
        (folder / "run.sh").write_text("exit")
        (folder / "run.sh").chmod(0o755)
        for path in (folder, folder / "steps", folder / "steps/last", folder / "model"):
            os.chown(path, TRIAL_USER, TRIAL_USER)
        os.chown(folder / "run.sh", TRIAL_USER, TRIAL_USER)
    os.chmod(volume / "interop", 0o777)
    trials, spec = population(parents), PBT.experiment(settings=FIXED)
    with as_nobody(volume) as server, client(server) as suggestion:
        (name,) = names_of(suggestion.suggest(spec, 1, trials))
        folder = volume / "interop" / name
        assert (folder / "model").stat().st_uid == NOBODY
        write = "echo more >> model && echo 13 > steps/last && touch steps/new && rm run.sh"
        trial_pod = ["setpriv", f"--reuid={TRIAL_USER}", f"--regid={TRIAL_USER}", "--clear-groups"]
        subprocess.run([*trial_pod, "sh", "-ec", write], cwd=folder, check=True)

        # A file that only its user may read: nobody can copy that.
        for parent in parents:
            (volume / "interop" / parent / "model").chmod(0o600)
        with pytest.raises(grpc.RpcError) as caught:
            suggestion.ask(request(spec, 2, trials))
        assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert "/model" in caught.value.details() and f"user {NOBODY}" in caught.value.details()
        assert snapshot(volume / "interop" / WORKSHOP) == {}


@pytest.mark.skipif(not AS_ROOT, reason="needs files of several users")
def test_a_folder_that_its_trial_has_closed(volume: Path) -> None:
    """Asked again, as a controller does whose reply was lost, the server looked into the folders of
    the trials that run already, and failed the reply where it was not let in."""
    volume.chmod(0o775)
    message = request(PBT.experiment(settings=FIXED), 2)
    with as_nobody(volume) as server, client(server) as suggestion:
        names = names_of(suggestion.ask(message))
        folder = volume / "interop" / names[0]
        (folder / "model").write_text("weights")
        os.chown(folder, TRIAL_USER, TRIAL_USER)
        folder.chmod(0o700)
        assert names_of(suggestion.ask(message)) == names


@contextlib.contextmanager
def little_room(kind: str, volume: Path) -> Iterator[ServerProcess]:
    """A server that can write no file of a megabyte, for want of quota or of room."""
    arguments = ["--data-directory", str(volume)]
    if kind == "quota":
        limit = 'trap "" XFSZ; ulimit -f 500; exec "$@"'
        with ServerProcess(["bash", "-c", limit, "bash", binary()], arguments) as server:
            yield server
        return
    mount = ["mount", "-t", "tmpfs", "-o", "size=7600k", "tmpfs", str(volume)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting needs privileges")
    try:
        with ServerProcess(arguments=arguments) as server:
            yield server
    finally:
        subprocess.run(["umount", str(volume)], check=True)


@pytest.mark.parametrize("kind", ["quota", "tmpfs"])
def test_a_full_volume(kind: str, volume: Path) -> None:
    with little_room(kind, volume) as server, client(server) as suggestion:
        parents = [f"interop-old{number:05d}" for number in range(6)]
        for parent in parents:
            big_checkpoint(volume / "interop" / parent, files=1, size=1 << 20)
        spec, trials = PBT.experiment(settings=FIXED), population(parents)
        before = snapshot(volume / "interop")
        for _ in range(3):
            with pytest.raises(grpc.RpcError) as caught:
                suggestion.ask(request(spec, 6, trials))
            assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "full" in caught.value.details() and str(volume) in caught.value.details()
            after = snapshot(volume / "interop")
            assert {path: after[path] for path in before} == before
            assert snapshot(volume / "interop" / WORKSHOP) == {}
            for name in {path.split("/")[0] for path in set(after) - set(before)} - {WORKSHOP}:
                assert snapshot(volume / "interop" / name) == snapshot(
                    volume / "interop" / parents[0]
                ), "a half copy has a trial's name"
        for parent in parents:  # somebody makes room
            for path in (volume / "interop" / parent).rglob("weights*"):
                path.write_bytes(b"small")
        suggestion.suggest(spec, 6, trials)


@pytest.mark.parametrize("name", ["../escape", "a/../../b", "..", ".", "", "/etc", "x" * 300])
def test_names_that_are_paths(name: str, volume: Path, start_server: StartServer) -> None:
    root = volume / "inner" / "data"
    root.mkdir(parents=True)
    with client(start_server("--data-directory", str(root))) as suggestion:
        spec = PBT.experiment(name=name)
        assert "name" in suggestion.validation_message(spec)
        assert "name" in suggestion.refusal_message(request(spec, 1))
        # A trial of such a name is nobody's parent.
        trials = population([f"../../{name}/{number}" for number in range(6)])
        suggestion.suggest(PBT.experiment(settings=FIXED), 3, trials)
    assert sorted(snapshot(volume)) == sorted(
        ["inner", "inner/data", "inner/data/interop", f"inner/data/interop/{WORKSHOP}"]
        + [
            str(path.relative_to(volume))
            for path in (root / "interop").iterdir()
            if path.name != WORKSHOP
        ]
    )
