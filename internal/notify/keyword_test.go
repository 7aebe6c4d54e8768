package notify_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/notify"
)

func TestKeywordsAreForgiven(t *testing.T) {
	for _, c := range []struct {
		text   string
		word   notify.Word
		number string
	}{
		{"BAL", notify.WordBalance, ""}, {"bal", notify.WordBalance, ""}, {"bal.", notify.WordBalance, ""}, {"  Bal ,", notify.WordBalance, ""},
		{"\"BAL\"", notify.WordBalance, ""}, {"“Bal”", notify.WordBalance, ""}, {"«bal»", notify.WordBalance, ""}, {"ＢＡＬ", notify.WordBalance, ""},
		{"BAL 04140001001", notify.WordBalance, "04140001001"}, {"bal04140001001", notify.WordBalance, "04140001001"},
		{"BAL 0414-0001-001", notify.WordBalance, "04140001001"}, {"BAL\u00a00414\u00a00001\u202f001.", notify.WordBalance, "04140001001"},
		{"bal ٠٤١٤٠٠٠١٠٠١", notify.WordBalance, "04140001001"}, {"bal ०४१४०००१००१", notify.WordBalance, "04140001001"}, {"BAL\n2", notify.WordBalance, "2"},
		{"\u200fBAL\u200e 1\ufeff", notify.WordBalance, "1"}, {"BAL ２", notify.WordBalance, "2"}, {"bal#1", notify.WordBalance, "1"},
		{"please send my balance", notify.WordBalance, ""}, {"04140001001", notify.WordBalance, "04140001001"},
		{"Last", notify.WordLast, ""}, {"LAST TOKEN 2", notify.WordLast, "2"}, {"resend", notify.WordLast, ""},
		{"use", notify.WordUsage, ""}, {"USAGE?", notify.WordUsage, ""}, {"HELP!", notify.WordHelp, ""}, {"?", notify.WordHelp, ""}, {"¿?", notify.WordNone, ""},
		{"stop", notify.WordStop, ""}, {"STOP.", notify.WordStop, ""}, {"Stop sending me warnings", notify.WordStop, ""}, {"START", notify.WordStart, ""},
		{"*01#", notify.WordBalance, ""}, {"* 0 4 #", notify.WordLast, ""}, {"*05#", notify.WordUsage, ""}, {"＊０１＃", notify.WordBalance, ""},
		{"*02#12345678901234567890", notify.WordNotHere, ""}, {"*02#", notify.WordNotHere, ""}, {"'*02#7134-0092", notify.WordNotHere, ""}, {"*03#", notify.WordNotHere, ""},
		{"1234 5678 9012 3456 7890", notify.WordNotHere, ""}, {"token 1234-5678-9012-3456-7890", notify.WordNotHere, ""},
		{"١٢٣٤ ٥٦٧٨ ٩٠١٢ ٣٤٥٦ ٧٨٩٠", notify.WordNotHere, ""}, {"bal 123456789012345678", notify.WordNotHere, ""},
		{"", notify.WordNone, ""}, {"   ", notify.WordNone, ""}, {"hello", notify.WordNone, ""}, {"1", notify.WordNone, ""}, {"ok thanks", notify.WordNone, ""},
		{"do not stop", notify.WordNone, ""}, {"stop balance", notify.WordNone, ""}, {"start stop", notify.WordNone, ""}, {"balance stop", notify.WordNone, ""},
		{"the lights went off and there is no balance", notify.WordNone, ""}, {strings.Repeat("bal ", 200), notify.WordNone, ""},
	} {
		if got := notify.ParseKeyword(c.text); got.Word != c.word || got.Number != c.number {
			t.Errorf("%q is word %d (%s) with number %q, want %d (%s) with %q", c.text, got.Word, got.Word, got.Number, c.word, c.word, c.number)
		}
	}
}

