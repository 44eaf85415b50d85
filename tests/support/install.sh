# shellcheck shell=bash
# Installs Debian packages that are missing. Sourced by tests/run.sh and examples/demo.sh; it never
# asks, and where it cannot install it says what is lacking instead.
#
# A need is written `what:package`, where `what` is a command, a header (it ends in .h or .hpp) or
# a Python module (`python3-NAME`).

# have WHAT: is the command, header or module there?
have() {
  case $1 in
    *.h | *.hpp) echo "#include <$1>" | g++ -std=c++20 -x c++ -E -o /dev/null - 2>/dev/null ;;
    python3-*) "$(PATH=/usr/bin:$PATH command -v python3)" -c "import ${1#python3-}" 2>/dev/null ;;
    *) command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] ;;
  esac
}

# lacking NEED...: the needs that are not met, one a line.
lacking() {
  local need
  for need in "$@"; do
    have "${need%%:*}" || echo "$need"
  done
}

# as_root COMMAND...: runs it as root; fails where that would need a password.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# can_install: is there apt, and may we use it?
can_install() {
  command -v apt-get >/dev/null 2>&1 || return 1
  [ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; }
}

# apt_get ARGUMENT...: apt-get that asks nothing and waits for another one to end.
apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
    -o Dpkg::Use-Pty=0 "$@"
}

# install_packages PACKAGE...: installs what it can; no daemon among it is started.
install_packages() {
  local package policy=/usr/sbin/policy-rc.d
  (
    # The policy is in force only while this subshell runs, however that ends.
    if [ ! -e "$policy" ]; then
      trap 'as_root rm -f "$policy"' EXIT
      trap 'exit 130' INT TERM HUP
      printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
      as_root chmod 755 "$policy"
    fi
    apt_get update
    apt_get install -y --no-install-recommends "$@" && exit
    # One package that a distribution does not have must not keep the others away.
    for package in "$@"; do
      apt_get install -y --no-install-recommends "$package"
    done
  )
}

# install_missing NEED...: installs what is missing if it can. Never fails: ask `lacking` afterwards.
install_missing() {
  local missing
  missing=$(lacking "$@")
  [ -n "$missing" ] || return 0
  if can_install; then
    local packages
    mapfile -t packages < <(printf '%s\n' "$missing" | sed 's/.*://' | sort -u)
    echo "Installing: ${packages[*]}"
    install_packages "${packages[@]}" || true
  fi
}

# require NEED...: installs what is missing and ends the script when something still is.
require() {
  local missing
  install_missing "$@"
  missing=$(lacking "$@")
  [ -z "$missing" ] || {
    echo "This is missing and could not be installed (by apt-get, without a password):" >&2
    printf '%s\n' "$missing" | sed 's/\(.*\):\(.*\)/  \1 (Debian package \2)/' >&2
    exit 1
  }
}

# What building the libraries and the command needs.
# shellcheck disable=SC2034
build_needs=(
  g++:g++
  cmake:cmake
  ninja:ninja-build
  CLI/CLI.hpp:libcli11-dev
  fmt/core.h:libfmt-dev
  nlohmann/json.hpp:nlohmann-json3-dev
)
# What the Asio transport needs; without it all else is built.
# shellcheck disable=SC2034
asio_needs=(
  asio.hpp:libasio-dev
)
# What TLS needs, by either library; without it all else is built.
# shellcheck disable=SC2034
tls_needs=(
  pkg-config:pkg-config
  wolfssl/ssl.h:libwolfssl-dev
  openssl/ssl.h:libssl-dev
)
# What passwords and domains beyond ASCII need in the command; without it all else is built.
# shellcheck disable=SC2034
idn_needs=(
  pkg-config:pkg-config
  stringprep.h:libidn-dev
  idn2.h:libidn2-dev
)
# What answers the questions of routes: DNS that verifies, and policies of MTA-STS over HTTPS; without
# it all else is built.
# shellcheck disable=SC2034
routing_needs=(
  pkg-config:pkg-config
  unbound.h:libunbound-dev
  curl/curl.h:libcurl4-openssl-dev
)
