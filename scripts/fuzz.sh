#!/usr/bin/env bash
# Runs every fuzz target of the repository for a while each, two at once: fuzz.sh 5s [PACKAGE-PATTERN]
set -uo pipefail
cd "$(dirname "$0")/.."
time=${1:-5s} pattern=${2:-.}

fuzz() { # fuzz PACKAGE TARGET
	local out try
	out=$(mktemp)
	for try in 1 2 3; do
		if CGO_ENABLED=0 go test "./$1" -run '^$' -fuzz "^$2\$" -fuzztime "$time" -parallel 1 </dev/null >"$out" 2>&1; then
			# A short run may end while it still goes through the inputs that it knows.
			echo "fuzz $1 $2: $(grep -E 'elapsed:' "$out" | tail -n 1)"
			rm -f "$out"
			return 0
		fi
		# Without a failing input nothing was found: the run itself was cut off, as happens on a busy machine.
		if grep -q 'Failing input' "$out" || ! grep -q 'context deadline exceeded' "$out"; then
			break
		fi
	done
	cat "$out"
	echo "FAIL	fuzz $1 $2"
	rm -f "$out"
	return 1
}
export -f fuzz
export time

grep -rHoE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' internal cmd web 2>/dev/null | grep -v node_modules | grep -E "^[^:]*($pattern)" | sort |
	sed -E 's#^(.*)/[^/]+:func (.*)#\1 \2#' | xargs -r -P 2 -L 1 bash -c 'fuzz "$0" "$1"'
