#!/usr/bin/env bash
# Runs every fuzz target of the repository for a while each: fuzz.sh 5s [PACKAGE-PATTERN]
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-5s} pattern=${2:-.}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
fuzz() { # fuzz FILE TARGET
	CGO_ENABLED=0 go test "./$(dirname "$1")" -run '^$' -fuzz "^$2\$" -fuzztime "$time" -parallel 2 </dev/null >"$out" 2>&1
}
grep -rlE '^func Fuzz' --include='*_test.go' internal cmd web 2>/dev/null | grep -E "$pattern" | sort | while read -r file; do
	grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | sed 's/func //' | while read -r target; do
		echo "fuzz $(dirname "$file") $target"
		for try in 1 2 3; do
			fuzz "$file" "$target" && break
			cat "$out"
			# Without a failing input nothing was found: the run itself was cut off, as happens on a busy machine.
			if [ $try = 3 ] || grep -q 'Failing input' "$out" || ! grep -q 'context deadline exceeded' "$out"; then
				echo "FAIL	fuzz $(dirname "$file") $target"
				exit 1
			fi
		done
		# A short run may end while it still goes through the inputs that it knows: then nothing says "execs".
		grep -E 'elapsed:' "$out" | tail -n 1 || true
	done
done
