# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""SetTrialStatus against an API server over TLS: rotation, conflicts, refusals, kubeconfigs."""

from __future__ import annotations

import base64
import json
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest

from early_stopping import EarlyStopping, early_stopping, wait_until
from kubernetes_api import Authority, KubernetesAPI
from server_process import ServerProcess, free_port

Code = grpc.StatusCode


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder, "authority")


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Path:
    """For the address, as the certificates of API servers are."""
    return authority.sign("server", "IP:127.0.0.1,DNS:kubernetes.default")


class Cluster:
    """An API server, a service account, and the service inside."""

    def __init__(self, api: KubernetesAPI, account: Path, server: ServerProcess, stub: Any) -> None:
        self.api, self.account, self.server = api, account, server
        self.service: EarlyStopping = stub

    def refusal(self, trial: str = "t-1", timeout: float = 60) -> tuple[Code, str]:
        with pytest.raises(grpc.RpcError) as caught:
            self.service.stop(trial, timeout)
        return caught.value.code(), caught.value.details()


def service_account(folder: Path, authority: Path, token: str = "token-1") -> Path:
    (folder / "token").write_text(token + "\n")
    (folder / "ca.crt").write_bytes(authority.read_bytes())
    (folder / "namespace").write_text("team")
    return folder


@pytest.fixture
def cluster(certificate: Path, authority: Authority, tmp_path: Path) -> Iterator[Cluster]:
    account = service_account(tmp_path, authority.certificate)
    with KubernetesAPI(certificate) as api:
        inside = {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(api.port),
            "KATIB_EARLY_STOPPING_SERVICE_ACCOUNT": str(account),
        }
        with early_stopping(**inside) as (server, service):
            api.add("t-1")
            yield Cluster(api, account, server, service)