func TestWordsOfSixLanguages(t *testing.T) {
	for _, c := range []struct {
		text  string
		word  notify.Word
		l     notify.Language
		known bool
	}{
		{"Solde", notify.WordBalance, notify.French, true}, {"Dernier code", notify.WordLast, notify.French, true}, {"arrêt", notify.WordStop, notify.French, true}, {"AIDE", notify.WordHelp, notify.French, true},
		{"salio", notify.WordBalance, notify.Swahili, true}, {"matumizi 2", notify.WordUsage, notify.Swahili, true}, {"Msaada tafadhali", notify.WordHelp, notify.Swahili, true}, {"ACHA", notify.WordStop, notify.Swahili, true},
		{"ayuda", notify.WordHelp, notify.Spanish, true}, {"ficha", notify.WordLast, notify.Spanish, true}, {"AJUDA", notify.WordHelp, notify.Portuguese, true},
		{"Saura", notify.WordBalance, notify.Hausa, true}, {"amfani 2", notify.WordUsage, notify.Hausa, true}, {"Ƙarshe", notify.WordLast, notify.Hausa, true}, {"taimako", notify.WordHelp, notify.Hausa, true}, {"DAINA", notify.WordStop, notify.Hausa, true},
		{"último código", notify.WordLast, notify.Spanish, false}, {"SALDO", notify.WordBalance, notify.Spanish, false}, {"Crédit", notify.WordBalance, notify.English, false}, {"STOP", notify.WordStop, notify.English, false},
	} {
		got := notify.ParseKeyword(c.text)
		if got.Word != c.word || got.HasLanguage != c.known || c.known && got.Language != c.l {
			t.Errorf("%q is %s in %s (%v), want %s in %s (%v)", c.text, got.Word, got.Language, got.HasLanguage, c.word, c.l, c.known)
		}
	}
}

// TestTextsNameWordsThatWork sends every word that a text names as a keyword. The word must be understood.
func TestTextsNameWordsThatWork(t *testing.T) {
	for _, l := range notify.Languages() {
		for w := notify.WordBalance; w < notify.WordNotHere; w++ {
			if got := notify.ParseKeyword(w.In(l)); got.Word != w {
				t.Errorf("%s names %q, which is understood as %q", l, w.In(l), got.Word)
			}
		}
		a := notify.Args{Utility: "Umeme"}
		for _, p := range []notify.Purpose{notify.PurposeHelp, notify.PurposeUnknown} {
			r, err := notify.Render(l, p, a, tokenOf(t, "00000000000000000001"))
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range []notify.Word{notify.WordBalance, notify.WordLast, notify.WordUsage} {
				if !strings.Contains(r.Reveal(), w.In(l)) {
					t.Errorf("%s %s does not name %s: %q", l, p, w.In(l), r.Reveal())
				}
			}
		}
	}
}

func TestTokensAreMasked(t *testing.T) {
	for text, want := range map[string]string{
		"*02#12345678901234567890":                      "***#********************",
		"1234 5678 9012 3456 7890":                      "**** **** **** **** ****",
		"token: 1234-5678-9012-3456-7890 ok":            "token: ****-****-****-****-**** ok",
		"BAL 04140001001":                               "BAL 04140001001",
		"١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨٩٠":                          "********************",
		"Recharge OK. 34.7 kWh added. Balance 42.8 kWh": "Recharge OK. 34.7 kWh added. Balance 42.8 kWh",
		"+254700000001 / 04140001001":                   "+************ / ***********",
	} {
		if got := notify.MaskTokens(text); got != want {
			t.Errorf("MaskTokens(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzParseKeyword(f *testing.F) {
	for _, s := range []string{"BAL", "bal 04140001001", "*02#12345678901234567890", "1234 5678 9012 3456 7890", "“último” ٢", "STOP", "\xff\xfe*0١#", "ＳＴＯＰ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k := notify.ParseKeyword(text)
		if len(k.Number) >= notify.TokenLike || strings.Trim(k.Number, "0123456789") != "" {
			t.Errorf("%q brings the number %q", text, k.Number)
		}
		if k.Word > notify.WordNotHere || k.Word == notify.WordNone && k != (notify.Keyword{}) {
			t.Errorf("%q is %+v", text, k)
		}
		masked := notify.MaskTokens(text)
		if again := notify.MaskTokens(masked); again != masked {
			t.Errorf("%q is masked to %q, and that to %q", text, masked, again)
		}
		if k2 := notify.ParseKeyword(masked); k.Word != notify.WordNotHere && k2.Word == notify.WordNotHere && masked == text {
			t.Errorf("%q is understood in two ways", text)
		}
	})
}
