#!/usr/bin/env python3
# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
"""Asserts what the rendered manifests promise.

Part of scripts/check-deploy.sh, which renders deploy/ into the folder that this script reads. Needs
PyYAML and kubernetes-validate.
"""

import argparse
import copy
import json
import os
import pathlib
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable

import kubernetes_validate
import yaml

DEPLOY = pathlib.Path(__file__).parents[1] / "deploy"
SWITCH = DEPLOY / "katib" / "switch-images.py"
ENTRIES = yaml.safe_load((DEPLOY / "katib" / "entries.yaml").read_text())
BASE = yaml.safe_load((DEPLOY / "base-for-tests" / "katib-config.yaml").read_text())
PORT = 6789
PROBED = "manager.v1beta1.Suggestion"
DRAIN_SECONDS = 25  # the server's default for calls in flight after SIGTERM

# The fields of an entry that are Katib's own; the others are those of a Container.
OF_KATIB = (
    "algorithmName",
    "serviceAccountName",
    "volumeMountPath",
    "persistentVolumeClaimSpec",
    "persistentVolumeSpec",
    "persistentVolumeLabels",
)


def expect(condition: bool, message: str):
    if not condition:
        raise SystemExit(f"check-manifests.py: {message}")


def restricted_violations(pod: dict) -> list[str]:
    """What the Pod Security Standard "restricted" finds wrong with a pod's specification."""
    found = []
    context = pod.get("securityContext", {})
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            found.append(field)
    allowed = {
        "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
        "projected", "secret",
    }
    for volume in pod.get("volumes", []):
        found += [f"volume {kind}" for kind in volume if kind != "name" and kind not in allowed]
    for container in pod.get("initContainers", []) + pod["containers"]:
        own = container.get("securityContext", {})
        name = container["name"]
        if own.get("privileged") or own.get("procMount", "Default") != "Default":
            found.append(f"{name}: privileged or procMount")
        if own.get("allowPrivilegeEscalation") is not False:
            found.append(f"{name}: allowPrivilegeEscalation")
        if "ALL" not in own.get("capabilities", {}).get("drop", []):
            found.append(f"{name}: capabilities.drop")
        if set(own.get("capabilities", {}).get("add", [])) - {"NET_BIND_SERVICE"}:
            found.append(f"{name}: capabilities.add")
        if not own.get("runAsNonRoot", context.get("runAsNonRoot")):
            found.append(f"{name}: runAsNonRoot")
        if own.get("runAsUser", context.get("runAsUser", 1)) == 0:
            found.append(f"{name}: runAsUser")
        profile = own.get("seccompProfile", context.get("seccompProfile", {})).get("type")
        if profile not in ("RuntimeDefault", "Localhost"):
            found.append(f"{name}: seccompProfile")
        if any(port.get("hostPort") for port in container.get("ports", [])):
            found.append(f"{name}: hostPort")
    return found


def check_container(container: dict, whose: str):
    """What every container of ours promises beyond "restricted"."""
    context = container["securityContext"]
    expect(context.get("readOnlyRootFilesystem") is True, f"{whose}: the root is writable")
    for fixed in ("runAsUser", "runAsGroup"):
        expect(fixed not in context, f"{whose}: {fixed} would keep OpenShift from choosing")
    limits = container["resources"]["limits"]
    wanted = {"cpu": "500m", "memory": "100Mi"}
    expect({k: limits.get(k) for k in wanted} == wanted, f"{whose}: limits are {limits}")
    for field in ("command", "args", "env", "envFrom"):
        expect(field not in container, f"{whose}: the image needs no {field}")


def pod_that_katib_makes(entry: dict) -> dict:
    """The suggestion pod as Katib's controller composes it from an entry."""
    container = {key: value for key, value in entry.items() if key not in OF_KATIB}
    container.setdefault("name", "suggestion")
    container["ports"] = [
        *container.get("ports", []), {"name": "suggestion-api", "containerPort": PORT}
    ]
    probe = {"grpc": {"port": PORT, "service": PROBED}, "initialDelaySeconds": 10}
    container.setdefault("readinessProbe", probe | {"periodSeconds": 10})
    container.setdefault("livenessProbe", probe | {"periodSeconds": 120, "failureThreshold": 12})
    return {"containers": [container]}


