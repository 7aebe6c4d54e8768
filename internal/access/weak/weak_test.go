package weak_test

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access/weak"
)

//go:embed CHECKSUMS
var sums string

// TestEveryListedPasswordIsFound: the search finds each line, so the list is sorted, and it is the published one.
func TestEveryListedPasswordIsFound(t *testing.T) {
	list := weak.List()
	lines := strings.Fields(list)
	if len(lines) < 3000 || !slices.IsSorted(lines) || strings.Join(lines, "\n")+"\n" != list {
		t.Fatalf("%d lines, sorted %t", len(lines), slices.IsSorted(lines))
	}
	for _, p := range lines {
		if !weak.Listed(list, p) {
			t.Errorf("%q was not found", p)
		}
	}
	got := sha256.Sum256([]byte(list))
	if want, _, _ := strings.Cut(sums, " "); hex.EncodeToString(got[:]) != want {
		t.Errorf("the checksum is %x, want %s", got, want)
	}
}

func TestPassword(t *testing.T) {
	for p, want := range map[string]bool{
		"Sunshine2024!": true, "  liverpool 12345": true, "!!Electricity2026": true, "Paywatt-2026-2026": true,
		"aaaaaaaaaaaa": true, strings.Repeat("ü", 12): true, "abc1abc1abc1": true, "KenyaKenya": true, "112233112233": true,
		"": false, "two cows and a bicycle": false, "sunshine over kisumu": false, "734916028455": false, "abcdefgabcdefg": false,
		"password\npassword": false, "\xff\xfe\xfd-not-utf8-": false,
	} {
		if got := weak.Password(p); got != want {
			t.Errorf("%q: %t, want %t", p, got, want)
		}
	}
}