def test_the_condition_is_appended(cluster: Cluster) -> None:
    before = json.loads(json.dumps(cluster.api.trial("t-1")))
    cluster.service.stop("t-1")
    after = cluster.api.trial("t-1")
    *others, ours = after["status"]["conditions"]
    assert others == before["status"]["conditions"], "integers past 2^53 included"
    assert after["spec"] == before["spec"]
    when = ours["lastTransitionTime"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", when)
    assert abs(time.time() - time.mktime(time.strptime(when, "%Y-%m-%dT%H:%M:%SZ"))
               + time.timezone) < 60  # fmt: skip
    assert ours == {
        "type": "EarlyStopped",
        "status": "True",
        "reason": "TrialEarlyStopped",
        "message": "Trial is early stopped",
        "lastUpdateTime": when,
        "lastTransitionTime": when,
    }
    path = "/apis/kubeflow.org/v1beta1/namespaces/team/trials/t-1"
    assert cluster.api.requests == [f"GET {path}", f"PATCH {path}/status"]


def test_it_is_idempotent(cluster: Cluster) -> None:
    for _ in range(3):
        cluster.service.stop("t-1")
    assert len(cluster.api.stopped("t-1")) == 1
    assert cluster.api.patches() == 1


def test_a_trial_without_conditions(cluster: Cluster) -> None:
    cluster.api.add("bare")["status"] = {}
    cluster.service.stop("bare")
    assert len(cluster.api.stopped("bare")) == 1


def test_tokens_rotate(cluster: Cluster) -> None:
    cluster.service.stop("t-1")
    cluster.api.add("t-2")
    cluster.api.tokens = {"token-2"}
    assert cluster.refusal("t-2")[0] == Code.UNAUTHENTICATED
    (cluster.account / "token").write_text("token-2")
    cluster.service.stop("t-2")
    assert cluster.api.seen_tokens[-1] == "token-2"
    assert len(cluster.api.stopped("t-2")) == 1


def test_a_token_that_rotates_meanwhile(cluster: Cluster) -> None:
    """The first request carries the old token, the next try the new one."""
    cluster.api.tokens = {"token-2"}

    def rotate() -> None:
        while not cluster.api.seen_tokens:
            time.sleep(0.001)
        (cluster.account / "token").write_text("token-2")

    thread = threading.Thread(target=rotate)
    thread.start()
    cluster.service.stop("t-1")
    thread.join()
    assert len(cluster.api.stopped("t-1")) == 1


def test_conflicts(cluster: Cluster) -> None:
    """Somebody else writes between our read and our write, twice."""
    writes = 0

    def write(trial: dict[str, Any]) -> None:
        nonlocal writes
        if writes < 2:
            writes += 1
            trial["status"]["conditions"].append({"type": f"Theirs{writes}", "status": "True"})
            KubernetesAPI.bump(trial)

    cluster.api.after_read = write
    cluster.service.stop("t-1")
    types = [each["type"] for each in cluster.api.trial("t-1")["status"]["conditions"]]
    assert types == ["Created", "Running", "Theirs1", "Theirs2", "EarlyStopped"]


def test_conflicts_without_end(cluster: Cluster) -> None:
    cluster.api.after_read = KubernetesAPI.bump
    code, text = cluster.refusal(timeout=2)
    assert code == Code.ABORTED and "t-1" in text
    assert 3 <= cluster.api.patches() <= 10


def test_many_at_once(cluster: Cluster) -> None:
    """Of the same Trial and of others: every Trial has its condition once."""
    for each in range(10):
        cluster.api.add(f"many-{each}")
    names = [f"many-{each % 10}" for each in range(30)]
    with futures.ThreadPoolExecutor(30) as pool:
        list(pool.map(cluster.service.stop, names))
    assert all(len(cluster.api.stopped(name)) == 1 for name in names)


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_passing_trouble(code: int, cluster: Cluster) -> None:
    cluster.api.disturbances = [("GET", code), ("PATCH", code)]
    cluster.service.stop("t-1")
    assert len(cluster.api.stopped("t-1")) == 1


@pytest.mark.parametrize(
    ("method", "code", "expected", "words"),
    [
        ("GET", 403, Code.PERMISSION_DENIED, "verb get on trials of the API group kubeflow.org"),
        ("PATCH", 403, Code.PERMISSION_DENIED, "verb patch on trials/status"),
        ("GET", 404, Code.NOT_FOUND, "no Trial t-1 in namespace team"),
        ("PATCH", 422, Code.FAILED_PRECONDITION, "422"),
    ],
)
def test_lasting_trouble(
    method: str, code: int, expected: Code, words: str, cluster: Cluster
) -> None:
    cluster.api.disturbances = [(method, code)] * 20
    got, text = cluster.refusal()
    assert got == expected
    assert words in text and "as the test wishes" in text, text
    assert len(cluster.api.requests) <= 2, "asked again in vain"


def test_an_api_server_that_stays_broken(cluster: Cluster) -> None:
    cluster.api.disturbances = [("GET", 500)] * 20
    assert cluster.refusal(timeout=2)[0] == Code.UNAVAILABLE


def test_an_outage_of_seconds(cluster: Cluster) -> None:
    """Six tries were over after a second and a half, whatever time the caller had: the restart of
    an API server made a failed Trial of one that was to be stopped."""
    cluster.api.disturbances = [("GET", 503)] * 7
    cluster.service.stop("t-1")
    assert len(cluster.api.stopped("t-1")) == 1


def test_an_unknown_trial(cluster: Cluster) -> None:
    assert cluster.refusal("nothing")[0] == Code.NOT_FOUND


@pytest.mark.parametrize("name", ["", "../experiments/e", "a/b", "UPPER", "a b", "a?b"])
def test_what_cannot_be_a_name_is_not_asked_for(name: str, cluster: Cluster) -> None:
    assert cluster.refusal(name)[0] == Code.INVALID_ARGUMENT
    assert cluster.api.requests == []


def test_a_slow_api_server(cluster: Cluster) -> None:
    cluster.api.delay = 3
    start = time.monotonic()
    assert cluster.refusal(timeout=1)[0] == Code.DEADLINE_EXCEEDED
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("pause", [30.0, 0.1], ids=["stalled", "trickling"])
@pytest.mark.parametrize("before", [[], [0.0]], ids=["GET", "PATCH"])
def test_an_answer_that_does_not_end(before: list[float], pause: float, cluster: Cluster) -> None:
    """The limit of a request once ended with the head of its answer: a collector, which sets no
    deadline, waited for ever, and eight of them held every worker."""
    cluster.api.pauses = [*before, pause]
    start = time.monotonic()
    code, text = cluster.refusal(timeout=5)
    assert code == Code.DEADLINE_EXCEEDED
    assert "no answer in time" in text, "our own answer, before the caller gives up"
    assert time.monotonic() - start < 5


def test_after_a_stalled_answer_it_asks_again(cluster: Cluster) -> None:
    cluster.api.pauses = [60.0]
    cluster.service.stop("t-1", timeout=None)
    assert len(cluster.api.stopped("t-1")) == 1


def test_connections_that_are_closed_during_the_handshake(cluster: Cluster) -> None:
    """What a load balancer does while no API server is up. It passed for a certificate that is not
    trusted, so after two tries the Trial had failed."""
    cluster.api.closed_handshakes = 5
    cluster.service.stop("t-1")
    assert len(cluster.api.stopped("t-1")) == 1


def test_the_wrong_authority_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    """And nothing is sent, the token least of all. The right one is taken up without a restart."""
    right = (cluster.account / "ca.crt").read_bytes()
    wrong = Authority(tmp_path, "stranger")
    (cluster.account / "ca.crt").write_bytes(wrong.certificate.read_bytes())
    code, text = cluster.refusal()
    assert code == Code.FAILED_PRECONDITION and "certificate" in text
    assert cluster.api.requests == []
    (cluster.account / "ca.crt").write_bytes(right)
    cluster.service.stop("t-1")
    assert len(cluster.api.stopped("t-1")) == 1


def test_a_certificate_for_another_address_is_refused(authority: Authority, tmp_path: Path) -> None:
    account = service_account(tmp_path, authority.certificate)
    other = authority.sign("other", "IP:127.0.0.2,DNS:kubernetes.default")
    with KubernetesAPI(other) as api:
        api.add("t-1")
        inside = {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(api.port),
            "KATIB_EARLY_STOPPING_SERVICE_ACCOUNT": str(account),
        }
        with early_stopping(**inside) as (_, service), pytest.raises(grpc.RpcError) as caught:
            service.stop("t-1")
        assert caught.value.code() == Code.FAILED_PRECONDITION
        assert api.requests == []


def test_an_account_that_is_not_mounted(cluster: Cluster) -> None:
    for name in ("token", "ca.crt"):
        content = (cluster.account / name).read_bytes()
        (cluster.account / name).unlink()
        code, text = cluster.refusal()
        assert code == Code.FAILED_PRECONDITION and str(cluster.account / name) in text
        (cluster.account / name).write_bytes(content)
    cluster.service.stop("t-1")


def test_an_api_server_that_is_gone(authority: Authority, tmp_path: Path) -> None:
    inside = {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(free_port()),
        "KATIB_EARLY_STOPPING_SERVICE_ACCOUNT": str(
            service_account(tmp_path, authority.certificate)
        ),
    }
    with early_stopping(**inside) as (_, service), pytest.raises(grpc.RpcError) as caught:
        service.stop("t-1", 2)
    assert caught.value.code() == Code.UNAVAILABLE


def test_outside_a_cluster() -> None:
    with early_stopping() as (_, service):
        with pytest.raises(grpc.RpcError) as caught:
            service.stop("t-1")
        assert caught.value.code() == Code.FAILED_PRECONDITION
        assert "outside a Kubernetes cluster" in caught.value.details()
        service.validate("medianstop")


def test_a_call_in_flight_is_finished(cluster: Cluster) -> None:
    cluster.api.delay = 0.5
    with futures.ThreadPoolExecutor(1) as pool:
        call = pool.submit(cluster.service.stop, "t-1")
        wait_until(lambda: cluster.api.arrived)
        cluster.server.process.send_signal(signal.SIGTERM)
        call.result(10)
    assert cluster.server.process.wait(10) == 0
    assert len(cluster.api.stopped("t-1")) == 1
    cluster.server.start()


# Kubeconfigs


def kubeconfig(path: Path, cluster: dict[str, Any], user: dict[str, Any]) -> str:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "team"}}
        ],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(json.dumps(config))
    return str(path)


