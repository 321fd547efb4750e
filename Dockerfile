# syntax=docker/dockerfile:1

# ---- build: the official Swift image for Debian 12 --------------------------------------------------------------------------
FROM swift:6.3-bookworm AS build
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        pkg-config libavcodec-dev libavformat-dev libavutil-dev libswresample-dev libswscale-dev libsqlite3-dev zlib1g-dev \
        libnghttp2-dev libssl-dev libsrt-gnutls-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source

# Packages are fetched in a layer of their own, which lasts until Package.swift changes.
COPY Package.swift ./
RUN swift package resolve --scratch-path /build

COPY migrations ./migrations
COPY Sources ./Sources
# The package is only complete with its tests, though none is built here.
COPY Tests ./Tests
RUN swift build -c release --product martlet --static-swift-stdlib --scratch-path /build \
    && install -D --strip --mode=0755 "$(swift build -c release --static-swift-stdlib --scratch-path /build --show-bin-path)/martlet" /out/martlet

# ---- run: Debian 12 with the shared libraries that martlet links, and nothing else ------------------------------------------
FROM debian:bookworm-slim
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        ca-certificates tzdata libavcodec59 libavformat59 libavutil57 libswresample4 libswscale6 libsqlite3-0 libstdc++6 zlib1g \
        libnghttp2-14 libssl3 libsrt1.5-gnutls \
    && if ! dpkg --compare-versions "$(dpkg-query -W -f='${Version}' libsrt1.5-gnutls)" ge 1.5.1-1+deb12u2; then \
        echo "libsrt1.5-gnutls is older than 1.5.1-1+deb12u2, which SRT needs to be safe: Debian's security suite has it" >&2; exit 1; fi \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 990 martlet \
    && useradd --system --uid 990 --gid martlet --home-dir /data --shell /usr/sbin/nologin martlet \
    && install -d --owner=martlet --group=martlet --mode=0750 /data
COPY --from=build /out/martlet /usr/local/bin/martlet
COPY config/martlet.yaml /etc/martlet/martlet.yaml

USER martlet
WORKDIR /data
ENV MARTLET_DATA_DIR=/data
VOLUME /data
# HTTP: REST API, HLS, recordings, health, metrics. RTMP and SRT: publish and play.
EXPOSE 5080/tcp 5443/tcp 1935/tcp 1936/tcp 4200/udp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s --retries=3 \
    CMD ["martlet", "health", "--config", "/etc/martlet/martlet.yaml"]
ENTRYPOINT ["martlet"]
CMD ["serve", "--config", "/etc/martlet/martlet.yaml"]
