#!/bin/bash
# Runs the fuzz targets, each for some time, and says what was reached.
#
#   fuzz/run.sh TIME [TARGET...]         TIME is 30, 30s, 10m or 8h: for each target
#   fuzz/run.sh --minimise [TARGET...]   keeps in fuzz/corpus what adds coverage, of it, of the
#                                        transcripts and of what earlier runs found
#
# JOBS targets run at a time (2). With SEED=N each run makes the same inputs, as far as it gets; else
# they are new ones each time. The build is that of the preset `fuzz`, made if it is not there.
# Inputs that reach something new go to build/fuzz-run/<target>, the log to <target>.log beside it,
# and an input that breaks a rule to build/fuzz-run/<target>-crash-... : then the exit code is 1.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
binaries=build/fuzz/fuzz
work=build/fuzz-run

usage() {
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2
  exit 64
}

# Freed memory is watched for some hundred inputs, new memory is filled with garbage at its beginning
# only, and reports show what was done, not who asked for it: a finding is replayed without these.
export ASAN_OPTIONS=quarantine_size_mb=4:malloc_context_size=1:max_malloc_fill_size=64${ASAN_OPTIONS:+:$ASAN_OPTIONS}

# Short inputs are quick and reach nearly as much.
max_len() {
  case $1 in
    reply_parser_fuzz) echo 64 ;;
    encodings_fuzz) echo 128 ;;
    transcript_fuzz) echo 1500 ;;
    tls_fuzz) echo 2048 ;;
    *) echo 256 ;;
  esac
}

options=()
# set_options TARGET: what every run of it gets.
set_options() {
  local dictionary=fuzz/$1.dict
  [ -f "$dictionary" ] || dictionary=fuzz/smtp.dict
  # Leaks are looked for at the end. A slow input is a finding only if it takes a minute.
  options=(-dict="$dictionary" -max_len="$(max_len "$1")" -timeout=60 -report_slow_units=60
    -rss_limit_mb=2048 -artifact_prefix="$work/$1-" -print_final_stats=1 -reload=0 -detect_leaks=0
    -seed="${SEED:-0}")
  case $1 in
    # Of so small a machine the books of libFuzzer cost more than the run.
    reply_parser_fuzz) options+=(-entropic=0 -use_counters=0) ;;
    # An input reaches a thousand features: to keep books of the rare ones takes 40 % of the time.
    session_fuzz | event_handler_fuzz) options+=(-entropic=0) ;;
  esac
}

# run TARGET SECONDS
run() {
  set_options "$1"
  local folders=("$work/$1")
  [ -d "fuzz/corpus/$1" ] && folders+=("fuzz/corpus/$1")
  mkdir -p "$work/$1"
  nice "$binaries/$1" "${options[@]}" -max_total_time="$2" "${folders[@]}" >"$work/$1.log" 2>&1
  echo $? >"$work/$1.code"
}

# minimise TARGET
minimise() {
  set_options "$1"
  local from=()
  for folder in "fuzz/corpus/$1" "$work/$1" "$work/seeds/$1"; do
    [ -d "$folder" ] && from+=("$folder")
  done
  # A name that says what a file shows keeps that file.
  local named
  named=$(find "fuzz/corpus/$1" -type f ! -regex '.*/[0-9a-f]*' 2>/dev/null)
  rm -rf "$work/$1.new" && mkdir -p "$work/$1.new"
  nice "$binaries/$1" "${options[@]}" -merge=1 -use_counters=0 "$work/$1.new" "${from[@]}" >"$work/$1.log" 2>&1 ||
    { echo "$1: see $work/$1.log" >&2 && return 1; }
  [ -z "$named" ] || xargs -d '\n' cp -t "$work/$1.new" <<<"$named"
  rm -rf "fuzz/corpus/$1" && mv "$work/$1.new" "fuzz/corpus/$1"
  printf '%-22s %5d files %5d KiB\n' "$1" "$(find "fuzz/corpus/$1" -type f | wc -l)" \
    "$(find "fuzz/corpus/$1" -type f -printf '%s\n' | awk '{ n += $1 } END { printf "%d", n / 1024 + 0.5 }')"
}

# report TARGET SECONDS: a line of the table; fails if something was found.
report() {
  local log=$work/$1.log found runs state
  found=$(find "$work" -maxdepth 1 -name "$1-*" -newer "$work/start" | sort)
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  state=$(grep -aoE 'cov: [0-9]+ ft: [0-9]+ corp: [0-9]+' "$log" | tail -1)
  # shellcheck disable=SC2086
  set -- "$1" "$2" ${state:-cov: 0 ft: 0 corp: 0}
  printf '%-22s %12s %9s %7s %9s %7s   %s\n' "$1" "${runs:-?}" "$((${runs:-0} / $2))" "$4" "$6" "$8" \
    "${found:-none}"
  [ "$(cat "$work/$1.code")" = 0 ] && [ -z "$found" ]
}

[ $# -ge 1 ] || usage
action=$1
shift
if [ ! -d "$binaries" ]; then
  cmake --preset fuzz >/dev/null && cmake --build --preset fuzz || exit
fi
targets=("$@")
[ $# -gt 0 ] || for source in fuzz/*_fuzz.cpp; do
  target=$(basename "$source" .cpp)
  [ -x "$binaries/$target" ] && targets+=("$target")
done
mkdir -p "$work" fuzz/corpus

case $action in
  --minimise)
    rm -rf "$work/seeds" && fuzz/seed.py tests/transcripts "$work/seeds" || exit
    code=0
    for target in "${targets[@]}"; do minimise "$target" || code=1; done
    exit $code
    ;;
  *[0-9]h) seconds=$((${action%h} * 3600)) ;;
  *[0-9]m) seconds=$((${action%m} * 60)) ;;
  *[0-9]s) seconds=${action%s} ;;
  *[!0-9]* | 0 | '') usage ;;
  *) seconds=$action ;;
esac

touch "$work/start"
running=0
for target in "${targets[@]}"; do
  [ $running -lt "${JOBS:-2}" ] || { wait -n && running=$((running - 1)); }
  run "$target" "$seconds" &
  running=$((running + 1))
done
wait

printf '%-22s %12s %9s %7s %9s %7s   %s\n' target executions "a second" cov features corpus findings
code=0
for target in "${targets[@]}"; do
  report "$target" "$seconds" || code=1
done
if [ $code -ne 0 ]; then
  for target in "${targets[@]}"; do
    [ "$(cat "$work/$target.code")" = 0 ] || { echo "== $work/$target.log" && tail -n 40 "$work/$target.log"; }
  done
fi
exit $code