def data(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def test_a_kubeconfig_with_a_plain_server(tmp_path: Path) -> None:
    with KubernetesAPI(None) as api:
        api.add("t-1")
        text = (
            "current-context: &name dev\n"
            "contexts:\n- name: *name\n  context: {cluster: local, user: me, namespace: team}\n"
            f"clusters:\n- name: local\n  cluster:\n    server: {api.url}/\n"
            "users:\n- name: me\n  user:\n    token: |\n      token-1\n"
        )
        (tmp_path / "config").write_text(text)
        with early_stopping(KUBECONFIG=str(tmp_path / "config")) as (_, service):
            service.stop("t-1")
        assert len(api.stopped("t-1")) == 1


@pytest.mark.parametrize("inline", [False, True])
def test_a_kubeconfig_with_a_client_certificate(
    inline: bool, authority: Authority, certificate: Path, tmp_path: Path
) -> None:
    own = authority.sign("katib-user", usage="clientAuth")
    key = own.with_suffix(".key")
    user = {"client-certificate": str(own), "client-key": str(key)}
    cluster: dict[str, Any] = {"certificate-authority": str(authority.certificate)}
    if inline:
        user = {"client-certificate-data": data(own), "client-key-data": data(key)}
        cluster = {"certificate-authority-data": data(authority.certificate)}
    with KubernetesAPI(certificate, clients=authority.certificate) as api:
        api.add("t-1")
        path = kubeconfig(tmp_path / "config", {"server": api.url, **cluster}, user)
        with early_stopping(KUBECONFIG=path) as (_, service):
            service.stop("t-1")
        assert set(api.clients) == {"katib-user"}
        assert len(api.stopped("t-1")) == 1


def test_a_kubeconfig_that_checks_nothing(certificate: Path, tmp_path: Path) -> None:
    """And one that names what the certificate is for."""
    (tmp_path / "token").write_text("token-1")
    with KubernetesAPI(certificate) as api:
        api.add("t-1")
        config = tmp_path / "config"
        insecure = {"server": api.url, "insecure-skip-tls-verify": True}
        path = kubeconfig(config, insecure, {"tokenFile": "token"})
        with early_stopping(KUBECONFIG=path) as (_, service):
            service.stop("t-1")
            assert len(api.stopped("t-1")) == 1
            # Read anew for each call, so a repaired file needs no restart.
            api.add("t-2")
            kubeconfig(config, {"server": api.url}, {"tokenFile": "token"})
            with pytest.raises(grpc.RpcError) as caught:
                service.stop("t-2")
            assert caught.value.code() == Code.FAILED_PRECONDITION


def test_a_server_name(authority: Authority, tmp_path: Path) -> None:
    named = authority.sign("named", "DNS:api.example")
    with KubernetesAPI(named) as api:
        api.add("t-1")
        cluster = {
            "server": api.url,
            "certificate-authority": str(authority.certificate),
            "tls-server-name": "api.example",
        }
        path = kubeconfig(tmp_path / "config", cluster, {"token": "token-1"})
        with early_stopping(KUBECONFIG=path) as (_, service):
            service.stop("t-1")
        assert len(api.stopped("t-1")) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [("[", "not readable: line"), ("{}", "current-context"), (None, "cannot be read")],
)
def test_a_kubeconfig_that_is_wrong(text: str | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)
    with (
        early_stopping(KUBECONFIG=str(path)) as (_, service),
        pytest.raises(grpc.RpcError) as caught,
    ):
        service.stop("t-1")
    assert caught.value.code() == Code.FAILED_PRECONDITION
    assert words in caught.value.details()


def test_inside_a_cluster_the_variable_does_not_count(cluster: Cluster, tmp_path: Path) -> None:
    """KUBECONFIG is a convenience of people's machines; the flag is meant."""
    elsewhere = kubeconfig(tmp_path / "config", {"server": "http://127.0.0.1:1"}, {})
    inside = {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(cluster.api.port),
        "KATIB_EARLY_STOPPING_SERVICE_ACCOUNT": str(cluster.account),
        "KUBECONFIG": elsewhere,
    }
    with early_stopping(**inside) as (_, service):
        service.stop("t-1")
    with (
        early_stopping("--kubeconfig", elsewhere, **inside) as (_, service),
        pytest.raises(grpc.RpcError) as caught,
    ):
        service.stop("t-1", 2)
    assert caught.value.code() == Code.UNAVAILABLE
