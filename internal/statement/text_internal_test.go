package statement

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/tier"
)

// TestTextsBecomeOneLine compares textOf with what it means: bytes that are no letter become one question mark, blanks and control characters
// one blank, and the text is cut at its limit.
func TestTextsBecomeOneLine(t *testing.T) {
	want := func(text string) string {
		blank := func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }
		text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), blank), " ")
		end := min(len(text), maxText)
		for end < len(text) && end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		return text[:end]
	}
	parts := []string{" ", "  ", "\n", "\t", "\x00", "\u00a0", "\u0085", "a", "AMINA", "é", "😀", "\xff", "\xff\xfe", "\xc3", "?", "\ufffd", "\u200b"}
	random := rand.New(rand.NewPCG(tier.Seed(t), 6))
	for range tier.RandomTexts.N() {
		var b strings.Builder
		for range random.IntN(60) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		if text := b.String(); textOf(text) != want(text) {
			t.Fatalf("%q becomes %q, want %q", text, textOf(text), want(text))
		}
	}
}
