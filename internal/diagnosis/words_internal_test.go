package diagnosis

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/catalogue"
	"github.com/paywatt/paywatt/internal/diagnosistext"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/internal/words/wordstest"
	"github.com/paywatt/paywatt/sts"
)

// everyFinding makes each finding of the catalogue.
func everyFinding() []Finding {
	fits, registered := registry.Key{SGC: "123456", KRN: 1, KT: 2, TI: "07", BaseDate: sts.Base2014}, registry.Key{SGC: "654321", KRN: 3, KT: 2, TI: "01", BaseDate: sts.Base2035}
	out := []Finding{noToken(19), noToken(sts.TokenDigits), testToken(nil), testToken([]string{"a", "b"}), noMeaning(), ready("71", false), ready("71", true),
		used("71", "", 0), used("71", "used_error", 0), used("71", "", 2), used("71", "used_error", 2), heard("71"), reversed("71"), otherMeter("71", "72"),
		notYours(""), notYours("71"), notSold("71", 0), notSold("71", 2), otherKey("71", fits, registered), fitsNothing("71", 199), noMeterGiven(),
		superseded("71", fits), beforeKeyChange("71"), afterKeyChange("71"), expired("71", fits), baseDateOver("71", sts.Base2014),
		lockedOutSince("71", time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)), keystoreLocked(), keyMissing(fits), noKeys("71"),
		NoMeterGiven.says(diagnosistext.OfflineNoKey()), FitsNothing.says(diagnosistext.OfflineFitsNothing(199)), Fits.says(diagnosistext.OfflineFits()),
		Expired.says(diagnosistext.OfflineExpired(90)), DefaultKey.says(diagnosistext.OfflineDefaultKey()), BaseDateOver.says(diagnosistext.OfflineBaseDateOver("2014", "2045-11-24"))}
	for _, result := range []string{"", "crc_error", "old_error", "key_expired_error", "ddtk_error", "range_error", "function_error", "key_type_error", "mfr_code_error", "format_error"} {
		out = append(out, rejected("71", result))
	}
	for _, n := range []int{1, 2, 5, 11, 100} { // each has a form of its own in Arabic
		out = append(out, mistypedDigit(n, false), mistypedDigit(n, true), swappedDigits(n, false), swappedDigits(n, true))
	}
	return out
}

// TestEveryFindingIsSaidInEveryLanguage: each text of the catalogue belongs to a finding, and pages say it in the reader's language with its
// places filled.
func TestEveryFindingIsSaidInEveryLanguage(t *testing.T) {
	files, all := map[string]catalogue.File{}, wordstest.Languages(t).All()
	for _, in := range all {
		f, err := catalogue.Read(in.Code(), "diagnosis")
		if err != nil {
			t.Fatal(err)
		}
		files[in.Code()] = f
	}
	seen := map[string]bool{}
	for _, f := range everyFinding() {
		for _, s := range []*diagnosistext.Text{f.Text, f.Do} {
			seen[s.Name] = true
			for _, in := range all {
				want, got := filled(t, in, files[in.Code()], s), bare(in.Diagnosed(s))
				if got != want || strings.ContainsAny(got, "{}") || (got == s.English) != (in == all[0]) {
					t.Errorf("%s: %s is %q, want %q", in.Code(), s.Name, got, want)
				}
			}
		}
	}
	for _, s := range files[catalogue.English].Sections {
		for _, text := range s.Texts {
			if s.Name != "shared" && s.Name != "piece" && !seen[s.Name+"."+text.Name] {
				t.Errorf("no finding says %s.%s", s.Name, text.Name)
			}
		}
	}
}

// filled fills the places of a text as the file of a language has it.
func filled(t *testing.T, in *words.Texts, f catalogue.File, s *diagnosistext.Text) string {
	t.Helper()
	section, name, _ := strings.Cut(s.Name, ".")
	text, found := f.Section(section).Text(name)
	if !found {
		t.Errorf("%s lacks %s", in.Code(), s.Name)
	}
	say := text.Say
	for _, a := range s.Args {
		value := a.Value
		switch of := a.Of.(type) {
		case *diagnosistext.Text:
			value = filled(t, in, f, of)
		case int:
			say = formFor(text, in.Code(), of)
			value = strconv.Itoa(of)
		}
		say = strings.ReplaceAll(say, "{"+a.Place+"}", value)
	}
	return say
}

// formFor returns the form of a text for a number.
func formFor(text catalogue.Text, code string, n int) string {
	arabic := code == "ar"
	switch {
	case n == 1:
		return text.One
	case arabic && n == 2:
		return text.Two
	case arabic && n == 5:
		return text.Few
	case arabic && n == 11:
		return text.Many
	}
	return text.Say
}

// bare removes the marks of direction.
func bare(text string) string {
	return strings.NewReplacer("\u2066", "", "\u2068", "", "\u2069", "").Replace(text)
}
