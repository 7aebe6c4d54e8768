// Package arch holds the rules of ARCHITECTURE.md as tests: which room may import which, what the pure core must not touch,
// how long a function may be. It has no code of its own; run `go test ./internal/arch`.
//
// A new room gets its layer in layers (arch_test.go); that is a decision, and the reviewer sees it.
package arch
