# The gate and the slow proofs. `make help` lists the targets; CONTRIBUTING.md says what the gate asks.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO  ?= go
BIN := $(CURDIR)/bin

GOLANGCI_VERSION := 2.15.0
GREMLINS_VERSION := 0.6.0
OTELCOL_VERSION  := 0.161.0

# The gate's steps, the quick ones first.
STEPS := format vet fix arch tidy lint vuln test race alone fuzzing examples

# Modules of the workspace, as folders; tools stands outside it.
MODULES = $(shell $(GO) list -m -f '{{.Dir}}')

# Packages that start a goroutine, hold a lock or use atomics, in code or in tests: found, not listed, so that none is
# forgotten. Benchmarks beside peers have nothing of ours to race.
CONCURRENT := ^[[:space:]]*go (func|[A-Za-z_.]+)[(]|"sync(/atomic)?"|"testing/synctest"
RACE_PKGS = $(shell grep -rlE --include='*.go' --exclude-dir=bench --exclude-dir=testdata '$(CONCURRENT)' . | xargs -r -n1 dirname | sort -u)

# go test -v, shortened to packages, skips, third-party cases, failures and counts.
REPORT := awk -f $(CURDIR)/tools/testreport.awk

# An archive of the Go vulnerability database, for machines that cannot reach it.
VULNDB ?= $(lastword $(sort $(wildcard ../shared/vulndb-*.tgz)))

# What the slow targets work on: make bench PKG=pricing COUNT=10.
PKG      ?= ...
COUNT    ?= 6
BENCH    ?= .
FUZZTIME ?= 10m

# By default, each input that is new is made smaller for up to a minute, in which nothing else is tried.
MINIMIZE := -fuzzminimizetime 10x

.PHONY: help check fmt $(STEPS) tools cover fuzz bench overrun flash loss bench-peers bench-collector bench-collector-vs-otelcol mutation staticcheck apidiff godoc clean

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-26s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

check: tools ## The gate: the steps from "format" to "examples", with the time of each.
	@begin=$$SECONDS; for step in $(STEPS); do \
		start=$$SECONDS; printf '== %s\n' $$step; \
		$(MAKE) --no-print-directory $$step || { printf '== %s FAILED after %d s\n' $$step $$((SECONDS-start)); exit 1; }; \
		printf '== %s: %d s\n' $$step $$((SECONDS-start)); \
	done; printf 'check: all steps passed in %d s\n' $$((SECONDS-begin))

fmt: tools ## Format and modernise what the steps format, fix and lint would complain about.
	@$(GO) fix work
	@$(BIN)/golangci-lint fmt

format: $(BIN)/.tools ## gofumpt changes nothing.
	@files=$$($(BIN)/gofumpt -l .); [ -z "$$files" ] || { printf 'gofumpt would change:\n%s\n' "$$files"; exit 1; }

vet: ## go vet, every module.
	@$(GO) vet work

fix: ## go fix has nothing to modernise.
	@$(GO) fix -diff work

arch: ## Import directions, dependencies, layout of packages and modules.
	@$(GO) test -count=1 ./internal/arch

tidy: ## go.mod and go.sum of every module are tidy.
	@for dir in $(MODULES) tools; do (cd $$dir && GOWORK=off $(GO) mod tidy -diff) || { echo "not tidy: $$dir"; exit 1; }; done

lint: $(BIN)/.golangci-lint-$(GOLANGCI_VERSION) ## golangci-lint, every module.
	@$(BIN)/golangci-lint config verify
	@$(BIN)/golangci-lint run $(addsuffix /...,$(MODULES))

vuln: $(BIN)/.tools ## No reachable code, of ours or of a dependency, has a known vulnerability.
	@if [ -z "$(VULNDB)" ]; then echo "vuln: no archive of the vulnerability database (VULNDB), not checked"; exit 0; fi; \
	db=$$(mktemp -d); trap 'rm -rf "$$db"' EXIT; tar xzf "$(VULNDB)" -C "$$db"; \
	$(BIN)/govulncheck -test -db "file://$$(dirname "$$(find "$$db" -type d -name index)")" work

test: ## Every test of every module.
	@$(GO) test -v -timeout 25m work | $(REPORT)

race: ## The race detector, on packages that start goroutines or hold locks.
	@TENON_MODEL_STEPS=5000 $(GO) test -v -race -timeout 25m $(RACE_PKGS) | $(REPORT)

alone: ## Every module builds and passes its tests without the workspace, as an importer has it.
	@for dir in $(MODULES); do cd $$dir && GOWORK=off $(GO) vet ./... && GOWORK=off $(GO) test -v -timeout 25m ./... || exit 1; done | $(REPORT)

fuzzing: ## What reads OTLP agrees with the Collector's pdata on random bytes, for 20 s.
	@$(GO) test -run '^$$' -fuzz '^FuzzScanAgreesWithPdata$$' -fuzztime 20s $(MINIMIZE) ./integration

examples: ## Run every example program and compare what it prints.
	@$(GO) test -v -count=1 ./examples/... | $(REPORT)

tools: $(BIN)/.tools $(BIN)/.golangci-lint-$(GOLANGCI_VERSION) ## Build the pinned tools into bin/.

$(BIN)/.tools: tools/go.mod tools/go.sum
	@mkdir -p $(BIN)
	cd tools && GOWORK=off $(GO) build -o $(BIN)/ tool
	@touch $@

$(BIN)/.golangci-lint-$(GOLANGCI_VERSION):
	@mkdir -p $(BIN)
	@[ "$$($(BIN)/golangci-lint version --short 2>/dev/null)" = "$(GOLANGCI_VERSION)" ] || { set -x; \
		GOBIN=$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(GOLANGCI_VERSION); }
	@touch $@

cover: ## Statement coverage of the root module.
	$(GO) test -coverpkg=./... -coverprofile=cover.out ./... && $(GO) tool cover -func=cover.out | tail -n 1

fuzz: ## Every fuzz target for FUZZTIME each: make fuzz PKG=money/... FUZZTIME=5m
	@grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' ./$(patsubst %/...,%,$(PKG:...=)) \
		| sed -E 's|/[^/]+:func | |' | sort -u | while read -r dir target; do \
		echo "== $$dir $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $(MINIMIZE) "$$dir"; done

bench: $(BIN)/.tools ## Benchmark one package, kept as benchstat text: make bench PKG=pricing
	@[ "$(PKG)" != ... ] || { echo "make bench PKG=<package folder>"; exit 1; }
	@$(MAKE) --no-print-directory bench-into FROM=./$(PKG) INTO=bench/$(subst /,-,$(PKG)).txt

overrun: ## The overrun proof of promotions in full: a million attempts in memory, a hundred thousand on each database.
	@TENON_OVERRUN_ATTEMPTS=1000000 $(GO) test -v -race -timeout 20m -run NoLimitIsOverrun ./promotions/promotionstest | $(REPORT)
	@TENON_OVERRUN_ATTEMPTS=100000 $(GO) test -v -timeout 20m -run NoLimitIsOverrunByProc ./integration | $(REPORT)

flash: ## The flash sale of orders in full: ten thousand shoppers for a thousand units, four processes on PostgreSQL.
	@TENON_FLASH_SHOPPERS=10000 $(GO) test -v -race -timeout 20m -run FlashSale ./integration | $(REPORT)

loss: ## The loss test of the collector in full: 15,000 traces a second for 20 s, then three times that, in 256 MiB.
	@TENON_LOSS_TRACES=15000 $(GO) test -count=1 -v -timeout 20m -run 'NoErrorIsLost$$' ./tracing/collector
	@TENON_LOSS_TRACES=15000 $(GO) test -count=1 -v -timeout 20m -run NoErrorIsLostOverGRPC ./adapters/otlpgrpc

bench-peers: $(BIN)/.tools ## Benchmarks beside peers, kept as benchstat text: make bench-peers BENCH=Price
	@$(MAKE) --no-print-directory bench-into FROM=./integration/bench/... INTO=bench/peers.txt

bench-collector: $(BIN)/.tools ## The collector as a process under a replaying client, kept in bench/collector.txt.
	@TENON_BENCH_COLLECTOR=1 $(MAKE) --no-print-directory bench-into FROM=./integration/bench BENCH='^BenchmarkCollector$$$$' INTO=bench/collector.txt

bench-collector-vs-otelcol: $(BIN)/.tools $(BIN)/otelcol-$(OTELCOL_VERSION) ## The same beside the OpenTelemetry Collector, kept in bench/collector-otelcol.txt.
	@TENON_OTELCOL=$(BIN)/otelcol-$(OTELCOL_VERSION) $(MAKE) --no-print-directory bench-into FROM=./integration/bench BENCH='Otelcol' INTO=bench/collector-otelcol.txt

# Its sources are made elsewhere, so that no step of the gate takes them for ours.
$(BIN)/otelcol-$(OTELCOL_VERSION): integration/bench/testdata/otelcol.yaml
	@mkdir -p $(BIN); dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	sed "s|output_path:.*|output_path: $$dir|" $< > "$$dir/build.yaml"; \
	GOWORK=off $(GO) run go.opentelemetry.io/collector/cmd/builder@v$(OTELCOL_VERSION) --config "$$dir/build.yaml"; \
	mv "$$dir/otelcol" $@

.PHONY: bench-into
bench-into:
	@mkdir -p bench; raw=$$(mktemp); trap 'rm -f "$$raw"' EXIT; \
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) -timeout 60m $(FROM) | tee "$$raw"; \
	{ printf '%s\ncommit %s\n' "$$($(GO) version)" "$$(git describe --always --dirty)"; $(BIN)/benchstat "$(notdir $(INTO:.txt=))=$$raw"; } > $(INTO); \
	echo "kept in $(INTO)"

