#!/usr/bin/env bash
# Starts Mayfly on ./mayfly-data with two channels: `demo`, which a test picture with a clock is
# published to over RTMP, and `live`, which waits for your own encoder. Ctrl-C stops both.
set -euo pipefail
cd "$(dirname "$0")/.."

http=${MAYFLY_HTTP:-:8080}
rtmp=${MAYFLY_RTMP:-:1935}
bucket=${MAYFLY_BUCKET:-./mayfly-data}
program=${MAYFLY_BIN:-bin/mayfly}
export MAYFLY_ADMIN_TOKEN=${MAYFLY_ADMIN_TOKEN:-$(od -An -tx1 -N24 /dev/urandom | tr -d ' \n')}
page=http://localhost:${http##*:}
work=$(mktemp -d)
server= encoder=

finish() {
	trap - EXIT INT TERM
	[ -n "$encoder" ] && kill "$encoder" 2>/dev/null || true
	[ -n "$server" ] && kill "$server" 2>/dev/null || true
	wait 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
trap 'echo; echo "stopping ..."; exit 0' INT TERM

"$program" serve --bucket "$bucket" --http "$http" --rtmp "$rtmp" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 200); do
	curl -fsS -o /dev/null "$page/readyz" 2>/dev/null && break
	kill -0 $server 2>/dev/null || { cat "$work/log" >&2; exit 1; }
	sleep 0.05
done
curl -fsS -o /dev/null "$page/readyz" || { cat "$work/log" >&2; echo "mayfly: the server did not become ready" >&2; exit 1; }

api() { curl -fsS -H "Authorization: Bearer $MAYFLY_ADMIN_TOKEN" -H 'Content-Type: application/json' "$@"; }

# channel SLUG TITLE DESCRIPTION: prints the stream key, making the channel if it is not there yet.
channel() {
	local answer
	answer=$(api "$page/api/v1/channels/$1" 2>/dev/null) ||
		answer=$(api "$page/api/v1/channels" -d "{\"slug\":\"$1\",\"title\":\"$2\",\"description\":\"$3\"}")
	sed -nE 's/.*"streamKey":"([^"]+)".*/\1/p' <<<"$answer" | head -1
}
demo_key=$(channel demo 'Demonstration' 'A test picture with a clock, published by ffmpeg over RTMP.')
live_key=$(channel live 'Live' 'What your own encoder sends.')

font=/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf
scripts/demo-source.sh "rtmp://127.0.0.1:${rtmp##*:}/live/$demo_key" "$font" >"$work/encoder" 2>&1 &
encoder=$!

# While there is no owner, the log has the link that makes the owner's account.
setup=$(sed -nE 's/.*link="?([^" ]+\/login\/setup#[^" ]+).*/\1/p' "$work/log" | tail -1)

cat <<TEXT

  Mayfly is on air.

    Guide            $page/
    Studio           $page/studio
    Owner's account  ${setup:-is made: sign in at $page/login}
    Demonstration    $page/demo
    Your channel     $page/live

  Publish to your channel from OBS (Settings, Stream, Service "Custom"):

    Server           rtmp://localhost:${rtmp##*:}/live
    Stream key       $live_key
    Keyframe interval 1 s or 2 s (Settings, Output)

  or from a file:

    ffmpeg -re -i FILE -c:v libx264 -g 60 -c:a aac -f flv rtmp://localhost:${rtmp##*:}/live/$live_key

  API token          $MAYFLY_ADMIN_TOKEN
  Data               $bucket
  Stop               Ctrl-C  (what was on air can be rewound after the next start)

TEXT
tail -n +1 -f --pid=$server "$work/log" &
wait $server
