# Builds the release tree and runs it as a user without rights. docs/operators.md, "In a container", says how to start it.
#   docker build -t timmybot .

ARG SWIFT_IMAGE=swift:6.3-bookworm
ARG DEBIAN_IMAGE=debian:bookworm-slim

FROM ${SWIFT_IMAGE} AS build
WORKDIR /src
# The packages first: they change less often than the sources.
COPY scripts/setup scripts/setup
RUN scripts/setup build
COPY . .
RUN scripts/build-release

FROM ${DEBIAN_IMAGE}
# What the tree does not bring itself: the C libraries that `make build` links against, and roots for TLS.
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates tzdata libstdc++6 libavformat59 libavcodec59 libavfilter8 libswresample4 libavutil57 \
        libopus0 libseccomp2 libsodium23 libffi8 libssl3 libzstd1 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/timmybot --create-home timmybot \
    && install -d -o timmybot -g timmybot -m 0700 /var/lib/timmybot/data \
    && install -d /music
COPY --from=build /src/build /opt/timmybot
ENV TIMMYBOT_DATA_DIR=/var/lib/timmybot/data TIMMYBOT_LIBRARY_DIR=/music
USER timmybot
WORKDIR /var/lib/timmybot
VOLUME /var/lib/timmybot/data
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/timmybot/bin/timmybot"]
CMD ["run"]
