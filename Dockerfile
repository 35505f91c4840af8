# Copyright 2026 The katib-suggestion authors
# SPDX-License-Identifier: Apache-2.0
#
# docker build --target suggestion -t katib-suggestion .
# docker build --target early-stopping -t katib-early-stopping .
#
# VERSION and REVISION are for the labels of the image alone: --build-arg VERSION=0.1.0. What
# --version prints is compiled in, from Sources/CommonServices/Version.swift.
#
# Two images, because Katib passes no arguments to either of the two containers of its pod.
# Every stage is native to the platform it is built for, and nothing names an architecture: build on
# (or emulate) linux/amd64 or linux/arm64.

ARG SWIFT_IMAGE=docker.io/library/swift:6.3-bookworm

# hadolint ignore=DL3006
FROM ${SWIFT_IMAGE} AS source
WORKDIR /source
COPY scripts/install-packages.sh scripts/
RUN scripts/install-packages.sh build && rm -rf /var/lib/apt/lists/*
# The dependencies change seldom and get a layer of their own.
COPY Package.* ./
RUN swift package resolve
COPY Sources Sources
# The manifest names the tests, so their folders must be there; nothing of them is compiled.
COPY Tests Tests
COPY LICENSES LICENSES
COPY LICENSE scripts/collect-licenses.sh ./

FROM source AS build-early-stopping
RUN swift build --configuration release --product katib-early-stopping -Xlinker -s
RUN install -D -m 0555 .build/release/katib-early-stopping /image/katib-early-stopping \
    && ./collect-licenses.sh /image/licenses

FROM source AS build-suggestion
RUN swift build --configuration release --product katib-suggestion -Xlinker -s
RUN install -D -m 0555 .build/release/katib-suggestion /image/katib-suggestion \
    && ./collect-licenses.sh /image/licenses

# One static binary and the licences of what it is made of: no shell, no libraries, nothing to write
# to. Any user ID works; 65532 is the one that a cluster sees when it sets none, and group 0 is the
# group of OpenShift's arbitrary IDs.
FROM scratch AS early-stopping
ARG VERSION=development
ARG REVISION=unknown
LABEL org.opencontainers.image.title="katib-early-stopping" \
      org.opencontainers.image.description="Early-stopping service for Kubeflow Katib: the median stopping rule" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build-early-stopping /image /
USER 65532:0
EXPOSE 6788
STOPSIGNAL SIGTERM
ENTRYPOINT ["/katib-early-stopping"]

FROM scratch AS suggestion
ARG VERSION=development
ARG REVISION=unknown
LABEL org.opencontainers.image.title="katib-suggestion" \
      org.opencontainers.image.description="Suggestion service for Kubeflow Katib: every search algorithm in one small server" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build-suggestion /image /
USER 65532:0
EXPOSE 6789
STOPSIGNAL SIGTERM
ENTRYPOINT ["/katib-suggestion"]
