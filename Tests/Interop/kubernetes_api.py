# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the Kubernetes API server: Trials over TLS, and what can go wrong.

It speaks HTTP/1.1, knows GET of a Trial and PATCH of its status as a merge patch (RFC 7396) with
optimistic concurrency, and checks the bearer token. The certificates are made with openssl.
"""

from __future__ import annotations

import copy
import http.server
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PREFIX = "/apis/kubeflow.org/v1beta1/namespaces/"


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


class Authority:
    """A certificate authority and what it has signed."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.certificate = folder / f"{name}.crt"
        openssl(
            folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
            "-out", f"{name}.crt", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign",
        )  # fmt: skip

    def sign(self, name: str, subject_names: str = "", usage: str = "serverAuth") -> Path:
        """A certificate `name`.crt with its key `name`.key."""
        openssl(
            self.folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr",
        )  # fmt: skip
        lines = [f"extendedKeyUsage={usage}"]
        if subject_names:
            lines.append(f"subjectAltName={subject_names}")
        (self.folder / f"{name}.ext").write_text("\n".join(lines) + "\n")
        openssl(
            self.folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{self.name}.crt",
            "-CAkey", f"{self.name}.key", "-CAcreateserial", "-days", "2", "-out", f"{name}.crt",
            "-extfile", f"{name}.ext",
        )  # fmt: skip
        return self.folder / f"{name}.crt"


def merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


class KubernetesAPI:
    """Use as a context manager. All fields may be changed while it serves."""

    def __init__(self, certificate: Path | None, clients: Path | None = None) -> None:
        """`certificate` lies beside its key; None serves plain HTTP. `clients` is the authority
        that client certificates must be signed by."""
        self.trials: dict[str, dict[str, Any]] = {}
        self.tokens = {"token-1"}
        # Answers to give in place of the real one: (method, HTTP status).
        self.disturbances: list[tuple[str, int]] = []
        # Runs after each GET, with the Trial: somebody else's write.
        self.after_read: Callable[[dict[str, Any]], None] | None = None
        self.delay = 0.0
        # Seconds between the bytes of the next answers' bodies.
        self.pauses: list[float] = []
        # As many handshakes end when the client has said hello.
        self.closed_handshakes = 0
        self.requests: list[str] = []
        # Requests that have come in, answered or not.
        self.arrived = 0
        self.seen_tokens: list[str] = []
        self.clients: list[str] = []
        self.lock = threading.Lock()
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                api.serve(self)

            def do_PATCH(self) -> None:
                api.serve(self)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_: object) -> None:
                pass  # refused handshakes are what some tests are about

            def process_request_thread(self, request: Any, client_address: Any) -> None:
                if api.closed_handshakes:
                    api.closed_handshakes -= 1
                    with socket.socket(fileno=request.detach()) as plain:
                        plain.recv(4096)
                    return
                super().process_request_thread(request, client_address)

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
            if clients:
                context.load_verify_locations(clients)
                context.verify_mode = ssl.CERT_REQUIRED
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self.url = f"https://127.0.0.1:{self.port}"
        self.client_certificates = clients is not None

    def __enter__(self) -> KubernetesAPI:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, name: str, namespace: str = "team", **more: Any) -> dict[str, Any]:
        trial = {
            "apiVersion": "kubeflow.org/v1beta1",
            "kind": "Trial",
            "metadata": {"name": name, "namespace": namespace, "resourceVersion": "1"},
            "spec": {"unknown": {"integer": 9007199254740993, "number": 0.1}},
            "status": {
                "conditions": [
                    {"type": "Created", "status": "True", "unknown": 9007199254740993},
                    {"type": "Running", "status": "True"},
                ]
            },
        }
        self.trials[f"{namespace}/trials/{name}"] = merge(trial, more)
        return self.trials[f"{namespace}/trials/{name}"]

    def trial(self, name: str, namespace: str = "team") -> dict[str, Any]:
        return self.trials[f"{namespace}/trials/{name}"]

    def stopped(self, name: str, namespace: str = "team") -> list[dict[str, Any]]:
        conditions = self.trial(name, namespace)["status"]["conditions"]
        return [each for each in conditions if each["type"] == "EarlyStopped"]

    def patches(self) -> int:
        return sum(each.startswith("PATCH") for each in self.requests)

    # Serving

    def serve(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.arrived += 1
        time.sleep(self.delay)
        with self.lock:
            self.requests.append(f"{handler.command} {handler.path}")
            code, answer = self._answer(handler, body)
        text = json.dumps(answer).encode()
        handler.send_response(code)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        pause = self.pauses.pop(0) if self.pauses else 0.0
        if not pause:
            handler.wfile.write(text)
        for byte in text if pause else b"":
            handler.wfile.write(bytes([byte]))
            time.sleep(pause)

    def _answer(self, handler: Any, body: bytes) -> tuple[int, dict[str, Any]]:
        token = (handler.headers.get("Authorization") or "").removeprefix("Bearer ")
        self.seen_tokens.append(token)
        if self.client_certificates:
            subject = dict(pair[0] for pair in handler.connection.getpeercert()["subject"])
            self.clients.append(subject["commonName"])
        elif token not in self.tokens:
            return self._status(401, "Unauthorized", "the token is not known")
        for index, (method, code) in enumerate(self.disturbances):
            if method == handler.command:
                del self.disturbances[index]
                return self._status(code, "Test", "as the test wishes")
        name = handler.path.removeprefix(PREFIX).removesuffix("/status")
        if not handler.path.startswith(PREFIX) or name not in self.trials:
            return self._status(404, "NotFound", f'trials.kubeflow.org "{name}" not found')
        if handler.command == "GET":
            found = copy.deepcopy(self.trials[name])
            if self.after_read:
                self.after_read(self.trials[name])
            return 200, found
        return self._patch(name, handler, body)

    def _patch(self, name: str, handler: Any, body: bytes) -> tuple[int, dict[str, Any]]:
        if handler.headers.get("Content-Type") != "application/merge-patch+json":
            return self._status(415, "UnsupportedMediaType", "only merge patches")
        if not handler.path.endswith("/status"):
            return self._status(405, "MethodNotAllowed", "only the status")
        patch = json.loads(body)
        old = self.trials[name]
        version = patch.get("metadata", {}).get("resourceVersion")
        if version not in (None, old["metadata"]["resourceVersion"]):
            return self._status(409, "Conflict", "the object has been modified")
        new = merge(old, {"status": patch.get("status", {})})
        self.bump(new)
        self.trials[name] = new
        return 200, new

    @staticmethod
    def bump(trial: dict[str, Any]) -> None:
        metadata = trial["metadata"]
        metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)

    @staticmethod
    def _status(code: int, reason: str, message: str) -> tuple[int, dict[str, Any]]:
        return code, {
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason,
            "message": message, "code": code,
        }  # fmt: skip
