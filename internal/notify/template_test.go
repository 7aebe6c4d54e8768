package notify_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

func tokenOf(t testing.TB, digits string) sts.Token {
	t.Helper()
	token, result := sts.ParseToken(digits)
	if result != sts.Accept {
		t.Fatalf("%q is no token: %v", digits, result)
	}
	return token
}

// longest returns arguments with every name and figure at its greatest length.
func longest(currency string) notify.Args {
	return notify.Args{
		Meter: "0414000100123", Test: true, Utility: "Compañía Rural de Electrificação do Ñorte, Lda.", Contact: "Bureau 17, +258 84 000 0000.",
		Currency: currency, Amount: money.MaxMinor, Settled: -money.MaxMinor, Balance: -money.MaxMinor,
		Units: unit.MaxToken, Left: -99_999_999, Used: 99_999_999, Mean: 99_999_999, Day: 99_999_999, Today: 99_999_999,
		At: time.Date(2026, 11, 20, 23, 59, 0, 0, time.UTC), Step: 15, Of: 16, Press: true,
		Meters: []string{"0414000100123", "0414000100124", "0414000100125", "0414000100126"}, More: 995, Word: "MATUMIZI", SIM: "+255700000000123", Serial: "1234567-10000",
		Page: "https://" + strings.Repeat("p", notify.MaxPage-8),
	}
}

// TestEveryTextIsOneShortMessage renders every template in every language with the longest names and figures.
func TestEveryTextIsOneShortMessage(t *testing.T) {
	token := tokenOf(t, "12345678901234567890")
	for _, l := range notify.Languages() {
		for _, p := range notify.Purposes() {
			for _, currency := range []string{"UGX", "KES", "TND", "UYW"} {
				a := longest(currency)
				if currency == "UYW" && p == notify.PurposeCutSoon { // "soon" is longer than a time in some languages
					a.At = time.Time{}
				}
				r, err := notify.Render(l, p, a, token)
				if err != nil {
					t.Errorf("%s %s: %v", l, p, err)
					continue
				}
				text := r.Reveal()
				if size := pdu.Measure(text); size.Alphabet != pdu.GSM7 || size.Units > 160 || size.Parts != 1 || r.Parts() != 1 {
					t.Errorf("%s %s takes %+v, want one part of GSM-7: %q", l, p, size, text)
				}
				if strings.ContainsAny(text, "{}?") && p != notify.PurposeChoose && p != notify.PurposeVoucherMeter {
					t.Errorf("%s %s: something was not written: %q", l, p, text)
				}
				if !strings.HasPrefix(text, "TEST ") {
					t.Errorf("%s %s of a simulated meter is not marked: %q", l, p, text)
				}
			}
		}
	}
}

func TestATokenStandsWithinTheFirst40Characters(t *testing.T) {
	const digits = "00010203040506070809"
	for _, l := range notify.Languages() {
		for _, p := range notify.Purposes() {
			r, err := notify.Render(l, p, longest("KES"), tokenOf(t, digits))
			if err != nil {
				t.Fatal(err)
			}
			at := strings.Index(r.Reveal(), "0001 0203 0405 0607 0809")
			switch {
			case !p.NeedsToken() && (at >= 0 || strings.Contains(strings.ReplaceAll(r.Reveal(), " ", ""), digits)):
				t.Errorf("%s %s shows a token that it should not have: %q", l, p, r.Reveal())
			case p.NeedsToken() && (at < 0 || at+24 > 40):
				t.Errorf("%s %s: the token is at %d, want it within 40 characters: %q", l, p, at, r.Reveal())
			}
		}
	}
}

// TestFiguresAreNeverCut checks that each figure of the English text appears uncut in the text of every language.
func TestFiguresAreNeverCut(t *testing.T) {
	a := longest("KES")
	a.Balance, a.Settled = -92_233_720_36853, 81_111_111_11111
	a.Used, a.Mean, a.Day, a.Left, a.Today = 91_234_567, 81_234_567, 71_234_567, -61_234_567, 51_234_567
	figures := []string{"0414000100123", "KES 92233720368.54", "KES -92233720368.53", "KES 81111111111.11", "1638.3", "91234.5", "81234.5", "71234.5", "-61234.5", "51234.5",
		"20.11 23:59", "+255700000000123", "0414000100126", "995"}
	for _, p := range notify.Purposes() {
		english, err := notify.Render(notify.English, p, a, tokenOf(t, "12345678901234567890"))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range notify.Languages()[1:] {
			other, err := notify.Render(l, p, a, tokenOf(t, "12345678901234567890"))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range figures {
				if strings.Contains(english.Reveal(), f) != strings.Contains(other.Reveal(), f) {
					t.Errorf("%s is not the same in English and %s:\n%q\n%q", f, l, english.Reveal(), other.Reveal())
				}
			}
		}
	}
}

