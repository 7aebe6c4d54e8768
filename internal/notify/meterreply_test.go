package notify_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// kept is a meter's history of tokens.
type kept []panel.TokenRow

func (kept) Cleared() unit.Energy           { return 0 }
func (kept) Day(int) (panel.UseRow, bool)   { return panel.UseRow{}, false }
func (kept) Month(int) (panel.UseRow, bool) { return panel.UseRow{}, false }
func (kept) CardMonths() (int, bool)        { return 0, true }
func (kept) CardMonth(int) panel.CardRow    { return panel.CardRow{} }

func (k kept) Token(n int) (panel.TokenRow, bool) {
	if n >= len(k) {
		return panel.TokenRow{}, false
	}
	return k[n], true
}

func TestTheAnswersOfMetersAreRead(t *testing.T) {
	for text, want := range map[string]notify.MeterReply{
		"Recharge OK. 34.7 kWh added. Balance 42.8 kWh":           {Kind: notify.ReplyAccepted, Units: 34_700, Balance: 42_800, HasBalance: true},
		"Recharge OK. 34.7 kWh added.":                            {Kind: notify.ReplyAccepted, Units: 34_700},
		"this recharge card has been used! Balance 42.8 kWh":      {Kind: notify.ReplyUsed, Balance: 42_800, HasBalance: true},
		"this recharge card has been used!":                       {Kind: notify.ReplyUsed},
		"Token rejected. Balance -0.5 kWh":                        {Kind: notify.ReplyRejected, Balance: -500, HasBalance: true},
		"Token rejected.":                                         {Kind: notify.ReplyRejected},
		"Balance 42.8 kWh":                                        {Kind: notify.ReplyBalance, Balance: 42_800, HasBalance: true},
		"  RECHARGE\u00a0OK.  34.7 kWh added. balance 42.8 kWh. ": {Kind: notify.ReplyAccepted, Units: 34_700, Balance: 42_800, HasBalance: true},
		"Recharge OK. ٣٤.٧ kWh added.":                            {Kind: notify.ReplyAccepted, Units: 34_700},
		"Ce code a deja ete utilise! Solde 1.0 kWh":               {Kind: notify.ReplyUsed, Balance: 1000, HasBalance: true},
		"Last tokens: 20.11 1234..5678 +34.7 kWh; 19.11 1111..2222 USED; +5.0 kWh; something else; 18.11 9999..0000 WRONG;": {Kind: notify.ReplyTokens, Rows: []notify.ReplyRow{
			{First: "1234", Last: "5678", Result: notify.RowAdded, Units: 34_700}, {First: "1111", Last: "2222", Result: notify.RowUsed},
			{Result: notify.RowAdded, Units: 5000}, {First: "9999", Last: "0000", Result: notify.RowWrong}}},
		"No tokens yet.": {Kind: notify.ReplyTokens},
	} {
		if got := notify.ParseMeterReply(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %+v, want %+v", text, got, want)
		}
	}
}

