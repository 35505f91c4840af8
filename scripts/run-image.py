#!/usr/bin/env python3
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Runs an unpacked image under runc as a restricted pod, and talks to it.

Part of scripts/check-image.sh, which calls it in a network namespace of its own, so that the port
is free and nothing outside can be reached. Needs root, runc, grpcio and its health and reflection
packages.
"""

import argparse
import fcntl
import json
import pathlib
import platform
import signal
import socket
import struct
import subprocess
import tempfile
import time

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

CONTAINER = "katib-image-check"
ARBITRARY_USER = 1_000_730_000  # of the size that OpenShift hands out
MEMORY = 100 << 20
PORTS = {"suggestion": 6789, "early-stopping": 6788}
SERVICES = {"suggestion": "Suggestion", "early-stopping": "EarlyStopping"}
PROBED = "manager.v1beta1.Suggestion"  # the name that Katib's probes ask for

# What service links put into a pod beside a Service of our own name: nothing of it may be taken for
# a setting.
SERVICE_LINKS = {
    "KATIB_SUGGESTION_SERVICE_HOST": "10.96.0.17",
    "KATIB_SUGGESTION_SERVICE_PORT": "6789",
    "KATIB_SUGGESTION_SERVICE_PORT_GRPC": "6789",
    "KATIB_SUGGESTION_PORT": "tcp://10.96.0.17:6789",
    "KATIB_SUGGESTION_PORT_6789_TCP": "tcp://10.96.0.17:6789",
    "KATIB_SUGGESTION_PORT_6789_TCP_ADDR": "10.96.0.17",
}


def raise_loopback():
    """Sets the flag UP of `lo`, which a new network namespace leaves down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        name = b"lo".ljust(16, b"\0")
        reply = fcntl.ioctl(any_socket, 0x8913, name + bytes(16))  # SIOCGIFFLAGS
        flags = struct.unpack_from("H", reply, 16)[0] | 1  # IFF_UP
        fcntl.ioctl(any_socket, 0x8914, name + struct.pack("H14x", flags))  # SIOCSIFFLAGS


def default_seccomp() -> dict:
    """The container engines' default profile as runc wants it, for a process without capabilities.

    The file of Debian's golang-github-containers-common, which buildah brings, states for each rule
    which capabilities or architectures it is for; here nobody has the former.
    """
    profile = json.loads(pathlib.Path("/usr/share/containers/seccomp.json").read_text())
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    seccomp_name = {"amd64": "SCMP_ARCH_X86_64", "arm64": "SCMP_ARCH_AARCH64"}[machine]
    rules = []
    for rule in profile["syscalls"]:
        only_for, not_for = rule.get("includes") or {}, rule.get("excludes") or {}
        if only_for.get("caps") or machine not in (only_for.get("arches") or [machine]):
            continue
        if machine in (not_for.get("arches") or []):
            continue
        fields = ("names", "action", "args", "errnoRet")
        rules.append({field: rule[field] for field in fields if rule.get(field) is not None})
    return {
        "defaultAction": profile["defaultAction"],
        "defaultErrnoRet": profile["defaultErrnoRet"],
        "architectures": [seccomp_name],
        "syscalls": rules,
    }


def runtime_spec(rootfs: str, image: dict) -> dict:
    """The OCI runtime configuration that a kubelet would ask for, in short."""
    spec = {
        "ociVersion": "1.0.0",
        "hostname": "check",
        "root": {"path": rootfs, "readonly": True},
    }
    environment = dict(entry.split("=", 1) for entry in image.get("Env") or []) | SERVICE_LINKS
    no_capabilities = ("bounding", "effective", "inheritable", "permitted", "ambient")
    spec["process"] = {
        "terminal": False,
        "user": {"uid": ARBITRARY_USER, "gid": 0},
        "args": (image.get("Entrypoint") or []) + (image.get("Cmd") or []),
        "env": [f"{name}={value}" for name, value in environment.items()],
        "cwd": image.get("WorkingDir") or "/",
        "capabilities": {kind: [] for kind in no_capabilities},
        "noNewPrivileges": True,
    }
    spec["mounts"] = [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {
            "destination": "/dev",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["nosuid", "strictatime", "mode=755", "size=64k"],
        },
    ]
    spec["linux"] = {
        # No network namespace: it shares the one of this script.
        "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")],
        "resources": {
            "memory": {"limit": MEMORY, "swap": MEMORY},
            "cpu": {"quota": 50_000, "period": 100_000},
        },
        "seccomp": default_seccomp(),
    }
    return spec


