# thermarack. `make help` lists the targets. Needs Go 1.26 and make; only `make check` needs a C compiler, for the race detector,
# and npm, to check the page.
export CGO_ENABLED = 0

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FLAGS   := -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
FUZZTIME ?= 20s

.PHONY: help build run test test-pi check assets assets-check bench agents fuzz golden clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the agent and the collector into bin/
	go build $(FLAGS) -o bin/thermarack-agent ./agent
	go build $(FLAGS) -o bin/thermarack-collector ./collector

run: build ## build, then start the demo: a simulated shelf whose fans die
	./bin/thermarack-collector demo $(ARGS)

test: ## install what the tests need (it says what), then run all of them
	.ci/test-deps && .ci/page-deps >/dev/null
	THERMARACK_SERVERS=1 go test -timeout 20m ./...
	@if command -v apt-get >/dev/null; then $(MAKE) test-pi; else echo "make test-pi is left out: no apt-get here"; fi

test-pi: ## emulated Raspberry Pi with a real kernel: fetch it into ~/.cache (it says what), boot the agent on it
	.ci/test-pi-deps
	THERMARACK_PI=1 go test -count=1 -timeout 10m -v -run '^TestAnEmulatedPi' ./collector

check: ## gofmt, vet, staticcheck, race detector, 32-bit vet, all agents
	@test -z "$$(gofmt -l agent alerts collector hardware)" || { echo "not gofmt'ed:"; gofmt -l agent alerts collector hardware; exit 1; }
	go vet ./...
	GOARCH=386 go vet ./agent/... ./hardware/... ./alerts/...
	go tool staticcheck ./...
	CGO_ENABLED=1 go test -race -short ./agent/... ./alerts/... ./hardware/... ./collector/...
	$(MAKE) assets-check
	$(MAKE) agents

PAGE  := collector/internal/web
UPLOT := uPlot.esm.js=uPlot.esm.js uPlot.min.css=uPlot.min.css uPlot.esm.d.ts=uPlot.d.ts

assets: ## fetch the parts of the page that others wrote, in the versions of package.json
	cd $(PAGE) && npm install --package-lock-only --ignore-scripts --no-audit --no-fund
	from=$$(.ci/page-deps)/node_modules/uplot && for f in $(UPLOT); do cp $$from/dist/$${f#*=} $(PAGE)/assets/uplot/$${f%=*} || exit 1; done && cp $$from/LICENSE $(PAGE)/assets/uplot/

assets-check: ## check the page's types, and that the parts of others are as npm has them
	tools=$$(.ci/page-deps)/node_modules && $$tools/.bin/tsc -p $(PAGE) && \
	for f in $(UPLOT); do cmp $$tools/uplot/dist/$${f#*=} $(PAGE)/assets/uplot/$${f%=*} || exit 1; done && cmp $$tools/uplot/LICENSE $(PAGE)/assets/uplot/LICENSE

bench: ## run the benchmarks, some beside their peers, which are fetched into ~/.cache: an hour
	PEERS=$$(.ci/bench-deps) && THERMARACK_PEERS=$$PEERS THERMARACK_LONG=1 \
	go test -p 1 -timeout 90m -run '^$$' -bench . -benchmem ./agent/... ./alerts/... ./hardware/... ./collector/...

agents: ## build static agents for armv6, armv7, arm64 and amd64 into dist/
	GOOS=linux GOARCH=arm GOARM=6 go build $(FLAGS) -o dist/thermarack-agent-armv6 ./agent
	GOOS=linux GOARCH=arm GOARM=7 go build $(FLAGS) -o dist/thermarack-agent-armv7 ./agent
	GOOS=linux GOARCH=arm64 go build $(FLAGS) -o dist/thermarack-agent-arm64 ./agent
	GOOS=linux GOARCH=amd64 go build $(FLAGS) -o dist/thermarack-agent-amd64 ./agent

fuzz: ## fuzz every decoder for FUZZTIME each
	@grep -rl --include='*_test.go' '^func Fuzz' agent alerts collector hardware | while read -r file; do \
	  sed -n 's/^func \(Fuzz[A-Za-z0-9]*\)(.*/\1/p' $$file | while read -r name; do \
	    echo "$$(dirname $$file) $$name"; go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) ./$$(dirname $$file) || exit 1; \
	  done || exit 1; done

golden: ## rewrite the golden files; look at the diff before you commit
	go test -count=1 $$(grep -rl --include='*_test.go' 'flag.Bool("update"' agent alerts collector hardware | xargs -n1 dirname | sort -u | sed 's|^|./|') -update

clean: ## remove what was built
	rm -rf bin dist
