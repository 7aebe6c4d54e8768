//go:build !linux

package cluster

import "testing"

// newNamespaces makes none: only Linux has them.
func newNamespaces(testing.TB, string) (network, error) { return nil, errNoNamespaces }
