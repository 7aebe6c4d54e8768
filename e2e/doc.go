// Package e2e drives the real binary from outside: real HTTP, real MQTT, real processes that are really killed. It has only tests. E2E_BIN
// names an existing binary, and E2E_FAULTS_BIN one with -tags faultinject whose rules can be switched off (internal/plant). Without them the
// tests build both.
//
// The tests run side by side. Each has servers, folders and ports of its own. A test that measures is serial. Programs of others that are
// not installed are named in a line of a skipped test; the environment variable TIER_NEEDS_ALL makes that a failure.
package e2e