func TestWhatATokenMessageSays(t *testing.T) {
	a := notify.Args{Meter: "04140001001", Utility: "Umeme Mashinani", Currency: "KES", Amount: 10_000, Units: 34_799}
	for _, c := range []struct {
		l    notify.Language
		test bool
		want string
	}{
		{notify.English, false, "1234 5678 9012 3456 7890 = 34.7 kWh, KES 100.00, meter 04140001001. Type the 20 digits on the meter, then #. Umeme Mashinani"},
		{notify.French, true, "TEST 1234 5678 9012 3456 7890 = 34.7 kWh, KES 100.00, compteur 04140001001. Tapez les 20 chiffres au compteur, puis #. Umeme Mashinani"},
		{notify.Swahili, false, "1234 5678 9012 3456 7890 = kWh 34.7, KES 100.00, mita 04140001001. Andika tarakimu 20 kwenye mita, kisha #. Umeme Mashinani"},
		{notify.Spanish, false, "1234 5678 9012 3456 7890 = 34.7 kWh, KES 100.00, medidor 04140001001. Escriba los 20 digitos en el medidor y #. Umeme Mashinani"},
		{notify.Portuguese, false, "1234 5678 9012 3456 7890 = 34.7 kWh, KES 100.00, contador 04140001001. Digite os 20 digitos no contador e #. Umeme Mashinani"},
		{notify.Hausa, false, "1234 5678 9012 3456 7890 = 34.7 kWh, KES 100.00, mita 04140001001. Rubuta lambobi 20 a mita, sannan #. Umeme Mashinani"},
	} {
		a.Test = c.test
		r, err := notify.Render(c.l, notify.PurposeToken, a, tokenOf(t, "12345678901234567890"))
		if err != nil || r.Reveal() != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.l, r.Reveal(), err, c.want)
		}
	}
}

func TestOptionalPieces(t *testing.T) {
	at := time.Date(2026, 11, 20, 14, 5, 0, 0, time.FixedZone("EAT", 3*3600))
	for _, c := range []struct {
		p    notify.Purpose
		a    notify.Args
		want string
	}{
		{notify.PurposeRecharge, notify.Args{Meter: "04140001001", Currency: "UGX", Amount: 5000, Balance: 5120, Press: true}, "Received UGX 5000 for meter 04140001001. Balance UGX 5120. Press # on the meter to switch on."},
		{notify.PurposeRecharge, notify.Args{Meter: "04140001001", Currency: "TND", Amount: 5000, Balance: -5}, "Received TND 5.000 for meter 04140001001. Balance TND -0.005."},
		{notify.PurposeCutSoon, notify.Args{Meter: "04140001001", Currency: "KES"}, "Meter 04140001001: no credit is left, balance KES 0.00. The supply goes off soon. Pay now to keep it."},
		{notify.PurposeCutSoon, notify.Args{Meter: "04140001001", Currency: "KES", At: at}, "Meter 04140001001: no credit is left, balance KES 0.00. The supply goes off at 20.11 14:05. Pay now to keep it."},
		{notify.PurposeChoose, notify.Args{Word: "BAL", Meters: []string{"04140001001", "04140002009"}, More: 3}, "Which meter? Send BAL and its number, or BAL 1, BAL 2...: 1=04140001001, 2=04140002009 and 3 more"},
		{notify.PurposeNotHere, notify.Args{}, "This is not the meter: no token was loaded. Type the 20 digits on the meter, then #."},
		{notify.PurposeNotHere, notify.Args{SIM: "+255700000200"}, "This is not the meter: no token was loaded. Type the 20 digits on the meter, then #, or send *02# and the digits to +255700000200."},
		{notify.PurposeBalance, notify.Args{Meter: "04140001001", Left: 42_899, At: at}, "Meter 04140001001: 42.8 kWh left at 20.11 14:05. See the meter's display for a newer figure."},
		{notify.PurposePublic, notify.Args{Utility: "Compañía Eléctrica «Łódź»", Contact: "+254 20 000 0000"}, "This number serves customers of Compania Electrica. from their registered phones. Help: +254 20 000 0000"},
		{notify.PurposeLastReversed, notify.Args{Meter: "1", Contact: "Customer service centre, +258 84 000 0000 (24 h)"}, "The last purchase for meter 1 was reversed. Its token is not valid and is not sent again. Help: +258 84 000 0000"},
		{notify.PurposeLastReversed, notify.Args{Meter: "1", Contact: "Customer service at the main office"}, "The last purchase for meter 1 was reversed. Its token is not valid and is not sent again. Help: Customer service at the mai."},
	} {
		r, err := notify.Render(notify.English, c.p, c.a, sts.Token{})
		if err != nil || r.Reveal() != c.want {
			t.Errorf("%s of %+v:\n got %q, %v\nwant %q", c.p, c.a, r.Reveal(), err, c.want)
		}
	}
}

