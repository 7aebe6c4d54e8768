// Package e2e drives the real binary from outside: real HTTP, real MQTT, real processes that are really killed. It has only
// tests. E2E_BIN names an existing binary; without it the tests build one.
package e2e
