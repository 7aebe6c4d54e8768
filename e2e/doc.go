// Package e2e drives the real binary from outside: real HTTP, real MQTT, real processes that are really killed. It has only tests. E2E_BIN
// names an existing binary, and E2E_FAULTS_BIN one with -tags faultinject; without them the tests build both.
package e2e
