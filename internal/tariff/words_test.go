package tariff_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/tariff"
)

func TestDaysAreNamedInRuns(t *testing.T) {
	const mon, tue, wed, sat, sun, feast = 1 << tariff.Monday, 1 << tariff.Tuesday, 1 << tariff.Wednesday, 1 << tariff.Saturday, 1 << tariff.Sunday, 1 << tariff.Feast
	for days, want := range map[tariff.DaySet]string{0: "", mon: "mon", mon | tue: "mon-tue", mon | wed: "mon, wed", mon | tue | wed | sat | sun: "mon-wed, sat-sun",
		sun: "sun", feast: "holiday", sun | feast: "sun, holiday", 127: "mon-sun", 255: "mon-sun, holiday", tue | wed | sun: "tue-wed, sun"} {
		var runs []string
		for _, r := range days.Runs() {
			runs = append(runs, strings.TrimSuffix(r[0].String()+"-"+r[1].String(), "-"+r[0].String()))
		}
		if got := strings.Join(runs, ", "); got != want {
			t.Errorf("days %08b = %q, want %q", days, got, want)
		}
		for d := tariff.Monday; d <= tariff.Feast; d++ {
			if got, want := days.Has(d), strings.Contains(" "+bits(days)+" ", " "+d.String()+" "); got != want {
				t.Errorf("%s in %q: %t, want %t", d, bits(days), got, want)
			}
		}
	}
}

