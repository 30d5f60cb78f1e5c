#!/bin/sh
# Run all container tests on a Debian 12 machine, as root: install Docker Engine and
# Compose from Debian's packages, get the base image from a registry or else build it with
# debootstrap, then run tests/containers. What is already installed is used as it is.
set -eu
cd "$(dirname "$0")/../.."

base=debian:bookworm-slim
compose_version=2.26.1-4 # Debian 13's; Debian 12 has only Compose 1
work=.stack/docker
mkdir -p "$work"

install_missing() { # COMMAND PACKAGE...
    command -v "$1" >/dev/null && return
    shift
    echo "installing $*"
    apt-get -qq update
    apt-get -qq install --yes --no-install-recommends "$@" >/dev/null
}

start_engine() {
    docker info >/dev/null 2>&1 && return
    echo "starting dockerd (log: $work/dockerd.log)"
    dockerd >"$work/dockerd.log" 2>&1 &
    engine=$!
    trap 'kill "$engine" && wait "$engine" || true' EXIT
    for _ in $(seq 60); do
        if docker info >/dev/null 2>&1; then return; fi
        sleep 1
    done
    echo "dockerd does not answer: see $work/dockerd.log" >&2
    exit 1
}

has_compose() {
    version=$(docker compose version --short 2>/dev/null) || return 1
    # depends_on with required: false needs 2.20.
    printf '2.20\n%s\n' "${version#v}" | sort --check=quiet --version-sort
}

# Use this machine's mirror with separate package lists, so that nothing else of Debian 13
# is ever installed.
install_compose() {
    echo "installing docker-compose $compose_version as a Docker plugin"
    apt=$PWD/$work/apt
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' | head -n 1)
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "deb [signed-by=$keys] $mirror trixie main" >"$apt/sources.list"
    set -- -qq -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=- \
        -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache"
    apt-get "$@" update
    (cd "$apt" && apt-get "$@" download "docker-compose=$compose_version" 2>/dev/null)
    dpkg-deb --extract "$apt"/docker-compose_*.deb "$apt/package"
    plugins=${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins
    mkdir -p "$plugins"
    cp "$apt/package/usr/libexec/docker/cli-plugins/docker-compose" "$plugins/"
    rm -rf "$apt"
}

import_base() {
    docker image inspect "$base" >/dev/null 2>&1 && return
    docker pull --quiet "$base" 2>/dev/null && return
    echo "no image registry is reachable: building $base with debootstrap"
    install_missing debootstrap debootstrap
    rm -rf "$work/base"
    debootstrap --variant=minbase bookworm "$work/base" >"$work/debootstrap.log"
    # Certificate authorities that this machine trusts besides Debian's, such as a company's.
    authorities=usr/local/share/ca-certificates
    if [ -d "/$authorities" ]; then
        mkdir -p "$work/base/$authorities"
        cp -r "/$authorities/." "$work/base/$authorities/"
    fi
    tar -C "$work/base" -c . | docker import - "$base" >/dev/null
    rm -rf "$work/base"
}

install_missing dockerd docker.io iptables
start_engine
has_compose || install_compose
import_base
# Use the classic builder if the engine has no buildx.
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
.venv-test/bin/pytest -rP tests/containers "$@"