func TestWhatCannotBeWrittenIsAnError(t *testing.T) {
	token := tokenOf(t, "12345678901234567890")
	for name, c := range map[string]struct {
		p     notify.Purpose
		a     notify.Args
		token sts.Token
	}{
		"a purpose without template": {"no-such", notify.Args{Currency: "KES"}, token},
		"an unknown currency":        {notify.PurposeToken, notify.Args{Currency: "XXX"}, token},
		"a token message without":    {notify.PurposeToken, notify.Args{Currency: "KES"}, sts.Token{}},
	} {
		if r, err := notify.Render(notify.English, c.p, c.a, c.token); err == nil || r.Reveal() != "" {
			t.Errorf("%s: got %q, %v, want an error", name, r.Reveal(), err)
		}
	}
}

func TestARenderedTextHasNoPrintableForm(t *testing.T) {
	r, err := notify.Render(notify.English, notify.PurposeToken, notify.Args{Currency: "KES"}, tokenOf(t, "12345678901234567890"))
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprint(r), fmt.Sprintf("%#v", r), fmt.Sprintf("%s %q %x %d", r, r, r, r), string(asJSON)} {
		if strings.Contains(s, "1234") || strings.Contains(s, "7890") {
			t.Errorf("a rendered message prints its token: %q", s)
		}
	}
}

func TestArgumentsGoThroughTheirRow(t *testing.T) {
	want := longest("KES")
	row, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got notify.Args
	if err := json.Unmarshal(row, &got); err != nil {
		t.Fatal(err)
	}
	a, _ := notify.Render(notify.Swahili, notify.PurposeCutSoon, want, sts.Token{})
	b, _ := notify.Render(notify.Swahili, notify.PurposeCutSoon, got, sts.Token{})
	if a.Reveal() != b.Reveal() || a.Reveal() == "" {
		t.Errorf("a message changes with its row: %q, then %q", a.Reveal(), b.Reveal())
	}
}

func TestLanguageOfACustomer(t *testing.T) {
	for tag, want := range map[string]notify.Language{"en": notify.English, "FR": notify.French, "sw-KE": notify.Swahili, "pt_MZ": notify.Portuguese, " es-419 ": notify.Spanish, "ha-NG": notify.Hausa} {
		if got, known := notify.LanguageOf(tag); got != want || !known {
			t.Errorf("LanguageOf(%q) = %s, %v, want %s", tag, got, known, want)
		}
	}
	for _, tag := range []string{"", "yo", "e", "english", "hausa"} {
		if got, known := notify.LanguageOf(tag); got != notify.English || known {
			t.Errorf("LanguageOf(%q) = %s, %v, want English and that it is not known", tag, got, known)
		}
	}
}

// TestDraftsAreMarked: a text that no good speaker of its language has read is marked as a draft. If you take a language out of
// the drafts, change this test too, and name the reader in the commit.
func TestDraftsAreMarked(t *testing.T) {
	if got, want := notify.LanguageChoices(), "en; drafts that no native speaker has read: fr, sw, es, pt, ha"; got != want {
		t.Errorf("the languages to choose from are %q, want %q", got, want)
	}
	for l, want := range map[notify.Language]string{notify.English: "English (en)", notify.Hausa: "Hausa (ha), draft", notify.French: "French (fr), draft"} {
		if got := l.Label(); got != want {
			t.Errorf("%s is called %q, want %q", l, got, want)
		}
	}
	page, err := os.ReadFile("../../docs/reference/sms-texts.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range notify.Languages() {
		if !strings.Contains(string(page), "| "+l.Label()+" |") {
			t.Errorf("the reference page does not show %q", l.Label())
		}
	}
}

// TestAHiddenFigureIsInNoNotice writes every notice in every language for a number that was just changed.
func TestAHiddenFigureIsInNoNotice(t *testing.T) {
	for _, l := range notify.Languages() {
		for _, p := range []notify.Purpose{notify.PurposeRecharge, notify.PurposeLow1, notify.PurposeLow2, notify.PurposeCutSoon, notify.PurposeCutOff,
			notify.PurposeRestored, notify.PurposeReversal, notify.PurposeReversalMoney, notify.PurposePaymentBack} {
			a := notify.Args{Meter: "M", Currency: "KES", Amount: 1234567, Balance: -7654321, Settled: 4455667, Units: 98_700, Hidden: true}
			r, err := notify.Render(l, p, a, sts.Token{})
			if err != nil || strings.ContainsAny(r.Reveal(), "0123456789") && p != notify.PurposeReversal || strings.Contains(r.Reveal(), "KES") || !strings.Contains(r.Reveal(), "***") {
				t.Errorf("%s %s: %q, %v", l, p, r.Reveal(), err)
			}
		}
	}
}
