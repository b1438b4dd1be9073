#!/usr/bin/env bash
# Puts the S3 server that the tests run against into .tools/bin, unless it is there.
set -euo pipefail
cd "$(dirname "$0")/.."
version=v1.8.0
target=$PWD/.tools/bin/versitygw
[ -x "$target" ] && exit 0
mkdir -p .tools/bin
if found=$(command -v versitygw 2>/dev/null) && go version -m "$found" 2>/dev/null | grep -q "versitygw[[:space:]]*$version"; then
	ln -s "$found" "$target"
	exit 0
fi
echo "mayfly: building the S3 server for the tests (versitygw $version), some minutes once"
GOBIN=$PWD/.tools/bin CGO_ENABLED=0 go install "github.com/versity/versitygw/cmd/versitygw@$version"
