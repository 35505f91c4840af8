# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Side-by-side measurements of the server; see scripts/bench.sh.

Everything is a median of several interleaved rounds, so that a noisy moment of the machine hits all
sides alike. CPU time and memory are read from /proc.
"""

import argparse
import contextlib
import json
import math
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVER = os.environ.get("KATIB_SUGGESTION_BINARY", str(ROOT / ".build/release/katib-suggestion"))
EARLY_STOPPING = os.environ.get(
    "KATIB_EARLY_STOPPING_BINARY", str(ROOT / ".build/release/katib-early-stopping")
)
LOAD = os.environ.get("KATIB_LOAD_BINARY", str(ROOT / ".build/release/katib-load"))
TICK = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


# The bytes of a health check, so that measuring a start pays for no client library: preface, empty
# SETTINGS, HEADERS with literal fields, DATA with the service name.
def health_check_bytes() -> bytes:
    def literal(name: bytes, value: bytes) -> bytes:
        return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value

    def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
        return head + payload

    headers = b"".join(
        literal(n, v)
        for n, v in [
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", b"/grpc.health.v1.Health/Check"),
            (b":authority", b"localhost"),
            (b"content-type", b"application/grpc"),
            (b"te", b"trailers"),
        ]
    )
    name = b"manager.v1beta1.Suggestion"
    message = b"\x0a" + bytes([len(name)]) + name
    return (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        + frame(4, 0, 0, b"")
        + frame(1, 4, 1, headers)
        + frame(0, 1, 1, b"\x00" + len(message).to_bytes(4, "big") + message)
    )


CHECK = health_check_bytes()
SERVING = b"\x00\x00\x00\x00\x02\x08\x01"


def wait_serving(port: int, deadline: float = 60.0) -> None:
    """Returns when the health check answers SERVING."""
    end = time.perf_counter() + deadline
    while time.perf_counter() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as s:
                s.settimeout(5)
                s.sendall(CHECK)
                seen = b""
                while SERVING not in seen:
                    chunk = s.recv(4096)
                    if not chunk:
                        break
                    seen += chunk
                if SERVING in seen:
                    return
        except OSError:
            time.sleep(0.0002)
    raise RuntimeError(f"nothing serves on port {port}")


def status(pid: int, field: str) -> float:
    """A kB field of /proc/PID/status, in MiB."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.M)
    return int(found.group(1)) / 1024 if found else math.nan


