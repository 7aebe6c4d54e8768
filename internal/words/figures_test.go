package words_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/internal/words/wordstest"
	"github.com/paywatt/paywatt/unit"
)

func in(t testing.TB, code string) *words.Texts {
	t.Helper()
	texts, known := wordstest.Languages(t).Chosen(code)
	if !known {
		t.Fatalf("there is no language %q", code)
	}
	return texts
}

var kes = money.Currency{Code: "KES", Exp: 2}

func TestFiguresByLanguage(t *testing.T) {
	at := time.Date(2026, 11, 4, 21, 5, 6, 0, time.FixedZone("EAT", 3*3600))
	for code, want := range map[string][7]string{
		"en": {"KES 1,234,567.80", "-999.00", "1,638.3 kWh", "2026-11-04 21:05 EAT", "2.4541", "1.5 %", "1250 W"},
		"fr": {"1\u202f234\u202f567,80 KES", "-999,00", "1\u202f638,3 kWh", "04/11/2026 21:05 EAT", "2,4541", "1,5 %", "1250 W"},
		"sw": {"KES 1,234,567.80", "-999.00", "1,638.3 kWh", "04/11/2026 21:05 EAT", "2.4541", "1.5 %", "1250 W"},
		"ar": {"\u2066KES 1,234,567.80\u2069", "\u2066-999.00\u2069", "\u20661,638.3 kWh\u2069", "\u206604/11/2026 21:05 EAT\u2069", "\u20662.4541\u2069", "\u20661.5 %\u2069", "\u20661250 W\u2069"},
	} {
		say := in(t, code)
		got := [7]string{say.Sum(money.Amount{Minor: 123456780, Currency: "KES"}), say.Figure(-99900, kes), say.Energy(1_638_300, 1), say.Clock(at), say.Rate(2_454_100, kes), say.Percent(150), say.Watts(1250)}
		if got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
		if plain := say.Plain().Clock(at) + say.Plain().Sum(money.Amount{Minor: 123456780, Currency: "KES"}); strings.ContainsAny(plain, "\u202f\u2066\u2068\u2069") {
			t.Errorf("%s: paper says %q", code, plain)
		}
	}
}

// TestTypedAmounts: an amount means what the language of the page says, and one that could mean two amounts is refused.
func TestTypedAmounts(t *testing.T) {
	const no = -1
	for text, want := range map[string]map[string]money.Minor{
		"1,000":                {"en": 100000, "sw": 100000, "ar": 100000, "fr": no},
		"1.000":                {"en": no, "sw": no, "ar": no, "fr": no},
		"1000.5":               {"en": 100050, "sw": 100050, "ar": 100050, "fr": 100050},
		"1000,5":               {"en": no, "sw": no, "ar": no, "fr": 100050},
		"1,00":                 {"en": no, "sw": no, "ar": no, "fr": 100},
		"1 000,50":             {"en": no, "sw": no, "ar": no, "fr": 100050},
		"1 000.50":             {"en": 100050, "sw": 100050, "ar": 100050, "fr": 100050},
		"1,000.50":             {"en": 100050, "sw": 100050, "ar": 100050, "fr": no},
		"1.000,50":             {"en": no, "sw": no, "ar": no, "fr": 100050},
		"1.000.000":            {"en": no, "sw": no, "ar": no, "fr": 100000000},
		"1,000,000":            {"en": 100000000, "sw": 100000000, "ar": 100000000, "fr": no},
		"1.00.000":             {"en": no, "fr": no},
		"1 000.000,00":         {"en": no, "fr": no},
		"0,500":                {"en": no, "ar": no, "fr": no},
		"١٠٠٠":                 {"en": 100000, "sw": 100000, "ar": 100000, "fr": 100000},
		"۱۰۰۰":                 {"en": 100000, "ar": 100000},
		"١٬٠٠٠٫٥٠":             {"en": 100050, "sw": 100050, "ar": 100050, "fr": 100050},
		"١٠٠٠،٥":               {"en": no, "ar": no, "fr": no},
		"KES 1,000":            {"en": 100000, "fr": no},
		"1000,50 KES":          {"en": no, "fr": 100050},
		"1.000 KES":            {"en": no, "fr": no},
		"-5":                   {"en": no, "fr": no, "ar": no},
		"":                     {"en": no, "fr": no, "ar": no},
		"\u20661,000.00\u2069": {"en": 100000, "ar": 100000},
	} {
		for code, want := range want {
			got, err := in(t, code).Parse(text, kes)
			switch {
			case want == no && err == nil:
				t.Errorf("%s: %q is read as %d, want a refusal", code, text, got)
			case want != no && (err != nil || got != want):
				t.Errorf("%s: %q is %d, %v, want %d", code, text, got, err, want)
			case want == no && !errors.Is(err, money.ErrSyntax) && !errors.Is(err, money.ErrNegative) && !errors.Is(err, money.ErrDecimals):
				t.Errorf("%s: %q: %v", code, text, err)
			}
		}
	}
	// With three decimals, a comma before three digits is one thing to a French reader and another to an English one.
	dinar := money.Currency{Code: "TND", Exp: 3}
	if m, err := in(t, "fr").Parse("1,000", dinar); err != nil || m != 1000 {
		t.Errorf("1,000 in French with three decimals: %d, %v", m, err)
	}
	for _, code := range []string{"en", "sw", "ar"} {
		if m, err := in(t, code).Parse("1,000", dinar); err == nil {
			t.Errorf("%s: 1,000 with three decimals is read as %d", code, m)
		}
	}
}

