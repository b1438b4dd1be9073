# Mayfly. `make run` shows a channel on air, `make test` checks everything, `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export CGO_ENABLED ?= 0
export GONOSUMDB ?= github.com/bluenviron/*,github.com/datarhei/*,github.com/Eyevinn/*

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1\t/' | expand -t 18

.PHONY: run
run: deps build ## build, start on ./mayfly-data, and put a demonstration channel on air
	@exec scripts/run.sh

# Without -trimpath: then the tests need not compile all of it once more.
.PHONY: build
build: web/dist/.built ## build bin/mayfly with the pages in it
	go build -ldflags '$(LDFLAGS)' -o bin/mayfly ./cmd/mayfly

WEB_SOURCES := $(shell find web -type f -not -path '*/node_modules/*' -not -path 'web/dist/*' -not -name '*.go' 2>/dev/null)

web/node_modules/.installed: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

web/dist/.built: web/node_modules/.installed $(WEB_SOURCES)
	cd web && npm run --silent build
	@touch $@

.PHONY: deps
deps: ## install what `make run` needs (ffmpeg, node)
	@scripts/deps.sh run

.PHONY: tools
tools: ## install what the tests need (ffmpeg, Chromium, players, an S3 server)
	@scripts/install-versitygw.sh & s3=$$!; scripts/deps.sh test; deps=$$?; wait $$s3 && exit $$deps

.PHONY: lint
lint: ## vet, format, static checks
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not gofmt-ed:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go vet -tags meter ./e2e
	go tool staticcheck ./...

.PHONY: test-web
test-web: web/dist/.built ## check and test the pages
	cd web && npm run --silent check && npm test --silent && npm run --silent size

.PHONY: test
test: ## everything: unit, simulation, real encoders, S3 server, browser
	@$(MAKE) tools & tools=$$!; $(MAKE) build lint test-web; checked=$$?; wait $$tools && exit $$checked
	CGO_ENABLED=1 MAYFLY_BIN=$(CURDIR)/bin/mayfly scripts/test.sh

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (default 5s)
	scripts/fuzz.sh $${FUZZTIME:-5s}

# Machines do not share a disk: where there is room in memory, the spools and the S3 server's files lie there.
APART := $(if $(wildcard /dev/shm/.),TMPDIR=/dev/shm)

.PHONY: chaos
chaos: tools build ## every fault of docs/volatility.md N times (default 3) by real processes, and the table of what viewers saw; MORE=1 adds to the last run
	@[ -n "$(MORE)" ] || rm -f bin/chaos-figures.json
	$(APART) MAYFLY_FIGURES=$(CURDIR)/bin/chaos-figures.json MAYFLY_BIN=$(CURDIR)/bin/mayfly MAYFLY_TABLE=$(CURDIR)/docs/volatility.md MAYFLY_LOGS=$(CURDIR)/bin/chaos-logs \
		go test -count=$${N:-3} -parallel 3 -timeout 24h -run '^Test(Death|MassDeath|BucketAway|Partition|Zombie|Leaving)$$' ./e2e

SWARM ?= -nodes 10 -channels 200 -viewers 20 -calm 60s -storm 10m

.PHONY: swarm
swarm: tools build ## ten nodes, 200 channels, a death every 5 s for ten minutes (SWARM="-nodes 10 …"): what is kept, and what it costs
	$(APART) MAYFLY_BIN=$(CURDIR)/bin/mayfly MAYFLY_SWARM='$(SWARM)' MAYFLY_SWARM_TABLE=$(CURDIR)/docs/volatility.md MAYFLY_LOGS=$(CURDIR)/bin/swarm-logs \
		go test -count=1 -timeout 1h -v -run '^TestSwarm$$' ./e2e

.PHONY: upload
upload: tools build ## a film of MB megabytes (default 2000) over a connection that breaks ten times, with a node killed: how long it takes, and the memory
	MAYFLY_BIN=$(CURDIR)/bin/mayfly MAYFLY_UPLOAD=$${MB:-2000} go test -count=1 -timeout 1h -v -run '^TestUpload$$' ./e2e

.PHONY: chat
chat: tools build ## 2,000 viewers and 200 messages a second in one chat: how long a message takes, the CPU, and what becomes of a flood
	MAYFLY_BIN=$(CURDIR)/bin/mayfly go test -count=1 -v -run '^TestChat$$' ./e2e

.PHONY: meter
meter: tools build ## watch a death with a load generator of your own (METER=its program, see TestMeter)
	MAYFLY_BIN=$(CURDIR)/bin/mayfly MAYFLY_METER='$(METER)' go test -count=1 -tags meter -v -run '^TestMeter$$' ./e2e

.PHONY: bench
bench: tools build ## benchmarks, and the comparison with other servers
	scripts/bench.sh

.PHONY: clean
clean: ## remove what was built
	rm -rf bin web/dist/.built .tools
