package codeblock_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/codeblock"
)

func TestARowIsFoundByItsFirstCell(t *testing.T) {
	const page = "Text | flat | no row\n\n| price | what |\n|---|---|\n| flat price | 2.50 |\n| blocks | 1.20 | 1.60 |\n"
	for first, want := range map[string]string{"flat price": "2.50", "blocks": "1.20 | 1.60", "flat": "", "": "", "seasons": ""} {
		if got := codeblock.Row(page, first); got != want {
			t.Errorf("row %q: %q, want %q", first, got, want)
		}
	}
}
