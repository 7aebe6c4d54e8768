package diagnosis_test

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/catalogue"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/diagnosistext"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/internal/words/wordstest"
	"github.com/paywatt/paywatt/sts"
)

// question is a question about a token, with what the store and the key store know.
type question struct {
	by            access.Actor // the owner if it is not given
	digits, meter string       // typed and number if they are not given
	memory        memory
}

// noonOf is the time of the questions.
func noonOf(year int) time.Time { return time.Date(year, 11, 20, 12, 0, 0, 0, time.UTC) }

// everyFinding asks questions and explains tokens without a server, until each finding of the catalogue has been made.
func everyFinding(t *testing.T) (out []diagnosis.Finding) {
	t.Helper()
	for _, q := range slices.Concat(questionsOfAnybody(), questionsAboutSales(), questionsAboutKeys(t), questionsWithSlips()) {
		if q.by.Role == "" {
			q.by = actor(access.Owner)
		}
		q.digits = cmp.Or(q.digits, typed)
		if q.memory.now.IsZero() {
			q.memory.now = noonOf(2026)
		}
		d := ask(t, q.memory.doctor(), q.by, q.digits, q.meter)
		if d.Refused() || len(d.Findings) == 0 {
			t.Errorf("%s, asked for meter %q, has no finding: %s", q.digits, q.meter, d.Detail())
		}
		out = append(out, d.Findings...)
	}
	return append(out, offlineFindings()...)
}

// forms are numbers that have a form of their own in Arabic, and one that has not.
func forms() []int { return []int{1, 2, 5, 11, 100} }

// questionsOfAnybody need no knowledge of a key.
func questionsOfAnybody() []question {
	vendor := actor(access.VendorAPI)
	vendor.Vendor = id.ID{7}
	return []question{
		{digits: "2371610050118319419"},  // 19 digits
		{digits: "99999999999999999999"}, // too large for a token
		{digits: "56493153725450313471"}, // all tests
		{digits: "18446744073843772416"}, // one test
		{digits: "62276333675187476360"}, // class 3
		{by: vendor},
		{by: vendor, meter: number},
		{},
		{meter: another},
	}
}

// questionsAboutSales are about a token that was sold, in each of its states, and under a key in each of its states.
func questionsAboutSales() (out []question) {
	about := func(s sale.Token, keys ...registry.Key) question {
		s.Meter, s.BaseDate = 1, sts.Base2014
		if len(keys) == 0 {
			keys = []registry.Key{key(nil)}
		}
		for i := range keys {
			keys[i].ID = id.ID{9, byte(i)}
		}
		return question{memory: memory{sold: &s, keys: keys}}
	}
	for _, s := range []sale.Token{
		{State: sale.TokenIssued}, {State: sale.TokenSent}, {State: sale.TokenHeard, Result: metering.ResultHeard}, {State: sale.TokenReversed},
		{State: sale.TokenAccepted, Result: metering.ResultAccept}, {State: sale.TokenAccepted, Result: metering.ResultUsed},
		{State: sale.TokenAccepted, Result: metering.ResultAccept, Class: 2}, {State: sale.TokenAccepted, Result: metering.ResultUsed, Class: 2},
	} {
		out = append(out, about(s))
	}
	for _, result := range []string{"", "crc_error", "old_error", "key_expired_error", "ddtk_error", "range_error", "function_error", "key_type_error", "mfr_code_error", "format_error"} {
		out = append(out, about(sale.Token{State: sale.TokenRejected, Result: result}))
	}
	in := func(s string) registry.Key { return key(func(k *registry.Key) { k.State = s }) }
	issued := sale.Token{State: sale.TokenIssued, TID: 100 << 16}
	forAnother := about(issued)
	forAnother.meter = another
	locked := about(issued)
	locked.memory.reports = []metering.StoredToken{{Result: sts.Locked.String(), At: noonOf(2026), ReceivedAt: noonOf(2026)}}
	ended := about(issued)
	ended.memory.now = sts.Base2014.End().Add(time.Hour)
	return append(out, forAnother, locked, ended, about(issued, in(registry.KeyPast)), about(issued, in(registry.KeyIssued)),
		about(issued, in(registry.KeyCurrent), in(registry.KeyIssued)), about(issued, key(func(k *registry.Key) { k.KEN = 90 })))
}

// questionsAboutKeys are about a token that was not sold here, under a meter's key or under none.
func questionsAboutKeys(t *testing.T) (out []question) {
	t.Helper()
	tid, err := sts.Base2014.TIDAt(noonOf(2026).Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	credit := sts.Opened{Result: sts.Accept, SubClass: sts.CreditElectricity, HasTID: true, TID: tid, Amount: 347}
	management := sts.Opened{Result: sts.Accept, Class: 2, SubClass: sts.ManageClearTamper, HasTID: true, TID: tid}
	nothing := sts.Explanation{Result: sts.CRCError, Key: -1}
	for _, m := range []memory{
		{explained: sts.Explanation{Result: sts.Accept, Opened: credit}},
		{explained: sts.Explanation{Result: sts.Accept, Opened: management}},
		{explained: nothing, opened: []sts.Opened{credit}},
		{explained: nothing},
		{explained: nothing, use: diagnosis.KeysLocked},
		{explained: nothing, use: diagnosis.KeysMissing},
	} {
		m.keys = []registry.Key{key(nil)}
		m.use = cmp.Or(m.use, diagnosis.KeysUsed)
		out = append(out, question{meter: number, memory: m})
	}
	return out
}

// slips are typing errors that open under a key.
func slips(n int, swapped bool) []sts.Fit {
	return slices.Repeat([]sts.Fit{{Slip: sts.Slip{Swapped: swapped}}}, n)
}

// questionsWithSlips are about a token that would fit with one typing error less, in so many ways.
func questionsWithSlips() (out []question) {
	for _, n := range forms() {
		for _, swapped := range []bool{false, true} {
			e := sts.Explanation{Result: sts.CRCError, Key: -1, Fits: slips(n, swapped)}
			out = append(out, question{meter: number, memory: memory{keys: []registry.Key{key(nil)}, use: diagnosis.KeysUsed, explained: e}})
		}
	}
	return out
}

// offlineFindings are those without a server. Only there the typing errors that open under a key are shown.
func offlineFindings() (out []diagnosis.Finding) {
	unread := sts.Explanation{Result: sts.CRCError, Key: -1, Tried: 199}
	read := sts.Explanation{Result: sts.Accept, Opened: sts.Opened{Result: sts.Accept, HasTID: true, TID: 100 << 16}}
	old := diagnosis.Local{HasKey: true, KT: sts.DDTK, KEN: 90, BaseDate: sts.Base2014, Now: sts.Base2014.End().Add(time.Hour)}
	out = slices.Concat(diagnosis.Offline(unread, diagnosis.Local{}), diagnosis.Offline(unread, diagnosis.Local{HasKey: true}), diagnosis.Offline(read, old))
	for _, n := range forms() {
		for _, swapped := range []bool{false, true} {
			out = append(out, diagnosis.Offline(sts.Explanation{Result: sts.CRCError, Key: -1, Fits: slips(n, swapped)}, diagnosis.Local{HasKey: true})...)
		}
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
	for _, f := range everyFinding(t) {
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
