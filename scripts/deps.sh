#!/usr/bin/env bash
# Installs what is missing, and only that: `deps.sh run` for running, `deps.sh test` for the tests.
set -euo pipefail

packages=()
need() { # need PROGRAM PACKAGE...: wants the packages if the program is not there
	command -v "$1" >/dev/null 2>&1 || packages+=("${@:2}")
}

need ffmpeg ffmpeg
fc-list 2>/dev/null | grep -qi dejavu || [ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || packages+=(fonts-dejavu-core)
need curl curl
if [ "${1:-run}" = test ] || [ "${1:-run}" = bench ]; then
	need gcc gcc libc6-dev # the race detector needs cgo
	need chromium chromium
	need mpv mpv
	need gst-launch-1.0 gstreamer1.0-tools
	for element in hlsdemux:gstreamer1.0-plugins-bad qtdemux:gstreamer1.0-plugins-good videoconvert:gstreamer1.0-plugins-base avdec_h264:gstreamer1.0-libav; do
		command -v gst-inspect-1.0 >/dev/null 2>&1 && gst-inspect-1.0 "${element%%:*}" >/dev/null 2>&1 || packages+=("${element##*:}")
	done
fi
if [ "${1:-run}" = bench ]; then
	need nginx nginx-core
	[ -e /usr/lib/nginx/modules/ngx_rtmp_module.so ] || packages+=(libnginx-mod-rtmp)
	need wrk wrk
fi

for program in go node npm; do
	command -v $program >/dev/null 2>&1 || { echo "mayfly: $program is missing: install Go 1.26 or newer and Node 20 or newer first" >&2; exit 1; }
done

[ ${#packages[@]} -eq 0 ] && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
	echo "mayfly: please install by your system's means: ${packages[*]}" >&2
	exit 1
fi
echo "mayfly: installing ${packages[*]}"
sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
$sudo apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