def wait_until_listening(server: subprocess.Popen, port: int, limit: float) -> float:
    """Connects until someone answers; returns the seconds it took."""
    started = time.monotonic()
    while time.monotonic() - started < limit:
        if server.poll() is not None:
            raise SystemExit(f"the server ended with status {server.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return time.monotonic() - started
        time.sleep(0.002)
    raise SystemExit(f"nobody listens on {port} after {limit} s")


def check_health(channel: grpc.Channel, service: str):
    """Every name that Katib or a person may ask for is SERVING, and no other."""
    health = health_pb2_grpc.HealthStub(channel)
    for name in (PROBED, f"api.v1.beta1.{service}", ""):
        reply = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
        if reply.status != health_pb2.HealthCheckResponse.SERVING:
            raise SystemExit(f"health of {name!r} is {reply.status}")
    try:
        health.Check(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=5)
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.NOT_FOUND:
            return
        raise
    raise SystemExit("health of an unknown service is not NOT_FOUND")


def message_classes(channel: grpc.Channel, service: str, method: str):
    """The request and reply of a method, made from what server reflection tells."""
    service = f"api.v1.beta1.{service}"
    ask = reflection_pb2.ServerReflectionRequest(file_containing_symbol=service)
    replies = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([ask]))
    pool = descriptor_pool.DescriptorPool()
    for text in next(replies).file_descriptor_response.file_descriptor_proto:
        pool.Add(descriptor_pb2.FileDescriptorProto.FromString(text))
    found = pool.FindServiceByName(service).methods_by_name[method]
    return tuple(map(message_factory.GetMessageClass, (found.input_type, found.output_type)))


def ask_for_suggestions(channel: grpc.Channel) -> str:
    """One call as Katib makes it: three random points of two parameters."""
    request_class, reply_class = message_classes(channel, "Suggestion", "GetSuggestions")
    request = request_class(current_request_number=3, total_request_number=3)
    request.experiment.name = "image-check"
    specification = request.experiment.spec
    specification.algorithm.algorithm_name = "random"
    specification.algorithm.algorithm_settings.add(name="random_state", value="1")
    specification.objective.type = 1
    specification.objective.objective_metric_name = "loss"
    rate = specification.parameter_specs.parameters.add(name="lr", parameter_type=1)
    rate.feasible_space.min, rate.feasible_space.max = "0.01", "0.1"
    layers = specification.parameter_specs.parameters.add(name="layers", parameter_type=2)
    layers.feasible_space.min, layers.feasible_space.max = "1", "5"
    call = channel.unary_unary(
        "/api.v1.beta1.Suggestion/GetSuggestions",
        request_serializer=request_class.SerializeToString,
        response_deserializer=reply_class.FromString,
    )
    reply = call(request, timeout=10)
    points = [
        {a.name: a.value for a in point.assignments} for point in reply.parameter_assignments
    ]
    if len(points) != 3:
        raise SystemExit(f"asked for 3 suggestions, got {len(points)}")
    for point in points:
        if not (0.01 <= float(point["lr"]) <= 0.1 and 1 <= int(point["layers"]) <= 5):
            raise SystemExit(f"infeasible: {point}")
    return ", ".join(f"lr={p['lr']} layers={p['layers']}" for p in points)


def ask_for_rules(channel: grpc.Channel) -> str:
    """The first call of an Experiment, without trials, and one that must be refused."""
    request_class, reply_class = message_classes(
        channel, "EarlyStopping", "GetEarlyStoppingRules"
    )
    rules = channel.unary_unary(
        "/api.v1.beta1.EarlyStopping/GetEarlyStoppingRules",
        request_serializer=request_class.SerializeToString,
        response_deserializer=reply_class.FromString,
    )(request_class(db_manager_address="katib-db-manager.kubeflow:6789"), timeout=10)
    if rules.early_stopping_rules:
        raise SystemExit(f"rules without trials: {rules}")
    request_class, reply_class = message_classes(channel, "EarlyStopping", "SetTrialStatus")
    try:
        channel.unary_unary(
            "/api.v1.beta1.EarlyStopping/SetTrialStatus",
            request_serializer=request_class.SerializeToString,
            response_deserializer=reply_class.FromString,
        )(request_class(trial_name="trial"), timeout=10)
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.FAILED_PRECONDITION:
            return "no rules yet; no cluster to set the status of a Trial in"
        raise
    raise SystemExit("SetTrialStatus succeeded outside a cluster")


