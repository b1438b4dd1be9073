#!/usr/bin/env bash
# Runs every fuzz target of the repository for a while each, two packages at once: fuzz.sh 5s [PACKAGE-PATTERN]
set -uo pipefail
cd "$(dirname "$0")/.."
export time=${1:-5s} pattern=${2:-.} built cache module
module=$(go list -m)
built=$(mktemp -d) cache=$(go env GOCACHE)/fuzz
trap 'rm -rf "$built"' EXIT

fuzz() { # fuzz PROGRAM PACKAGE TARGET, in the package's directory
	local out try
	out=$(mktemp)
	for try in 1 2 3; do
		if "$1" -test.run '^$' -test.fuzz "^$3\$" -test.fuzztime "$time" -test.parallel 1 -test.fuzzcachedir "$cache/$2" </dev/null >"$out" 2>&1; then
			# A short run may end while it still goes through the inputs that it knows.
			echo "fuzz $2 $3: $(grep -E 'elapsed:' "$out" | tail -n 1)"
			rm -f "$out"
			return 0
		fi
		# Without a failing input nothing was found: the run itself was cut off, as happens on a busy machine.
		if grep -q 'Failing input' "$out" || ! grep -q 'context deadline exceeded' "$out"; then
			break
		fi
	done
	cat "$out"
	echo "FAIL	fuzz $2 $3"
	rm -f "$out"
	return 1
}

package() { # package DIRECTORY: builds its fuzzers once, and runs one after the other
	local program failed=0 target
	program=$built/${1//\//-}.test
	# What -fuzz would do, for our own packages alone: what they stand on is compiled already, and guides nobody.
	CGO_ENABLED=0 go test -c -gcflags="$module/...=-d=libfuzzer" -o "$program" "./$1" || { echo "FAIL	fuzz $1: it cannot be built"; return 1; }
	for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$1"/*_test.go | sed 's/^func //' | sort); do
		(cd "$1" && fuzz "$program" "$1" "$target") || failed=1
	done
	rm -f "$program"
	return $failed
}
export -f fuzz package

grep -rlE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' internal cmd web 2>/dev/null | grep -v node_modules | xargs -r -n1 dirname | sort -u | grep -E "$pattern" |
	xargs -r -P 2 -L 1 bash -c 'package "$0"'
