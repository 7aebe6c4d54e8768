// Package e2e drives the real binary from outside: real HTTP, real MQTT, real processes that are really killed. It has only tests. E2E_BIN
// names an existing binary; without E2E_BIN the tests build the binary.
package e2e
