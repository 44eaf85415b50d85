#!/bin/bash
# Installs what is missing, builds the sansmtp command, and delivers real messages to a server on
# this machine that refuses one of the recipients. Fails if a message that should arrive does not.
set -euo pipefail
cd "$(dirname "$0")/.."
source tests/support/install.sh

echo "== Build"
install_missing "${build_needs[@]}" "${asio_needs[@]}" "${tls_needs[@]}" "${idn_needs[@]}"
require "${build_needs[@]}"
build=build/demo
cmake -S . -B "$build" -G Ninja -D CMAKE_BUILD_TYPE=Release -D SANSMTP_BUILD_TESTS=OFF >/dev/null
cmake --build "$build" --target sansmtp_command
sansmtp=$PWD/$build/examples/cli/sansmtp

work=$(mktemp -d)
sink=
clean_up() {
  [ -z "$sink" ] || { kill "$sink" 2>/dev/null && wait "$sink" 2>/dev/null; } || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# run COMMAND...: shows a command as one would type it, then runs it.
run() {
  echo "\$ ${*//$sansmtp/sansmtp}"
  "$@"
}

echo
echo "== A server that knows no nobody@there.example"
cd "$work"
"$sansmtp" sink --listen 127.0.0.1:0 --port-file port --store stored \
  --reject "nobody@there.example=550 5.1.1 no such user" >sink.log 2>&1 &
sink=$!
for _ in $(seq 100); do
  [ ! -s port ] || break
  kill -0 "$sink" 2>/dev/null || break
  sleep 0.1
done
[ -s port ] || { echo "The server did not start:" >&2; cat sink.log >&2; exit 1; }
server=127.0.0.1:$(cat port)
echo "It listens on $server."

printf '%s\r\n' "From: me@here.example" "Subject: Dots" "" "The next line is a lone dot." "." \
  "..and that was not the end." >first.eml
printf '%s\r\n' "From: me@here.example" "Subject: Second" "" "Two mails" >second.eml
printf '%s\r\n' "From: me@here.example" "Subject: Third" "" "in one session." >third.eml

echo
echo "== One message to three recipients"
status=0
run "$sansmtp" send --server "$server" --from me@here.example --to alice@there.example \
  --to nobody@there.example --to bob@there.example first.eml || status=$?
echo "Exit code $status, since one recipient was refused."

echo
echo "== Two messages in one session, all commands pipelined"
run "$sansmtp" send --server "$server" --from me@here.example --to alice@there.example \
  --pipelining messages second.eml third.eml

echo
echo "== What the server stored"
kill "$sink"
wait "$sink" || true
sink=
cat sink.log
number=0
for message in first second third; do
  number=$((number + 1))
  stored=$(printf 'stored/%06d' "$number")
  cmp "$message.eml" "$stored.eml" || { echo "$message.eml did not arrive as it is" >&2; exit 1; }
  recipients=$(grep -o '[a-z]*@there\.example' "$stored.json" | paste -sd ' ')
  echo "$message.eml arrived octet for octet, for $recipients"
  [ "$number" -ne 1 ] || [ "$recipients" = "alice@there.example bob@there.example" ] ||
    { echo "first.eml should be for alice and bob" >&2; exit 1; }
done
[ "$status" -ne 0 ] || { echo "the refusal was not reported" >&2; exit 1; }
