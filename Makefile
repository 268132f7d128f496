# Everything a newcomer or a maintainer does with this tree. `make` alone lists it.

# DuckDB's Arrow interface is behind this tag; cgo links the library that comes with its module.
TAGS        := duckdb_arrow
GO          ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
MODULES     := schemas pipeline services/sampler services/flowcache services/ager services/exporter services/analyzer deploy/netstream
BENCH       ?= .
BENCHLINE   ?=
TEST        ?= .

export CGO_ENABLED := 1

.DEFAULT_GOAL := help

.PHONY: help
help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/netstream
	$(GO) build -tags $(TAGS) -o bin/netstream ./deploy/netstream

.PHONY: demo
demo: build ## build, then run the whole line on traffic of its own until Ctrl-C (data in ./netstream-data)
	@exec bin/netstream demo

.PHONY: test
test: ## run every test (TEST=Pattern for some)
	$(GO) test -tags $(TAGS) -run '$(TEST)' work

.PHONY: race
race: ## run every test under the race detector
	$(GO) test -tags $(TAGS) -race -run '$(TEST)' work

.PHONY: crash
crash: ## kill real processes at random moments and compare what is left (SHORT=1: a minute; SEED=N: that schedule again)
	NETSTREAM_CRASH=$(if $(SHORT),short,full) NETSTREAM_CRASH_SEED=$(SEED) \
		$(GO) test -tags $(TAGS) -count=1 -v -timeout 60m -run '$(TEST)' ./deploy/netstream/internal/crash

.PHONY: bench
bench: ## run every benchmark, then bench-line (BENCH=Pattern for some without it)
	$(GO) test -tags $(TAGS) -run '^$$' -bench '$(BENCH)' -benchmem work
	$(if $(filter .,$(BENCH)),@$(MAKE) --no-print-directory bench-line)

.PHONY: bench-line
bench-line: build ## measure the whole line, beside nfpcapd and softflowd if installed (BENCHLINE="-n 5 -json")
	$(GO) run -tags $(TAGS) ./deploy/netstream/internal/bench $(BENCHLINE)

.PHONY: lint
lint: ## check formatting, vet, staticcheck, and that each module builds alone
	@unformatted=$$(gofmt -l $(MODULES)); test -z "$$unformatted" || { echo "gofmt -w these:"; echo "$$unformatted"; exit 1; }
	$(GO) vet -tags $(TAGS) work
	@set -e; for m in $(MODULES); do \
		echo "staticcheck and build alone: $$m"; \
		(cd $$m && $(GO) run $(STATICCHECK) -tags $(TAGS) ./... && GOWORK=off $(GO) build -tags $(TAGS) ./...); \
	done

.PHONY: clean
clean: ## remove what build made (data stays)
	rm -rf bin