def check_katib(documents: list[dict], known: list[str] | None):
    maps = [d for d in documents if d["kind"] == "ConfigMap"]
    expect([d["metadata"]["name"] for d in maps] == ["katib-config"], "no ConfigMap katib-config")
    expect(maps[0]["metadata"]["namespace"] == "kubeflow", "katib-config is in another namespace")
    expect(list(maps[0]["data"]) == ["katib-config.yaml"], "katib-config has other keys")
    config = yaml.safe_load(maps[0]["data"]["katib-config.yaml"])

    ours = ENTRIES["algorithms"]
    if known is not None:
        expect(sorted(ours) == sorted(known), f"entries.yaml has {ours}, the binary {known}")
    names = [entry["algorithmName"] for entry in config["runtime"]["suggestions"]]
    expect(len(names) == len(set(names)), f"an algorithm stands twice in {names}")
    entries = dict(zip(names, config["runtime"]["suggestions"], strict=True))
    expect(set(ours) <= set(names), f"{set(ours) - set(names)} have no entry")
    for name in ours:
        pod = pod_that_katib_makes(entries[name])
        found = restricted_violations(pod)
        expect(not found, f"entry {name} is not restricted: {found}")
        check_container(pod["containers"][0], f"entry {name}")
        expect(entries[name]["image"] == ENTRIES["image"], f"entry {name} has another image")
        expect(PORT not in [p["containerPort"] for p in entries[name].get("ports", [])],
               f"entry {name}: Katib refuses an entry with its own port")
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pod}
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)

    # The volume of the checkpoints: every trial's pod mounts it, on whatever node.
    claim = entries["pbt"].get("persistentVolumeClaimSpec", {})
    expect(claim.get("accessModes") == ["ReadWriteMany"], f"the entry of pbt claims {claim}")
    expect("volumeMountPath" not in entries["pbt"], "the server expects Katib's own mount path")

    # Nothing else has changed.
    was = {e["algorithmName"]: e for e in BASE["runtime"]["suggestions"]}
    for name in set(was) - set(ours):
        expect(entries[name] == was[name], f"the entry of {name} has changed")
    collectors = "metricsCollectors"
    expect(config["runtime"][collectors] == BASE["runtime"][collectors], "collectors have changed")
    stopping = {e["algorithmName"]: e for e in config["runtime"]["earlyStoppings"]}
    expect(list(stopping) == ENTRIES["earlyStoppingAlgorithms"], f"early stopping is {stopping}")
    for name, entry in stopping.items():
        expect(entry["image"] == ENTRIES["earlyStoppingImage"], f"{name} has another image")
        expect(set(entry) == {"algorithmName", "image", "imagePullPolicy", "resources"},
               f"Katib reads no such fields of an early-stopping entry: {set(entry)}")
        limits = entry["resources"]["limits"]
        expect(limits["memory"] == "100Mi" and limits["cpu"] == "500m", f"{name} has {limits}")
    expect(config["init"] == BASE["init"], "the controller's own settings have changed")
    print(f"katib-config: {', '.join(ours)} from {ENTRIES['image']}, restricted; "
          f"{len(was) - len(set(was) & set(ours))} other algorithms untouched")


def check_standalone(documents: list[dict]):
    kinds = {document["kind"]: document for document in documents}
    expect(set(kinds) == {"Deployment", "Service"}, f"standalone renders {set(kinds)}")
    template = kinds["Deployment"]["spec"]["template"]
    pod = template["spec"]
    container = pod["containers"][0]
    found = restricted_violations(pod)
    expect(not found, f"standalone is not restricted: {found}")
    check_container(container, "standalone")
    expect(container["image"] == ENTRIES["image"], "standalone runs another image")
    expect(pod["enableServiceLinks"] is False, "standalone gets service links")
    expect(pod["automountServiceAccountToken"] is False, "standalone gets a token it does not use")
    expect(pod["terminationGracePeriodSeconds"] > DRAIN_SECONDS, "SIGKILL comes before the drain")
    for probe in ("readinessProbe", "livenessProbe"):
        expect(container[probe]["grpc"] == {"port": PORT, "service": PROBED}, f"{probe} differs")
    service = kinds["Service"]["spec"]
    labels = template["metadata"]["labels"]
    expect(service["selector"].items() <= labels.items(), "the Service selects no pod of ours")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    targets = [ports[port["targetPort"]] for port in service["ports"]]
    expect(targets == [PORT], f"the Service leads to {targets}")
    print("standalone: restricted, gRPC probes, no service links, no token")


