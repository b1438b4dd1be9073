#!/usr/bin/env bash
# Runs all tests with the race detector, and last prints the summary of the tests as go test gave it. Fuzz targets run on the
# inputs that they know; with FUZZTIME=1s each looks for new ones for as long.
set -uo pipefail
cd "$(dirname "$0")/.."
summary=$(mktemp) fuzzed=$(mktemp)
trap 'rm -f "$summary" "$fuzzed"' EXIT
failed=0

if [ -n "${FUZZTIME:-}" ]; then
	scripts/fuzz.sh "$FUZZTIME" 2>&1 | tee "$fuzzed" || failed=1
fi
# Packages of tests one after the other where they run real programs: two cores carry one broadcast at a time.
# The simulations are run in short only, as the race detector makes them slow.
units=$(go list ./... | grep -v -e '/e2e$' -e '/internal/sim$' -e '/internal/program$')
go test -race -timeout 15m $units 2>&1 | tee "$summary"
if [ "${PIPESTATUS[0]}" != 0 ]; then
	# The race detector itself may fail, and says so: that is no word about the program. What passed is not run again.
	if grep -q '^ThreadSanitizer: CHECK failed' "$summary"; then
		go test -race -timeout 15m $units 2>&1 | tee "$summary" || failed=1
	else
		failed=1
	fi
fi
go test -race -short -skip '^TestWithout$' -timeout 15m ./internal/program ./internal/sim 2>&1 | tee -a "$summary" || failed=1
# In depth without the race detector: 1,000 fleets, days of autopilot, and each rule left out.
CGO_ENABLED=0 go test -count=1 -timeout 15m ./internal/program -dark.runs 20 2>&1 | tee -a "$summary" || failed=1
CGO_ENABLED=0 go test -count=1 -timeout 20m ./internal/sim -sim.runs 1000 2>&1 | tee -a "$summary" || failed=1
if [ -d e2e ]; then
	# What the builds left to be written to the disk would hold up every fsync of the first minutes: it is built, and
	# written out, before anything is timed.
	CGO_ENABLED=0 go test -count=1 -run '^$' ./e2e >/dev/null 2>&1 || true
	sync
	# Without the race detector: real time counts there, and the server is the built program.
	# Those that wait most of their time run four at once.
	CGO_ENABLED=0 go test -count=1 -timeout 20m -parallel 4 ./e2e 2>&1 | tee -a "$summary" || failed=1
fi
echo
echo "summary"
# What failed comes last, where it is looked for.
grep -E '^(ok|\?)' "$summary"
grep -hE '^(FAIL|--- FAIL|    --- FAIL|panic|\S+_test.go|    \S+_test.go)' "$fuzzed" "$summary" | tail -n 60
[ $failed = 0 ] || echo "something failed: what is not named here said so above"
exit $failed