func TestWhatIsNearlyAnAnswerIsNone(t *testing.T) {
	for _, text := range []string{"", "Recharge", "Recharge OK.", "Recharge OK. kWh added.", "Recharge OK. 34 kWh added.", "Recharge OK. 34,7 kWh added.", "Recharge OK. 34.7 kWh added. Balance",
		"Recharge OK. 34.7 kWh added. Balance 42.8 kWh and more", "x Recharge OK. 34.7 kWh added.", "Recharge OK. 34.7 kWh added. Token rejected.", "Recharge OK. +34.7 kWh added.",
		"Recharge OK. 123456789.0 kWh added.", "Recharge OK. 1.0000 kWh added.", "Recharge OK. 1.5x kWh added.", "Low credit: 19.9 kWh left. Please buy soon.", "Supply: CONNECTED. Balance 4.2 kWh.",
		"Token rejected\ufffd", "Balance 42.8", strings.Repeat("Token rejected. ", 50)} {
		if got := notify.ParseMeterReply(text); got.Kind != notify.ReplyOther {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
}

// TestWhatAMeterWritesIsUnderstood reads every answer to a token that a meter can write, in all its languages.
func TestWhatAMeterWritesIsUnderstood(t *testing.T) {
	for l := meter.English; l <= meter.French; l++ {
		for code := sts.Accept; code <= sts.StorageError; code++ {
			for _, class := range []uint8{0, 2} {
				for _, registered := range []bool{false, true} {
					r := meter.Result{Code: code, Class: class, Units: 1_638_300, Balance: -12_345, Source: meter.SMS}
					want := notify.MeterReply{Kind: notify.ReplyRejected, HasBalance: registered}
					switch {
					case code == sts.Accept && class != 0:
						want.Kind = notify.ReplyDone
					case code == sts.KCT1st || code == sts.KCTNth:
						want.Kind = notify.ReplyPart
					case code == sts.Accept:
						want.Kind, want.Units = notify.ReplyAccepted, 1_638_300
					case code == sts.UsedError:
						want.Kind = notify.ReplyUsed
					}
					if registered {
						want.Balance = -12_300
					}
					text := panel.AnswerToken(l, r, registered)
					if got := notify.ParseMeterReply(text); !reflect.DeepEqual(got, want) {
						t.Errorf("%v %v: %q is %+v, want %+v", l, code, text, got, want)
					}
				}
			}
		}
	}
}

// TestTheReportOfAKeypadIsUnderstood checks that the report names its token and does not answer a message.
func TestTheReportOfAKeypadIsUnderstood(t *testing.T) {
	masked := tokenOf(t, "12345678901234565678").String()
	for l := meter.English; l <= meter.French; l++ {
		for class, row := range map[uint8]notify.ReplyRow{
			0: {First: "1234", Last: "5678", Result: notify.RowAdded, Units: 1_638_300},
			2: {First: "1234", Last: "5678", Result: notify.RowDone},
		} {
			r := meter.Result{Code: sts.Accept, Class: class, Units: row.Units, Balance: -12_345, Source: meter.Keypad}
			text := panel.Report(l, r, masked)
			want := notify.MeterReply{Kind: notify.ReplyTyped, Balance: -12_300, HasBalance: true, Rows: []notify.ReplyRow{row}}
			if got := notify.ParseMeterReply(text); !reflect.DeepEqual(got, want) {
				t.Errorf("%v: %q is %+v, want %+v", l, text, got, want)
			}
			if len(text) > 160 || notify.MaskTokens(text) != text {
				t.Errorf("%q is too long, or taken for a token", text)
			}
			if got := notify.ParseMeterReply(panel.Report(l, r, "")); got.Kind != notify.ReplyBalance || got.Balance != -12_300 {
				t.Errorf("%v: without its token it is %+v, want the balance alone", l, got)
			}
		}
	}
	for _, text := range []string{"Balance 42.8 kWh. Token 1234..5678", "Token rejected. Balance 42.8 kWh. Token 1234..5678", "Recharge OK. 34.7 kWh added. Token 1234..5678",
		"Recharge OK. 34.7 kWh added. Balance 42.8 kWh. Token 12345678", "Recharge OK. 34.7 kWh added. Balance 42.8 kWh. Token 1234..567x", "Recharge OK. 34.7 kWh added. Balance 42.8 kWh. Token 1234..5678 and more"} {
		if got := notify.ParseMeterReply(text); got.Kind != notify.ReplyOther {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
}

func TestTheLastTokensThatAMeterWritesAreUnderstood(t *testing.T) {
	const at = 1_795_000_000
	masked := tokenOf(t, "12345678901234565678").String()
	for l := meter.English; l <= meter.French; l++ {
		config := meter.Config{Language: l}
		for _, c := range []struct {
			row  panel.TokenRow
			want notify.ReplyRow
		}{
			{panel.TokenRow{At: at, Masked: masked, Code: sts.Accept, Units: 34_700}, notify.ReplyRow{First: "1234", Last: "5678", Result: notify.RowAdded, Units: 34_700}},
			{panel.TokenRow{Masked: masked, Code: sts.Accept, Units: 1_638_300}, notify.ReplyRow{First: "1234", Last: "5678", Result: notify.RowAdded, Units: 1_638_300}},
			{panel.TokenRow{At: at, Code: sts.Accept, Units: 100}, notify.ReplyRow{Result: notify.RowAdded, Units: 100}},
			{panel.TokenRow{At: at, Masked: masked, Code: sts.UsedError}, notify.ReplyRow{First: "1234", Last: "5678", Result: notify.RowUsed}},
			{panel.TokenRow{At: at, Masked: masked, Code: sts.CRCError}, notify.ReplyRow{First: "1234", Last: "5678", Result: notify.RowWrong}},
			{panel.TokenRow{At: at, Masked: masked, Code: sts.OldError}, notify.ReplyRow{First: "1234", Last: "5678", Result: notify.RowRefused}},
			{panel.TokenRow{At: at, Masked: masked, Code: sts.Accept, Class: 2}, notify.ReplyRow{First: "1234", Last: "5678", Result: notify.RowDone}},
			{panel.TokenRow{At: at, Masked: masked, Code: sts.Accept, Class: 2, Units: -34_700}, notify.ReplyRow{First: "1234", Last: "5678", Result: notify.RowDone, Units: -34_700}},
			{panel.TokenRow{At: at, Masked: masked, Code: sts.KCT1st, Class: 2}, notify.ReplyRow{First: "1234", Last: "5678", Result: notify.RowPart}},
		} {
			m := &panel.View{Config: &config, State: &meter.State{}, History: kept{c.row, c.row}}
			text := panel.Answer(m, panel.RequestTokens)
			if got := notify.ParseMeterReply(text); got.Kind != notify.ReplyTokens || !reflect.DeepEqual(got.Rows, []notify.ReplyRow{c.want, c.want}) {
				t.Errorf("%v: %q is %+v, want twice %+v", l, text, got, c.want)
			}
			if masked := notify.MaskTokens(text); masked != text {
				t.Errorf("%q is taken for a token: %q", text, masked)
			}
		}
		m := &panel.View{Config: &config, State: &meter.State{}, History: kept{}}
		if text := panel.Answer(m, panel.RequestTokens); notify.ParseMeterReply(text).Kind != notify.ReplyTokens {
			t.Errorf("%v: %q is not understood", l, text)
		}
		if got := notify.ParseMeterReply(panel.Answer(m, panel.RequestBalance)); got.Kind != notify.ReplyBalance {
			t.Errorf("%v: the balance alone is %+v", l, got)
		}
	}
}

func FuzzParseMeterReply(f *testing.F) {
	for _, s := range []string{"Recharge OK. 34.7 kWh added. Balance 42.8 kWh", "this recharge card has been used! Balance -0.1 kWh", "Token rejected.",
		"Last tokens: 20.11 1234..5678 +34.7 kWh; 19.11 1111..2222 USED;", "Derniers codes : 20.11 1234..5678 +34.7 kWh; DEJA UTIL.;", "\xff Balance \u0661.\u0662 kWh"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := notify.ParseMeterReply(text)
		if r.Units < 0 || r.Units%unit.Quantum != 0 || r.Balance%unit.Quantum != 0 || len(r.Rows) > 16 || r.Kind > notify.ReplyTyped {
			t.Errorf("%q is %+v", text, r)
		}
		for _, row := range r.Rows {
			if row.Result == 0 || row.First == "" != (row.Last == "") || row.First != "" && len(row.First+row.Last) != 8 {
				t.Errorf("%q has the row %+v", text, row)
			}
		}
		if again := notify.ParseMeterReply(" " + strings.ToUpper(text) + "\n"); utf8Valid(text) && again.Kind != r.Kind {
			t.Errorf("%q is %+v, in capitals %+v", text, r, again)
		}
	})
}

// utf8Valid reports whether a text survives a change to upper case and back. Invalid UTF-8 and letters without both cases do not.
func utf8Valid(s string) bool { return strings.ToLower(strings.ToUpper(s)) == s }