mutation: $(BIN)/.gremlins-$(GREMLINS_VERSION) ## Mutants of one package that no test kills: make mutation PKG=money
	@[ "$(PKG)" != ... ] || { echo "make mutation PKG=<package folder>"; exit 1; }
	GOWORK=off $(BIN)/gremlins unleash ./$(PKG)

$(BIN)/.gremlins-$(GREMLINS_VERSION):
	@mkdir -p $(BIN)
	GOBIN=$(BIN) $(GO) install github.com/go-gremlins/gremlins/cmd/gremlins@v$(GREMLINS_VERSION)
	@touch $@

staticcheck: $(BIN)/.tools ## staticcheck of the pinned version, every check.
	$(BIN)/staticcheck -checks all $(addsuffix /...,$(MODULES))

apidiff: $(BIN)/.tools ## Exported API against a revision: make apidiff PKG=money REV=v0.1.0
	@[ "$(PKG)" != ... ] && [ -n "$(REV)" ] || { echo "make apidiff PKG=<package folder> REV=<revision>"; exit 1; }
	@old=$$(mktemp -d); trap 'git worktree remove --force "$$old/tree"; rm -rf "$$old"' EXIT; \
	git worktree add --quiet --detach "$$old/tree" "$(REV)"; \
	(cd "$$old/tree" && $(BIN)/apidiff -w "$$old/api" ./$(PKG)); $(BIN)/apidiff "$$old/api" ./$(PKG)

godoc: ## Serve the documentation on this machine.
	$(GO) doc -http

clean: ## Remove what the targets built.
	rm -rf $(BIN) cover.out