def check_early_stopping_role(documents: list[dict]):
    """What a service account of one's own needs, and no more."""
    kinds = {document["kind"]: document for document in documents}
    expect(set(kinds) == {"Role", "RoleBinding"}, f"the role renders {set(kinds)}")
    rules = {
        (group, resource): set(rule["verbs"])
        for rule in kinds["Role"]["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    wanted = {("kubeflow.org", "trials"): {"get"}, ("kubeflow.org", "trials/status"): {"patch"}}
    expect(rules == wanted, f"the role allows {rules}")
    binding = kinds["RoleBinding"]
    expect(binding["roleRef"]["name"] == kinds["Role"]["metadata"]["name"], "another role is bound")
    expect([s["kind"] for s in binding["subjects"]] == ["ServiceAccount"], "nobody is bound")
    print("early-stopping-role: get trials, patch their status, nothing else")


def check_switching():
    """switch-images.py as a command, and its corner cases."""
    switch = runpy.run_path(str(SWITCH))["switch"]
    ours = ENTRIES["algorithms"]
    once = switch(BASE, ENTRIES, "registry.example.com/ours:1", ours)
    expect(once == switch(once, ENTRIES, "registry.example.com/ours:1", ours), "not idempotent")
    expect(BASE["runtime"]["suggestions"][0]["image"] != "registry.example.com/ours:1",
           "the given config was changed")

    odd = copy.deepcopy(BASE)
    entry = next(e for e in odd["runtime"]["suggestions"] if e["algorithmName"] == ours[0])
    entry["serviceAccountName"] = "tuner"
    entry["args"] = ["--for-the-old-image"]
    entry["resources"] = {"limits": {"memory": "2Gi"}}
    # Whatever else an installation has put there was dropped without a word: pods lost their proxy,
    # their service account, or the group that may write to the volume.
    of_the_installation = {
        "podSecurityContext": {"fsGroup": 1},
        "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "fieldOfALaterKatib": {"a": 1},
    }
    entry.update(copy.deepcopy(of_the_installation))
    odd["runtime"]["suggestions"].append(copy.deepcopy(entry))
    odd["runtime"]["suggestions"].append({"algorithmName": "homemade", "image": "homemade:1"})
    switched = switch(odd, ENTRIES, "ours:1", [*ours, "brand-new"])["runtime"]["suggestions"]
    mine = [e for e in switched if e["algorithmName"] == ours[0]]
    expect(len(mine) == 1, "a second entry of the same algorithm would win over ours")
    expect(mine[0]["serviceAccountName"] == "tuner", "the service account was lost")
    expect("args" not in mine[0], "arguments of the old image were kept")
    expect(mine[0]["resources"] == ENTRIES["container"]["resources"], "the old resources were kept")
    kept = {field: mine[0].get(field) for field in of_the_installation}
    expect(kept == of_the_installation, f"of the installation's own fields {kept} is left")
    expect({"algorithmName": "homemade", "image": "homemade:1"} in switched, "homemade was lost")
    expect(switched[-1]["algorithmName"] == "brand-new", "an unknown algorithm was not added")

    stopping = switch(BASE, ENTRIES, "ours:1", ["medianstop"], "stopping:1")["runtime"]
    expect([e["image"] for e in stopping["earlyStoppings"]] == ["stopping:1"], "not switched")
    expect(stopping["suggestions"] == BASE["runtime"]["suggestions"], "suggestions have changed")
    alone = switch(BASE, ENTRIES, "ours:1", [*ours, "medianstop"])["runtime"]["earlyStoppings"]
    expect(alone == BASE["runtime"]["earlyStoppings"], "early stopping got no image and changed")

    def command(*arguments: str, text: str = "") -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, SWITCH, *arguments], input=text, capture_output=True, text=True
        )

    # An installation's own volume stays; one that has none gets ours.
    large = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Ti"}}}
    usual = ENTRIES["extras"]["pbt"]["persistentVolumeClaimSpec"]
    for before, wanted in ((large, large), (None, usual)):
        old = {"algorithmName": "pbt", "image": "old"}
        if before:
            old["persistentVolumeClaimSpec"] = before
        config = {"kind": "KatibConfig", "runtime": {"suggestions": [old]}}
        new = switch(config, ENTRIES, "ours:1", ["pbt"])["runtime"]["suggestions"][0]
        expect(new["persistentVolumeClaimSpec"] == wanted, f"pbt claims {new}, not {wanted}")

    piped = command("--image", "ours:2", "--only", ours[0], "-", text=yaml.dump(BASE))
    images = [e["image"] for e in yaml.safe_load(piped.stdout)["runtime"]["suggestions"]]
    expect(images.count("ours:2") == 1, f"--only switched {images}")
    # One image named, the entries of the other stay; --early-stopping-image alone once sent every
    # suggestion to an image of no registry.
    for option, changed, same in (("--image", "suggestions", "earlyStoppings"),
                                  ("--early-stopping-image", "earlyStoppings", "suggestions")):
        printed = command(option, "ours:3", "-", text=yaml.dump(BASE)).stdout
        runtime = yaml.safe_load(printed)["runtime"]
        expect("ours:3" in [e["image"] for e in runtime[changed]], f"{option} changed nothing")
        expect(runtime[same] == BASE["runtime"][same], f"{option} changed {same}")
    # An empty field is to Katib what a missing one is.
    for text in ("kind: KatibConfig\nruntime:\n", "kind: KatibConfig\nruntime:\n  suggestions:\n"):
        filled = command("--only", ours[0], "-", text=text)
        expect(filled.returncode == 0, f"{text!r}: {filled.stderr}")
        suggestions = yaml.safe_load(filled.stdout)["runtime"]["suggestions"]
        names = [e["algorithmName"] for e in suggestions]
        expect(names == ours[:1], f"{text!r} became {names}")

    check_output_file(command)
    # One line for whoever passed it, and no traceback; and nothing that silently does nothing.
    empty = "kind: KatibConfig\nruntime: {suggestions: [], earlyStoppings: []}"
    config = "kind: KatibConfig\nruntime: "
    for arguments, text, reason in (
        (["-"], "kind: Pod", "no KatibConfig"),
        (["-"], "", "there is nothing in the katib-config"),
        (["--only", "nonsense", "-"], "{}", "nonsense"),
        (["--only", "", "-"], empty, "not an algorithm"),
        (["-"], "a: [", "line 1"),
        (["-"], config + "5", "runtime is no mapping"),
        (["-"], config + "{suggestions: {a: 1}}", "runtime.suggestions is no list"),
        (["-"], config + "{suggestions: [{image: x}]}", "runtime.suggestions[0]"),
        (["-"], config + "{suggestions: [x]}", "runtime.suggestions[0]"),
        (["-"], config + "{earlyStoppings: [{}]}", "runtime.earlyStoppings[0]"),
        (["--only", "medianstop", "--image", "x", "-"], empty, "--early-stopping-image"),
        (["--only", "tpe,medianstop", "--image", "x", "-"], empty, "--early-stopping-image"),
        (["--only", "tpe", "--early-stopping-image", "x", "-"], empty, "name it with --image"),
        (["--only", "tpe", "--image", "x", "--early-stopping-image", "x", "-"], empty,
         "--only names no"),
        (["--only", "medianstop", "--image", "x", "--early-stopping-image", "y", "-"], empty,
         "--only names no"),
    ):
        refused = command(*arguments, text=text)
        expect(refused.returncode == 1 and refused.stderr.startswith("switch-images.py: ")
               and reason in refused.stderr and "Traceback" not in refused.stderr,
               f"{arguments} with {text!r}: {refused.returncode} {refused.stderr}")
    print("switch-images.py: idempotent, keeps what is not ours, refuses what is no KatibConfig")