def cpu(pid: int) -> float:
    """User and system seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


@contextlib.contextmanager
def process(
    command: list[str], log: str | None = None, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    with contextlib.ExitStack() as stack:
        err = stack.enter_context(open(log, "wb")) if log else subprocess.DEVNULL
        p = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=err,
            env={**os.environ, **(environment or {})},
        )
        try:
            yield p
        finally:
            p.send_signal(signal.SIGTERM)
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()


def server_command(port: int, *more: str) -> list[str]:
    return [SERVER, "--host", "127.0.0.1", "--port", str(port), *more]


# ---------------------------------------------------------------- start and idle memory


def bench_start(rounds: int) -> None:
    peer = str(ROOT / "Benchmarks/python_peer.py")
    sides: dict[str, Callable[[int], list[str]]] = {
        # As Katib starts it: without arguments.
        "katib-suggestion": lambda port: [SERVER],
        "python grpcio": lambda port: [sys.executable, peer, "--port", str(port)],
    }
    # What Katib's own services import before they serve.
    for module in ("optuna", "hyperopt", "skopt"):
        sides[f"python grpcio + {module}"] = lambda port, module=module: [
            sys.executable,
            peer,
            "--port",
            str(port),
            "--import",
            module,
        ]
    times: dict[str, list[float]] = {name: [] for name in sides}
    idle: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, command in sides.items():
            port = free_port()
            environment = {"KATIB_SUGGESTION_LISTEN": f"127.0.0.1:{port}"}
            start = time.perf_counter()
            with process(command(port), environment=environment) as p:
                wait_serving(port)
                times[name].append((time.perf_counter() - start) * 1000)
                time.sleep(0.2)
                idle[name].append(status(p.pid, "VmRSS"))
    print(f"\nStart to SERVING and idle memory ({rounds} interleaved rounds, medians)")
    print(f"  {'':24s} {'start ms':>9s} {'min':>7s} {'RSS MiB':>8s} {'start ratio':>12s}")
    ours = statistics.median(times["katib-suggestion"])
    for name in sides:
        m = statistics.median(times[name])
        memory = statistics.median(idle[name])
        print(f"  {name:24s} {m:9.1f} {min(times[name]):7.1f} {memory:8.1f} {m / ours:12.1f}")


# ---------------------------------------------------------------- requests per second


def h2load(url: str, requests: int, connections: int, streams: int, extra: list[str]) -> float:
    command = ["h2load", "-n", str(requests), "-c", str(connections), "-m", str(streams)]
    command += [*extra, url]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    done = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", out)
    rate = re.search(r"finished in .*?, ([\d.]+) req/s", out)
    if not done or int(done.group(1)) != requests or not rate:
        raise RuntimeError(f"h2load: {out}")
    return float(rate.group(1))


def bench_load(rounds: int, requests: int) -> None:
    with tempfile.TemporaryDirectory() as tmp:
        body = os.path.join(tmp, "request.bin")
        subprocess.run([LOAD, "--write-request", body], check=True)
        port, fport = free_port(), free_port()
        with process(server_command(port, "--log-level", "warning")) as ours:
            wait_serving(port)
            size = reply_size(port)
            with open(os.path.join(tmp, "reply"), "wb") as f:
                f.write(b"x" * size)
            command = ["nghttpd", "--no-tls", "-d", tmp, "--trailer", "grpc-status: 0", str(fport)]
            with process(command) as peer:
                wait_port(fport)
                run_load(rounds, requests, body, size, (ours.pid, port), (peer.pid, fport))


def reply_size(port: int) -> int:
    command = [LOAD, "--address", f"127.0.0.1:{port}", "--count", "100", "--json", "--no-progress"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return int(report["bytes"] / report["succeeded"]) + 5


def wait_port(port: int) -> None:
    for _ in range(500):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    raise RuntimeError(f"nothing listens on port {port}")


def run_load(
    rounds: int, requests: int, body: str, size: int, ours: tuple[int, int], peer: tuple[int, int]
) -> None:
    call = ["-d", body, "-H", "content-type: application/grpc", "-H", "te: trailers"]
    urls = {
        "katib-suggestion": (
            *ours,
            f"http://127.0.0.1:{ours[1]}/api.v1.beta1.Suggestion/GetSuggestions",
            call,
        ),
        "nghttpd": (*peer, f"http://127.0.0.1:{peer[1]}/reply", call),
    }
    print(
        "\nrandom, 5 parameters, 1 suggestion, no history, against nghttpd: the same requests, "
        f"a file of {size} bytes"
        f"\n({rounds} interleaved rounds of {requests} requests after one of warm-up, medians)"
    )
    print(
        f"  {'h2load':16s} {'':18s} {'req/s':>9s} {'us CPU/req':>11s} {'req/s ratio':>12s} "
        f"{'CPU ratio':>10s}"
    )
    for connections, streams in [(10, 32), (100, 10), (10, 1)]:
        n = requests if streams > 1 else requests // 4
        rates: dict[str, list[float]] = {name: [] for name in urls}
        costs: dict[str, list[float]] = {name: [] for name in urls}
        for i in range(rounds + 1):
            for name, (pid, _, url, extra) in urls.items():
                before = cpu(pid)
                rate = h2load(url, n, connections, streams, extra)
                if i:
                    rates[name].append(rate)
                    costs[name].append((cpu(pid) - before) / n * 1e6)
        base_rate = statistics.median(rates["nghttpd"])
        base_cost = statistics.median(costs["nghttpd"])
        for name in urls:
            rate, cost = statistics.median(rates[name]), statistics.median(costs[name])
            print(
                f"  -c{connections} -m{streams:<10d} {name:18s} {rate:9.0f} {cost:11.2f}"
                f" {rate / base_rate:12.2f} {cost / base_cost:10.2f}"
            )


# ---------------------------------------------------------------- server time by history


def server_times(log: str) -> list[dict[str, str]]:
    rows = []
    for line in Path(log).read_text().splitlines():
        row = json.loads(line)
        if row["message"] == "GetSuggestions":
            rows.append(row)
    return rows


def measure(
    algorithm: str, parameters: int, history: int, number: int, calls: list[str], more: list[str]
) -> tuple[list[float], list[float], float]:
    """Server and decode milliseconds of each call, and the peak memory of a fresh server.

    `calls` says how many calls, in the words of katib-load.
    """
    with tempfile.TemporaryDirectory() as tmp:
        port, log = free_port(), os.path.join(tmp, "log")
        server = server_command(port, "--log-format", "json", "--data-directory", tmp)
        with process(server, log) as p:
            wait_serving(port)
            command = [LOAD, "--address", f"127.0.0.1:{port}", "--algorithm", algorithm]
            command += ["--no-progress"]
            command += ["--parameters", str(parameters), "--history", str(history)]
            command += ["--request-number", str(number), *calls, *more]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
            peak = status(p.pid, "VmHWM")
        rows = server_times(log)
        return [float(r["ms"]) for r in rows], [float(r["decodeMs"]) for r in rows], peak


def bench_decode(rounds: int) -> None:
    _, decode, peak = measure("random", 20, 10_000, 1, ["--count", str(max(5, rounds * 3))], [])
    print("\nA request of 10,000 trials x 20 parameters")
    print(
        f"  decoded in {statistics.median(decode):.1f} ms (median of {len(decode)}; "
        f"min {min(decode):.1f}, max {max(decode):.1f}); peak memory {peak:.1f} MiB"
    )


def known_algorithms() -> list[str]:
    command = [SERVER, "algorithms", "--json"]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [a["name"] for a in json.loads(out)]


# Calls of a cell at the least; where they are few, p99 is the slowest.
LEAST_CALLS = 5

# What an algorithm needs beyond the sample Experiment of katib-load.
RUNGS = ["--setting", "r_l=256", "--setting", "resource_name=parameter2"]
SETTINGS: dict[str, list[str]] = {
    "hyperband": RUNGS,
    "asha": RUNGS,
    "pbt": [
        "--setting=suggestion_trial_dir=/checkpoint",
        "--setting=n_population=1000",
        "--setting=truncation_threshold=0.2",
    ],
    # A single suggestion comes from the trained controller or, for nothing, from evolution. With
    # this seed it is the controller's at every length of the history.
    "enas": ["--setting", "random_state=2"],
}


def bench_cost(rounds: int) -> None:
    print(
        "\nServer time and peak memory, 10 parameters (enas, darts: 12 layers, 12 operations);"
        " a fresh server per cell"
    )
    print(
        f"  {'algorithm':22s} {'history':>8s} {'number':>7s} {'calls':>6s}"
        f" {'median ms':>10s} {'p99 ms':>9s} {'peak MiB':>9s}"
    )
    for algorithm in known_algorithms():
        medians: dict[int, float] = {}
        for history in (0, 10, 100, 1_000, 10_000):
            for number in (1, 10):
                more = SETTINGS.get(algorithm, [])
                ms, _, peak = measure(
                    algorithm, 10, history, number, ["--duration", str(rounds)], more
                )
                if len(ms) < LEAST_CALLS:
                    ms, _, peak = measure(
                        algorithm, 10, history, number, ["--count", str(LEAST_CALLS)], more
                    )
                ms.sort()
                p99 = ms[min(len(ms) - 1, math.ceil(len(ms) * 0.99) - 1)]
                print(
                    f"  {algorithm:22s} {history:8d} {number:7d} {len(ms):6d}"
                    f" {statistics.median(ms):10.2f} {p99:9.2f} {peak:9.1f}",
                    flush=True,
                )
                if number == 1:
                    medians[history] = statistics.median(ms)
        growth = math.log10(max(medians[10_000], 1e-3) / max(medians[100], 1e-3)) / 2
        print(
            f"  {algorithm:22s} grows with history to the power {growth:.2f} (100 to 10,000 trials)"
        )


# ---------------------------------------------------------------- early stopping


def bench_early_stopping(rounds: int) -> None:
    """Start, idle memory, and rules for 1,000 finished trials: cold (logs are fetched) and warm.
    The DB manager is the Python stand-in of the interop tests, in a process of its own, so the cold
    time is mostly its time."""
    sys.path.insert(0, str(ROOT / "Tests/Interop"))
    import grpc
    from early_stopping import EarlyStopping, rules_request, trial

    names = [f"trial-{index}" for index in range(1000)]
    starts, idle, cold, warm, warm_new, peak = [], [], [], [], [], []
    manager_command = [sys.executable, str(ROOT / "Benchmarks/db_manager_peer.py")]
    for _ in range(rounds):
        with subprocess.Popen(manager_command, stdout=subprocess.PIPE, text=True) as manager:
            assert manager.stdout
            address = manager.stdout.readline().strip()
            port = free_port()
            start = time.perf_counter()
            environment = {"KATIB_EARLY_STOPPING_LISTEN": f"127.0.0.1:{port}"}
            with process([EARLY_STOPPING], environment=environment) as p:
                wait_serving(port)
                starts.append((time.perf_counter() - start) * 1000)
                time.sleep(0.2)
                idle.append(status(p.pid, "VmRSS"))
                with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                    service = EarlyStopping(channel)
                    service.rules(rules_request(address, []))
                    request = rules_request(address, [trial(name) for name in names])
                    for times, message in [
                        (cold, request),
                        *[(warm, request)] * 5,
                        (warm_new, rules_request(address, [*request.trials, trial("trial-1000")])),
                    ]:
                        start = time.perf_counter()
                        rules = service.rules(message)
                        times.append((time.perf_counter() - start) * 1000)
                        if len(rules) != 1:
                            raise RuntimeError(f"{len(rules)} rules for 1,000 trials")
                peak.append(status(p.pid, "VmHWM"))
            manager.terminate()
    print(
        f"\nEarly stopping ({rounds} rounds, medians; "
        "1,000 finished trials with logs of 100 lines)"
    )
    for title, values, unit in [
        ("start to SERVING", starts, "ms"),
        ("idle memory", idle, "MiB"),
        ("rules, cold", cold, "ms"),
        ("rules, warm", warm, "ms"),
        ("rules, warm and one trial more", warm_new, "ms"),
        ("peak memory", peak, "MiB"),
    ]:
        print(f"  {title:32s} {statistics.median(values):9.1f} {unit:4s} (max {max(values):.1f})")


def main() -> None:
    parser = argparse.ArgumentParser(description="Side-by-side measurements; see scripts/bench.sh.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=100_000, help="of each h2load run")
    parser.add_argument("--only", default="start,load,decode,cost,early-stopping")
    arguments = parser.parse_args()
    parts = arguments.only.split(",")
    if "start" in parts:
        bench_start(arguments.rounds * 2 + 1)
    if "load" in parts:
        bench_load(arguments.rounds, arguments.requests)
    if "decode" in parts:
        bench_decode(arguments.rounds)
    if "cost" in parts:
        bench_cost(arguments.rounds)
    if "early-stopping" in parts:
        bench_early_stopping(arguments.rounds)


if __name__ == "__main__":
    main()
