#!/usr/bin/env bash
# Runs Go's benchmarks, and then compares the server with others on this machine (some 10 minutes).
#   MEDIAMTX=/path/mediamtx  compares with MediaMTX too
#   BENCH=/path/bench        uses that load generator instead of building ../shared/bench
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/deps.sh bench
go test -run '^$' -bench . -benchtime 1s ./internal/... | grep -E '^(Benchmark|pkg:)'
exec go run ./bench "$@"
