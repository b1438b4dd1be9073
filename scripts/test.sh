#!/usr/bin/env bash
# Runs every fuzzer for a while, then all tests with the race detector, and last prints the summary of the tests as go test
# gave it.
set -uo pipefail
cd "$(dirname "$0")/.."
summary=$(mktemp) fuzzed=$(mktemp) deep=$(mktemp)
trap 'rm -f "$summary" "$fuzzed" "$deep"' EXIT
failed=0
# All of it was vetted by make lint, and is not once more for each way of building it.

# In depth without the race detector: 2,000 fleets, days of autopilot, and each rule left out. It is all reckoning in time of its
# own, and takes what the others leave of the processors while they wait.
idle=(nice -n 19)
command -v chrt >/dev/null 2>&1 && idle=(chrt --idle 0)
(
	export CGO_ENABLED=0
	"${idle[@]}" go test -vet=off -count=1 -timeout 25m ./internal/program -dark.runs 20
	of_program=$?
	"${idle[@]}" go test -vet=off -count=1 -timeout 25m ./internal/sim -sim.runs 2000 && exit $of_program
) >"$deep" 2>&1 &
depth=$!

scripts/fuzz.sh "${FUZZTIME:-1s}" 2>&1 | tee "$fuzzed" || failed=1
# The simulations are run in short only, as the race detector makes them slow.
units=$(go list ./... | grep -v -e '/e2e$' -e '/internal/sim$' -e '/internal/program$')
go test -vet=off -race -timeout 15m $units 2>&1 | tee "$summary"
if [ "${PIPESTATUS[0]}" != 0 ]; then
	# The race detector itself may fail, and says so, or is stopped by a signal outside of Go code, of which there is no
	# other in these programs: that is no word about the program. What passed is not run again.
	if grep -qE '^(ThreadSanitizer: CHECK failed|SIGSEGV: segmentation violation)' "$summary"; then
		go test -vet=off -race -timeout 15m $units 2>&1 | tee "$summary" || failed=1
	else
		failed=1
	fi
fi
go test -vet=off -race -short -skip '^TestWithout$' -timeout 15m ./internal/program ./internal/sim 2>&1 | tee -a "$summary" || failed=1
wait $depth || failed=1
tee -a "$summary" <"$deep"
if [ -d e2e ]; then
	# What the builds left to be written to the disk would hold up every fsync of the first minutes: it is built, and
	# written out, before anything is timed.
	CGO_ENABLED=0 go test -vet=off -count=1 -run '^$' ./e2e >/dev/null 2>&1 || true
	sync
	# Without the race detector: real time counts there, and the server is the built program.
	# Those that wait most of their time run four at once.
	CGO_ENABLED=0 go test -vet=off -count=1 -timeout 20m -parallel 4 ./e2e 2>&1 | tee -a "$summary" || failed=1
fi
echo
echo "summary"
# What failed comes last, where it is looked for.
grep -E '^(ok|\?)' "$summary"
grep -hE '^(FAIL|--- FAIL|    --- FAIL|panic|\S+_test.go|    \S+_test.go)' "$fuzzed" "$summary" | tail -n 60
[ $failed = 0 ] || echo "something failed: what is not named here said so above"
exit $failed
