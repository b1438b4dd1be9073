#!/usr/bin/env bash
# Runs every fuzz target of the repository for a while each: fuzz.sh 5s [PACKAGE-PATTERN]
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-5s} pattern=${2:-.}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
grep -rlE '^func Fuzz' --include='*_test.go' internal cmd web 2>/dev/null | grep -E "$pattern" | sort | while read -r file; do
	grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | sed 's/func //' | while read -r target; do
		echo "fuzz $(dirname "$file") $target"
		if ! CGO_ENABLED=0 go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -parallel 2 </dev/null >"$out" 2>&1; then
			cat "$out"
			exit 1
		fi
		grep -E 'execs:' "$out" | tail -n 1
	done
done
