# One static binary on nothing. `docker build .` compiles it in the first stage; `--build-arg BIN=prebuilt` takes
# `dist/understudy` as it lies there and skips that stage (old versions of buildah want BIN named either way).
ARG BIN=build

FROM --platform=$BUILDPLATFORM rust:1.95-bookworm AS build
ARG TARGETARCH
# A C compiler for musl: TLS needs one. Debian keeps its own versions steady.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends musl-tools \
 && rm -rf /var/lib/apt/lists/*
# The host's build script compiles the component for the first target, and precompiles it for the second.
RUN case "${TARGETARCH:-$(dpkg --print-architecture)}" in amd64) target=x86_64 ;; *) echo "no build for $TARGETARCH" >&2; exit 1 ;; esac \
 && echo "$target-unknown-linux-musl" > /target \
 && rustup target add wasm32-unknown-unknown "$(cat /target)"
WORKDIR /src
COPY . .
RUN cargo build --profile image --locked --target "$(cat /target)" --package understudy \
 && mkdir -p /out/home/.oso \
 && cp "target/$(cat /target)/image/understudy" /out/understudy

FROM scratch AS prebuilt
COPY dist/ /out/

# hadolint ignore=DL3006
FROM ${BIN} AS bin

FROM scratch
COPY --from=bin /out/understudy /understudy
# The working directory and in it `.oso`, the data folder: a volume takes its owner from what lies here.
COPY --from=bin --chown=65532:65532 /out/home /home
USER 65532:65532
WORKDIR /home
VOLUME ["/home/.oso"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["/understudy", "health"]
ENTRYPOINT ["/understudy"]
