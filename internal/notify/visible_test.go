package notify_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/notify"
)

func TestNothingInATextSteersWhatShowsIt(t *testing.T) {
	for in, want := range map[string]string{
		"BAL 0414":                        "BAL 0414",
		"мало § ٠٤ 😀":                     "мало § ٠٤ 😀",
		"a\x1b[2Jb\u009b31m\x7f":          `a\x1b[2Jb\u009b31m\x7f`,
		"paid\r\nfree\t\v":                `paid\r\nfree\t\v`,
		"\u202e\u2066\u2069\u200f\u061c.": `\u202e\u2066\u2069\u200f\u061c.`,
		"a\u2028b\u2029c\u200bd\ufeff":    `a\u2028b\u2029c\u200bd\ufeff`,
		"1\u00a0000":                      "1 000",
		"\xff\x9b":                        "\ufffd\ufffd",
		"\U000e0041":                      `\U000e0041`,
	} {
		if got := notify.Visible(in); got != want {
			t.Errorf("%+q is shown as %+q, want %+q", in, got, want)
		}
	}
}
