# Sourced by the other scripts: what the machine must have. Nothing is asked and nothing installed when it is all there.

# To compile and link on Debian 12. Swift itself is not a Debian package; the first two lines are what its compiler and linker need.
build_packages=(
    binutils ca-certificates git libc6-dev libgcc-12-dev libstdc++-12-dev
    libcurl4 libncurses6 libsqlite3-0 libxml2 tzdata
    pkg-config libavcodec-dev libavformat-dev libavutil-dev libswresample-dev libswscale-dev libsqlite3-dev zlib1g-dev
    libnghttp2-dev libssl-dev libsrt-gnutls-dev
)
# With Swift's own libraries inside: the program runs on a machine without Swift, and calls into them cost less (docs/bench.md).
release_build=(swift build -c release --product martlet --static-swift-stdlib)
# Real programs that the end-to-end tests publish, watch, record and restream with.
test_packages=(
    chromium curl ffmpeg iproute2 libnginx-mod-rtmp nghttp2-client nginx openssl python3 python3-venv srt-tools
    gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-bad gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-tools python3-gi
    python3-websockets
)

# Before it, a peer can make libsrt write where it should not (docs/specs.md, SRT).
patched_libsrt=1.5.1-1+deb12u2

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

is_installed() {
    [[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null || true)" == installed ]]
}

as_root() {
    if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi
}

# SRT is on by default, so the library must be the patched one.
require_patched_libsrt() {
    local version
    command -v dpkg-query >/dev/null || return 0
    version=$(dpkg-query -W -f='${Version}' libsrt1.5-gnutls 2>/dev/null) || version=none
    dpkg --compare-versions "$version" ge "$patched_libsrt" && [[ $version != none ]] && return
    say "libsrt1.5-gnutls is $version, and SRT is only safe from $patched_libsrt on: enable Debian's security suite and run apt-get upgrade"
    exit 1
}

# Installs those of the named packages that are missing. A freshly installed service is not started: the tests run their own.
install_packages() {
    local package missing=()
    if ! command -v dpkg-query >/dev/null; then
        say "this is not Debian; make sure that the equivalents of these are installed: $*"
        return
    fi
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    say "installing ${missing[*]}"
    if [[ $EUID -ne 0 ]] && ! command -v sudo >/dev/null; then
        say "this needs root: apt-get install ${missing[*]}"
        exit 1
    fi
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
    as_root "${apt[@]}" update
    local policy=/usr/sbin/policy-rc.d status=0
    if [[ -e $policy ]]; then
        as_root "${apt[@]}" install --yes --no-install-recommends "${missing[@]}" >/dev/null || status=$?
    else
        # 101 tells the package scripts that starting services is not allowed.
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        as_root "${apt[@]}" install --yes --no-install-recommends "${missing[@]}" >/dev/null || status=$?
        as_root rm -f "$policy"
    fi
    if [[ $status -ne 0 ]]; then
        say "the packages could not be installed"
        exit 1
    fi
}

# schemathesis, which the tests compare openapi.yaml with the server by. It is no Debian package: it comes from PyPI into a folder of its own.
install_schemathesis() {
    local version=4.32.5 folder=.build/schemathesis
    ! compgen -G "$folder/lib/python3*/site-packages/schemathesis-$version.dist-info" >/dev/null || return 0
    say "installing schemathesis $version"
    rm -rf "$folder"
    /usr/bin/python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version"
}

# Puts a Swift of at least 6.3 on the PATH, or says how to get one.
require_swift() {
    local folder version
    for folder in "" "${SWIFTLY_BIN_DIR:-$HOME/.local/share/swiftly/bin}" /opt/swift/usr/bin /usr/local/swift/usr/bin /usr/share/swift/usr/bin; do
        [[ -z $folder || -x $folder/swift ]] || continue
        version=$(PATH="${folder:+$folder:}$PATH" swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+)\.([0-9]+).*/\1 \2/p' | head -n 1) || true
        [[ -n $version ]] || continue
        # shellcheck disable=SC2086  # two words are meant
        set -- $version
        if (($1 > 6 || ($1 == 6 && $2 >= 3))); then
            export PATH="${folder:+$folder:}$PATH"
            return
        fi
    done
    cat >&2 <<'TEXT'
Martlet needs Swift 6.3 or newer, and there is none on the PATH. Two ways to get it:

  1. swiftly, Swift's own installer (no root needed):
       curl -O https://download.swift.org/swiftly/linux/swiftly-$(uname -m).tar.gz
       tar zxf swiftly-$(uname -m).tar.gz
       ./swiftly init --assume-yes
       . ~/.local/share/swiftly/env.sh

  2. the Debian 12 archive from https://www.swift.org/install/linux/ : unpack it and put its usr/bin on the PATH.

Then run this script again.
TEXT
    exit 1
}

# A server with a thousand viewers needs a descriptor for each.
raise_descriptor_limit() {
    ulimit -n "$(ulimit -H -n)" 2>/dev/null || true
}
