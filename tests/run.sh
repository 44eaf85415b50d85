#!/bin/bash
# Installs what is missing, builds sansmtp in every preset and runs the tests.
#
#   bash tests/run.sh              all presets
#   bash tests/run.sh gcc asan     only these
#
# g++ runs every test; the other presets build and run those that tell something new under another
# compiler, under a sanitizer or without exceptions (CMakePresets.json says which). The minutes of
# processor time that each preset took stand at the end.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
source tests/support/install.sh

presets=("$@")
[ $# -gt 0 ] || presets=(gcc clang asan tsan noexcept coverage fuzz)
jobs=$(nproc 2>/dev/null || echo 2)
skipped=()
failed=()
report=()

echo "== What is needed"
# All at once, so that apt runs once; without the first ones there is nothing to run.
test_needs=("${build_needs[@]}" gtest/gtest.h:libgtest-dev python3:python3)
more_needs=(
  clang++-14:clang-14
  ccache:ccache
  "${asio_needs[@]}"
  gcovr:gcovr
  "${tls_needs[@]}"
  "${idn_needs[@]}"
  "${routing_needs[@]}"
  nsd:nsd
  ldns-signzone:ldnsutils
  ip:iproute2
  openssl:openssl
  benchmark/benchmark.h:libbenchmark-dev
  valgrind:valgrind
  strace:strace
  curl:curl
  boost/asio/recycling_allocator.hpp:libboost1.81-dev
  liburing.h:liburing-dev
  postfix:postfix
  dovecot:dovecot-core
  /usr/lib/dovecot/lmtp:dovecot-lmtpd
  python3-aiosmtpd:python3-aiosmtpd
  python3-OpenSSL:python3-openssl
  python3-dkim:python3-dkim
  python3-nacl:python3-nacl
)
install_missing "${test_needs[@]}" "${more_needs[@]}"
require "${test_needs[@]}"
for need in $(lacking "${more_needs[@]}"); do
  skipped+=("what needs ${need%%:*} (Debian package ${need##*:})")
done

if have npm; then
  [ -d build/npm/node_modules/smtp-server ] ||
    npm install --prefix build/npm --no-audit --no-fund --no-save --loglevel=error smtp-server@3 ||
    skipped+=("the test against smtp-server: npm could not install it")
else
  skipped+=("the test against smtp-server: there is no npm here")
fi
[ "$(id -u)" -eq 0 ] || skipped+=("the tests against Postfix and Dovecot: they need root")
# A test may skip itself only if something is missing here; else that is a failure.
[ ${#skipped[@]} -eq 0 ] || export SANSMTP_ALLOW_SKIP=1

# Where the compiler of the presets is not to be had, another Clang does.
clang=$(command -v clang++-14 || command -v clang++ || true)

# configure PRESET, build PRESET
configure() {
  case $1 in
    clang | fuzz) cmake --preset "$1" -D CMAKE_CXX_COMPILER="$clang" ;;
    *) cmake --preset "$1" ;;
  esac
}

# test_preset PRESET: what passed goes to the log only; what failed, was skipped, and the closing
# lines of ctest are shown.
test_preset() {
  ctest --preset "$1" --parallel "$jobs" 2>&1 | tee "build/$1/ctest.log" |
    grep -vE '^ +Start +[0-9]+: |^ *[0-9]+/[0-9]+ Test +#[0-9]+: .* Passed +[0-9.]+ sec$'
  [ "${PIPESTATUS[0]}" -eq 0 ] || return
  case $1 in
    # What the tests of the engine leave out is printed, and too much of it fails.
    coverage) cmake --build --preset coverage_report ;;
    # Beyond the corpora each target looks for something new, for a short time, and for the same
    # each time: what is found then was broken by the change at hand.
    fuzz) SEED=${SEED:-1} fuzz/run.sh "${SANSMTP_FUZZ_SECONDS:-10}" ;;
  esac
}

# cpu_seconds: sets `cpu` to the processor time of all commands so far. (In a subshell `times` would
# know of none of them, hence the file.)
cpu_seconds() {
  mkdir -p build
  times >build/times
  cpu=$(awk 'NR == 2 { gsub(/[ms]/, " "); print int($1 * 60 + $2 + $3 * 60 + $4) }' build/times)
}

# minutes SECONDS
minutes() { printf '%d.%d min' $(($1 / 60)) $(($1 % 60 / 6)); }

for preset in "${presets[@]}"; do
  case $preset in
    clang | fuzz)
      if [ -z "$clang" ]; then
        report+=("$preset: not run, there is no clang++")
        continue
      fi
      ;;
  esac
  start=$SECONDS
  cpu_seconds
  cpu_before=$cpu
  rm -f "build/$preset/ctest.log"
  echo
  echo "== $preset: configure"
  if ! configure "$preset"; then
    result="does not configure"
  elif ! { echo "== $preset: build" && cmake --build --preset "$preset" --parallel "$jobs"; }; then
    result="does not build"
  elif ! { echo "== $preset: test" && test_preset "$preset"; }; then
    result="tests failed (build/$preset/ctest.log)"
  else
    result=passed
  fi
  [ "$result" = passed ] || failed+=("$preset")
  cpu_seconds
  report+=("$preset: $result; $(minutes $((cpu - cpu_before))) of CPU, $(minutes $((SECONDS - start))) by the clock")
done

echo
echo "== Summary"
for preset in "${presets[@]}"; do
  grep -sE '^[0-9]+% tests passed' "build/$preset/ctest.log" | sed "s/^/$preset: /"
done
printf '%s\n' "${report[@]}"
cpu_seconds
echo "all: $(minutes "$cpu") of CPU, $(minutes "$SECONDS") by the clock"
[ ${#skipped[@]} -eq 0 ] || printf 'skipped: %s\n' "${skipped[@]}"
[ ${#failed[@]} -eq 0 ]