// bits names the days of a set one by one.
func bits(s tariff.DaySet) string {
	var names []string
	for i, name := range strings.Fields("mon tue wed thu fri sat sun holiday") {
		if s>>i&1 == 1 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func TestSharesAreSaidInPercent(t *testing.T) {
	got := map[string]string{"0 %": tariff.PercentText(0), "0.01 %": tariff.PercentText(1), "0.1 %": tariff.PercentText(10), "1 %": tariff.PercentText(100),
		"7.5 %": tariff.PercentText(750), "10 %": tariff.PercentText(1000), "15.05 %": tariff.PercentText(1505), "100 %": tariff.PercentText(10_000)}
	for want, text := range got {
		if text != want {
			t.Errorf("%q, want %q", text, want)
		}
	}
}

// TestADayBeforeAnother compares days in the same month and in different months.
func TestADayBeforeAnother(t *testing.T) {
	day := func(m time.Month, d int) tariff.MonthDay { return tariff.MonthDay{Month: m, Day: d} }
	for _, c := range []struct {
		a, b tariff.MonthDay
		want bool
	}{{day(3, 1), day(3, 2), true}, {day(3, 2), day(3, 2), false}, {day(3, 2), day(3, 1), false}, {day(2, 28), day(3, 1), true}, {day(3, 1), day(2, 28), false}} {
		if got := c.a.Before(c.b); got != c.want {
			t.Errorf("%v before %v: %t, want %t", c.a, c.b, got, c.want)
		}
	}
}

// TestDocumentsAreWrittenInFull checks the text of a tariff in the database.
func TestDocumentsAreWrittenInFull(t *testing.T) {
	filled := strings.NewReplacer(`{"date":"2026-12-25"}`, `{"date":"2026-12-25","as":"holiday"}`, `{"rate_micro":2}`, `{"up_to_wh":null,"rate_micro":2}`)
	counts := `{"currency":"KES","vat_bps":0,"flat_micro":1,"free_units":{"units_wh":100,"counts_in_blocks":true}}`
	for text, want := range map[string]string{
		whole: whole, wallet: filled.Replace(wallet), counts: counts,
		strings.Replace(counts, `,"counts_in_blocks":true`, "", 1):                   counts,
		`{"currency":"KES","vat_bps":0,"blocks":[{"up_to_wh":null,"rate_micro":5}]}`: `{"currency":"KES","vat_bps":0,"flat_micro":5}`,
		`{"currency":"KES","vat_bps":0,"plan":{"amount_minor":1,"units_wh":100}}`:    `{"currency":"KES","vat_bps":0,"flat_micro":100000,"plan_wh":100}`,
	} {
		b, no := tariff.Parse([]byte(text))
		kept, err := tariff.Encode(b)
		if no.Refused() || err != nil || string(kept) != want {
			t.Errorf("%s is kept as\n%s (%s, %v), want\n%s", text, kept, no.Detail(), err, want)
		}
	}
}

func TestUnreadableDocumentsSayWhatIsWrong(t *testing.T) {
	const flat = `{"currency":"KES","vat_bps":0,"flat_micro":1`
	const tou = `{"currency":"KES","vat_bps":0,"tou":{"rates":[{"name":"day","rate_micro":1}],"otherwise":"day","windows":[`
	const window = "tou.windows[0] has a day or a time that is not known."
	for text, what := range map[string]string{
		``:                                     "The tariff cannot be read: EOF.",
		`{`:                                    "The tariff cannot be read: unexpected EOF.",
		flat + `}{`:                            "There is more than one JSON document.",
		flat + `,"surprise":1}`:                `The tariff cannot be read: json: unknown field "surprise".`,
		`{"currency":"KES","vat_bps":0}`:       "0 of the fields flat_micro, blocks, tou are given.",
		flat + `,"blocks":[{"rate_micro":1}]}`: "2 of the fields flat_micro, blocks, tou are given.",
		flat + `,"seasons":[{"name":"a","from":"01-01","flat_micro":1}]}`:                                                                 "The tariff has seasons and a price outside them.",
		`{"currency":"KES","vat_bps":0,"seasons":[{"name":"a","from":"01-01"}]}`:                                                          "0 of the fields seasons[0].flat_micro, seasons[0].blocks, seasons[0].tou are given.",
		`{"currency":"KES","vat_bps":0,"seasons":[{"name":"a","from":"1-01","flat_micro":1},{"name":"b","from":"02-01","flat_micro":1}]}`: "seasons[0].from must be a day that every year has.",
		`{"currency":"KES","vat_bps":0,"blocks":[{"up_to_wh":100,"rate_micro":1},{"up_to_wh":0,"rate_micro":1}]}`:                         "blocks[1].up_to_wh is 0. A limit must be above the one before it, a multiple of 100 and at most 1000000000000.",
		`{"currency":"KES","vat_bps":0,"blocks":[{"up_to_wh":-100,"rate_micro":1},{"up_to_wh":1,"rate_micro":1}]}`:                        "blocks[0].up_to_wh is -100. A limit must be above the one before it, a multiple of 100 and at most 1000000000000.",
		tou + `{"days":["mon"],"from":"06:00","to":"7:00","rate":"day"}]}}`:                                                               window,
		tou + `{"days":["mon"],"from":"06:0","to":"07:00","rate":"day"}]}}`:                                                               window,
		tou + `{"days":["mon","feast"],"from":"06:00","to":"07:00","rate":"day"}]}}`:                                                      window,
		tou + `{"days":["feast","mon"],"from":"06:00","to":"07:00","rate":"day"}]}}`:                                                      window,
		tou + `{"days":["mon","mon"],"from":"06:00","to":"07:00","rate":"day"}]}}`:                                                        window,
		tou + `],"holidays":[{"date":"2026-12-25","as":"feast"}]}}`:                                                                       "tou.holidays[0].as is not one of the known days.",
		`{"currency":"kes","vat_bps":0,"plan":{"amount_minor":1,"units_wh":100}}`:                                                         `"kes" is not an ISO 4217 currency code.`,
	} {
		b, no := tariff.Parse([]byte(text))
		if no.Code != refusal.TariffInvalid || no.What != what || no.Not == "" || no.Try == "" || !reflect.DeepEqual(b, tariff.Body{}) {
			t.Errorf("%s is read as %+v with %q, want nothing and %q", text, b, no.What, what)
		}
		if b, err := tariff.Decode([]byte(text)); err == nil || err.Error() != "read tariff: "+what || !reflect.DeepEqual(b, tariff.Body{}) {
			t.Errorf("%s was kept and is read as %+v with %v, want nothing and %q", text, b, err, what)
		}
	}
}