// TestAmountsComeBack: what a page writes, a form of the page reads as the same amount.
func TestAmountsComeBack(t *testing.T) {
	all := wordstest.Languages(t).All()
	rapid.Check(t, func(r *rapid.T) {
		say := rapid.SampledFrom(all).Draw(r, "language")
		c := money.Currency{Code: "KES", Exp: rapid.IntRange(0, 6).Draw(r, "decimals")}
		m := money.Minor(rapid.Int64Range(0, 999_999_999_999).Draw(r, "amount"))
		for _, written := range []string{say.Figure(m, c), say.Typed(m, c), say.Plain().Figure(m, c)} {
			if got, err := say.Parse(written, c); err != nil || got != m {
				r.Fatalf("%s: %d with %d decimals is written %q and read as %d, %v", say.Code(), m, c.Exp, written, got, err)
			}
		}
		if got := say.KWh(unit.Energy(m), 3); say.Direction() == "ltr" && strings.ContainsAny(got, "\u2066\u2068") {
			r.Fatalf("%q has invisible characters", got)
		}
	})
}

// TestPlacesKeepTheirDirection: in a language from right to left, what fills a place cannot move what stands beside it.
func TestPlacesKeepTheirDirection(t *testing.T) {
	if got := in(t, "ar").MeterTitle("0414 0001 001"); strings.Contains(got, "0414 0001 001") && !strings.Contains(got, "\u20680414 0001 001\u2069") {
		t.Errorf("the title is %q", got)
	}
	if got := in(t, "ar").List("a@x", "b@x"); got != "\u2068a@x\u2069، \u2068b@x\u2069" {
		t.Errorf("the list is %q", got)
	}
	if got := in(t, "ar").List(); got != "" {
		t.Errorf("the empty list is %q", got)
	}
	if got := in(t, "en").List("a@x", "b@x"); got != "a@x, b@x" {
		t.Errorf("the English list is %q", got)
	}
	if got := in(t, "en").MeterTitle("0414"); access.UnmarkText(got) != got {
		t.Errorf("the English title is %q", got)
	}
}

func TestLanguages(t *testing.T) {
	if texts, known := wordstest.Languages(t).Chosen("xx"); known {
		t.Errorf("there is a language xx: %q", texts.LanguageName())
	}
	for code, want := range map[string]struct {
		direction, name string
		draft           bool
	}{"en": {"ltr", "English", false}, "fr": {"ltr", "Français", true}, "sw": {"ltr", "Kiswahili", true}, "ar": {"rtl", "العربية", true}} {
		if say := in(t, code); say.Direction() != want.direction || say.LanguageName() != want.name || say.Draft() != want.draft {
			t.Errorf("%s is %q, %s, draft %v", code, say.LanguageName(), say.Direction(), say.Draft())
		}
	}
}
