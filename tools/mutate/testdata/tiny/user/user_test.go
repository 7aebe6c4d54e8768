// Package user uses tiny.
package user

import (
	"testing"

	"github.com/paywatt/paywatt/tools/mutate/testdata/tiny"
)

func TestTwice(t *testing.T) {
	if tiny.Twice(3) != 6 {
		t.Fatal(tiny.Twice(3))
	}
}