def check_output_file(command: Callable[..., subprocess.CompletedProcess]):
    """--output: the documented block applied an empty file once, when the script had failed."""
    with tempfile.TemporaryDirectory() as folder:
        after = pathlib.Path(folder, "after.yaml")
        failed = command("--image", "ours:4", "--output", str(after), "-")
        expect(failed.returncode == 1 and not failed.stdout, f"nothing to read: {failed}")
        expect(not list(pathlib.Path(folder).iterdir()), "a failure wrote a file")
        done = command("--image", "ours:4", "--output", str(after), "-", text=yaml.dump(BASE))
        expect(done.returncode == 0 and not done.stdout, f"--output: {done}")
        printed = command("--image", "ours:4", "-", text=yaml.dump(BASE)).stdout
        expect(after.read_text() == printed, "--output writes something else")
        expect(list(pathlib.Path(folder).iterdir()) == [after], "an unfinished file was left")
        failed = command("--image", "ours:4", "--output", str(after), "-", text="a: [")
        expect(failed.returncode == 1 and after.read_text() == printed, f"overwritten: {failed}")
        nowhere = command("--output", f"{folder}/none/after.yaml", "-", text=yaml.dump(BASE))
        expect(nowhere.returncode == 1 and "Traceback" not in nowhere.stderr, nowhere.stderr)

        # A Python without PyYAML: one line, and no file.
        pathlib.Path(folder, "yaml.py").write_text("raise ImportError")
        without = subprocess.run(
            [sys.executable, SWITCH, "--output", f"{folder}/new.yaml", str(after)],
            env=os.environ | {"PYTHONPATH": folder}, capture_output=True, text=True,
        )
        expect(without.returncode == 1 and len(without.stderr.splitlines()) == 1
               and "needs PyYAML" in without.stderr, f"without PyYAML: {without}")
        expect(not pathlib.Path(folder, "new.yaml").exists(), "without PyYAML, a file")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rendered", type=pathlib.Path, help="folder of the rendered manifests")
    parser.add_argument("--algorithms", type=pathlib.Path, help="output of algorithms --json")
    options = parser.parse_args()
    known = None
    if options.algorithms:
        known = [row["name"] for row in json.loads(options.algorithms.read_text())]
    check_katib(list(yaml.safe_load_all((options.rendered / "katib.yaml").read_text())), known)
    role = (options.rendered / "early-stopping-role.yaml").read_text()
    check_early_stopping_role(list(yaml.safe_load_all(role)))
    check_standalone(list(yaml.safe_load_all((options.rendered / "standalone.yaml").read_text())))
    check_switching()


if __name__ == "__main__":
    main()