def memory_limit(proc: pathlib.Path) -> int:
    """The memory limit of a process, in bytes, whichever version of cgroups the machine has."""
    for line in proc.joinpath("cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            file = pathlib.Path(f"/sys/fs/cgroup/memory{path}/memory.limit_in_bytes")
        elif not controllers:
            file = pathlib.Path(f"/sys/fs/cgroup{path}/memory.max")
        else:
            continue
        if file.exists():
            return int(file.read_text())
    raise SystemExit("no memory limit found for the container")


def confinement(pid: int) -> str:
    """Checks from outside that the process is as confined as the specification asks for."""
    proc = pathlib.Path(f"/proc/{pid}")
    status = dict(
        line.split(":", 1) for line in proc.joinpath("status").read_text().splitlines()
    )
    root_mount = next(
        fields
        for fields in map(str.split, proc.joinpath("mountinfo").read_text().splitlines())
        if fields[4] == "/"
    )
    found = {
        "user": status["Uid"].split()[0],
        "group": status["Gid"].split()[0],
        "capabilities": int(status["CapEff"], 16) | int(status["CapBnd"], 16),
        "no_new_privileges": status["NoNewPrivs"].strip(),
        "seccomp": status["Seccomp"].strip(),
        "root": root_mount[5].split(",")[0],
        "memory": memory_limit(proc),
    }
    wanted = {
        "user": str(ARBITRARY_USER),
        "group": "0",
        "capabilities": 0,
        "no_new_privileges": "1",
        "seccomp": "2",
        "root": "ro",
        "memory": MEMORY,
    }
    if found != wanted:
        raise SystemExit(f"confined as {found}, wanted {wanted}")
    peak = int(status["VmHWM"].split()[0]) / 1024
    return (
        f"user {found['user']}:0, no capabilities, default seccomp, read-only root, "
        f"peak memory {peak:.1f} of {MEMORY >> 20} MiB"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", required=True, choices=PORTS, help="the Dockerfile's target")
    parser.add_argument("--rootfs", required=True, help="the unpacked image")
    parser.add_argument("--image-config", required=True, help="its OCI configuration, as JSON")
    options = parser.parse_args()
    port, service = PORTS[options.target], SERVICES[options.target]
    image = json.loads(pathlib.Path(options.image_config).read_text())
    if image.get("User") != "65532:0":
        raise SystemExit(f"the image's user is {image.get('User')!r}, not numeric 65532:0")
    if image.get("StopSignal") != "SIGTERM" or f"{port}/tcp" not in image.get("ExposedPorts", {}):
        raise SystemExit("the image does not name its stop signal and port")

    raise_loopback()
    with tempfile.TemporaryDirectory(prefix="katib-bundle.") as bundle:
        specification = runtime_spec(options.rootfs, image)
        pathlib.Path(bundle, "config.json").write_text(json.dumps(specification))
        pid_file = pathlib.Path(bundle, "pid")
        runc = ["runc", f"--root={bundle}/state"]
        run = [*runc, "run", f"--bundle={bundle}", f"--pid-file={pid_file}", CONTAINER]
        server = subprocess.Popen(run)
        try:
            seconds = wait_until_listening(server, port, limit=10)
            print(f"listening {seconds * 1000:.0f} ms after runc was called")
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                check_health(channel, service)
                print(f"SERVING for {PROBED}")
                if options.target == "suggestion":
                    print("random:", ask_for_suggestions(channel))
                else:
                    print("medianstop:", ask_for_rules(channel))
            print(confinement(int(pid_file.read_text())))
            subprocess.run([*runc, "kill", CONTAINER, "TERM"], check=True)
            started = time.monotonic()
            code = server.wait(timeout=30)
            if code != 0:
                raise SystemExit(f"SIGTERM: exit status {code}, not 0")
            print(f"SIGTERM: exit 0 after {time.monotonic() - started:.2f} s")
        finally:
            if server.poll() is None:
                subprocess.run([*runc, "delete", "--force", CONTAINER], check=False)
                server.send_signal(signal.SIGKILL)
                server.wait()


if __name__ == "__main__":
    main()
