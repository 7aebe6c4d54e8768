.DEFAULT_GOAL := help
.PHONY: help build test check quick run generate bench

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
build: ## one static binary, ./paywatt
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o paywatt ./cmd/paywatt
test: ## the unit tests
	go test ./...
check: ## everything a change must pass
	./check
quick: ## the inner loop, about 90 seconds
	./check quick
run: ## the demonstration: a server and 20 virtual meters in a throw-away folder
	go run ./cmd/paywatt demo
generate: ## the committed *_templ.go from their sources
	go tool -modfile=tools/tools.mod templ generate -path internal
bench: ## the Go benchmarks
	go test -run '^$$' -bench . -benchmem ./sts ./meter ./wire
