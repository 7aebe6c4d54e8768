package panel_test

import (
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/sts"
)

func TestRequestsBySMS(t *testing.T) {
	for _, c := range []struct {
		text  string
		kind  panel.RequestKind
		typed string
	}{
		{"*01#", panel.RequestBalance, ""},
		{" *01# \n", panel.RequestBalance, ""},
		{"*03#", panel.RequestEmergency, ""}, {"*04#", panel.RequestTokens, ""}, {"*05#", panel.RequestUsage, ""}, {"*06#", panel.RequestState, ""},
		{"*02#12345678901234567890", panel.RequestToken, "12345678901234567890"},
		{"*02#1234 5678 9012 3456 7890", panel.RequestToken, "12345678901234567890"},
		{"*02#1234-5678-9012-3456-7890#", panel.RequestToken, "12345678901234567890"},
		{"* 01 #", panel.RequestBalance, ""}, {"٭٠١＃", panel.RequestBalance, ""}, {"\u200e*०४#\u200f", panel.RequestTokens, ""},
		{"*٠٢#١٢٣٤ ٥٦٧٨ ٩٠١٢ ٣٤٥٦ ٧٨٩٠", panel.RequestToken, "12345678901234567890"},
		{"\u200f*۰۲#۱۲۳۴۵۶۷۸۹۰\u200c۱۲۳۴۵۶۷۸۹۰\u200f", panel.RequestToken, "12345678901234567890"},
		{"*02#1234\u00a05678\u202f9012–3456—7890", panel.RequestToken, "12345678901234567890"},
		{"＊０２＃１２３４５６７８９０１２３４５６７８９０", panel.RequestToken, "12345678901234567890"},
		{"*02#1234 5678\n9012 3456\r\n7890", panel.RequestToken, "12345678901234567890"},
		{"* 02 # 1234 5678 9012 3456 7890 #", panel.RequestToken, "12345678901234567890"},
		{"*0 2-# 12345678901234567890 * 02 #98765432109876543210", panel.RequestToken, "12345678901234567890 98765432109876543210"},
		{"**02#12345678901234567890", panel.RequestNone, ""}, {"hello * 02 #12345678901234567890", panel.RequestNone, ""},
		{"*02#12345678901234567890 98765432109876543210", panel.RequestToken, "12345678901234567890 98765432109876543210"},
		{"*02#12345678901234567890\n*02#98765432109876543210#", panel.RequestToken, "12345678901234567890 98765432109876543210"},
		{"*02#1234 5678 9012 3456 7890, 9876 5432 1098 7654 3210", panel.RequestToken, "12345678901234567890 98765432109876543210"},
		{"*02#1234567890123456789\n98765432109876543210", panel.RequestToken, "1234567890123456789 98765432109876543210"},
		{"*02#1234567890123456789 98765432109876543210", panel.RequestToken, "123456789012345678998765432109876543210"},
		{"*02#" + strings.Repeat("12345678901234567890", 5), panel.RequestToken, strings.TrimSpace(strings.Repeat("12345678901234567890 ", 5))},
		{"*02#" + strings.Repeat("12345678901234567890", 6), panel.RequestToken, strings.Repeat("12345678901234567890", 6)},
		{"*02#1234567890\ufffd", panel.RequestToken, "1234567890\ufffd"},
		{"*02#", panel.RequestToken, ""},
		{"*02#hello", panel.RequestToken, "hello"},
		{"", panel.RequestNone, ""}, {"hello", panel.RequestNone, ""}, {"*01", panel.RequestNone, ""},
		{"*99#", panel.RequestNone, ""}, {"12345678901234567890", panel.RequestNone, ""},
		{"*02#" + strings.Repeat("1", 640), panel.RequestNone, ""},
	} {
		r := panel.ParseSMS(c.text)
		if got := strings.Join(r.RevealTokens(), " "); r.Kind != c.kind || got != c.typed {
			t.Errorf("%q: kind %d, %q, want %d, %q", c.text, r.Kind, got, c.kind, c.typed)
		}
	}
}

// ParseSMS reads the digits of every script, so the table of digits must consist of whole sets of ten.
func TestDigitsOfEveryScript(t *testing.T) {
	read := map[rune]int{}
	for _, in := range unicode.Nd.R16 {
		if n := int(in.Hi) - int(in.Lo) + 1; n%10 != 0 || in.Stride != 1 {
			t.Errorf("digits U+%04X to U+%04X are no whole set", in.Lo, in.Hi)
		}
		read[rune(in.Lo)] = 0
		read[rune(in.Lo)+7] = 7
	}
	for _, in := range unicode.Nd.R32 {
		if n := int(in.Hi) - int(in.Lo) + 1; n%10 != 0 || in.Stride != 1 {
			t.Errorf("digits U+%04X to U+%04X are no whole set", in.Lo, in.Hi)
		}
		read[rune(in.Hi)] = 9
	}
	for r, value := range read {
		want := strings.Repeat(strconv.Itoa(value), 20)
		if got := panel.ParseSMS("*02#" + strings.Repeat(string(r), 20)).RevealTokens(); len(got) != 1 || got[0] != want {
			t.Errorf("20 times U+%04X: %q, want %q", r, got, want)
		}
	}
}

// The answers match docs/reference/meter-rules.md#text-messages exactly.
func TestAnswersBySMS(t *testing.T) {
	accepted := meter.Result{Code: sts.Accept, Units: 34_700, Balance: 42_820}
	for _, c := range []struct {
		r          meter.Result
		registered bool
		want       string
	}{
		{accepted, true, "Recharge OK. 34.7 kWh added. Balance 42.8 kWh"},
		{accepted, false, "Recharge OK. 34.7 kWh added."},
		{meter.Result{Code: sts.UsedError, Balance: 42_820}, true, "this recharge card has been used! Balance 42.8 kWh"},
		{meter.Result{Code: sts.UsedError, Balance: 42_820}, false, "this recharge card has been used!"},
		{meter.Result{Code: sts.CRCError, Balance: 42_820}, true, "Token rejected. Balance 42.8 kWh"},
		{meter.Result{Code: sts.Locked, Balance: 42_820}, false, "Token rejected."},
		{meter.Result{Code: sts.OldError, Balance: -2190}, true, "Token rejected. Balance -2.1 kWh"},
		{meter.Result{Code: sts.Accept, Class: 2, Units: -8500}, true, "Token accepted. Balance 0.0 kWh"},
		{meter.Result{Code: sts.Accept, Class: 2}, false, "Token accepted."},
		{meter.Result{Code: sts.Accept, Class: 1, Balance: 42_820}, true, "Token accepted. Balance 42.8 kWh"},
		{meter.Result{Code: sts.KCT1st, Class: 2}, false, "Part of a key change accepted. Send the other tokens of the set."},
	} {
		if got := panel.AnswerToken(meter.English, c.r, c.registered); got != c.want {
			t.Errorf("%s, registered %t: %q, want %q", c.r.Code, c.registered, got, c.want)
		}
	}
	d := newRig(nil)
	d.s.Balance = 42_899
	if got, want := panel.Answer(d.m(), panel.RequestBalance), "Balance 42.8 kWh"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAnswersAreLimited(t *testing.T) {
	const hour, day = 3600, 86_400
	var g panel.Gate
	// All unregistered numbers together get at most three rejections a day.
	for i := range uint64(5) {
		if got, want := g.Allow(100+i, i, panel.Rejection), i < 3; got != want {
			t.Errorf("rejection %d to a stranger: allowed %t, want %t", i+1, got, want)
		}
	}
	if !g.Allow(100, 10, panel.ToQuestion) {
		t.Error("an accepted token of a stranger is not answered")
	}
	// One number gets at most ten answers an hour, all numbers together twenty a day.
	g = panel.Gate{}
	for i := range uint64(12) {
		if got, want := g.Allow(1, i, panel.ToQuestion), i < 10; got != want {
			t.Errorf("answer %d in an hour: allowed %t, want %t", i+1, got, want)
		}
	}
	for i := range uint64(12) {
		if got, want := g.Allow(1, hour+10+i, panel.ToQuestion), i < 10; got != want {
			t.Errorf("answer %d in the next hour: allowed %t, want %t", i+1, got, want)
		}
	}
	if g.Allow(2, 2*hour+30, panel.ToQuestion) {
		t.Error("the 21st answer of a day")
	}
	if !g.Allow(2, day, panel.ToQuestion) {
		t.Error("no answer a day after the first")
	}
	if g.Allow(3, day, panel.ToQuestion) {
		t.Error("only one answer was free again")
	}
	for range 3 {
		if !g.Allow(4, 3*day, panel.Rejection) {
			t.Error("no rejection days later")
		}
	}
	// Questions in a number's name use up neither the answers to its tokens nor those to another question.
	g = panel.Gate{}
	for i := range uint64(30) {
		g.Allow(panel.Sender(1, panel.RequestBalance), i, panel.ToQuestion)
	}
	if !g.Allow(panel.Sender(1, panel.RequestUsage), 30, panel.ToQuestion) || !g.Allow(panel.Sender(1, panel.RequestToken), 30, panel.ToToken) {
		t.Error("questions about the balance use up the answers to other requests")
	}
	for i := range uint64(30) {
		g.Allow(panel.Sender(1, panel.RequestState), hour+40+i, panel.ToQuestion)
	}
	if g.Allow(panel.Sender(1, panel.RequestUsage), hour+80, panel.ToQuestion) || !g.Allow(panel.Sender(1, panel.RequestToken), hour+80, panel.ToToken) {
		t.Error("a day's questions: want no answer to a question, and one to a token")
	}
}

func FuzzParseSMS(f *testing.F) {
	for _, s := range []string{"*01#", "*02#1234 5678 9012 3456 7890", "*02##", "\xff*02#", "*٠٢#١٢٣٤", "*02#1,*02#2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := panel.ParseSMS(text)
		n := len(r.RevealTokens())
		if (r.Kind == panel.RequestToken) != (n > 0) || n > panel.MaxTokens || len(strings.Join(r.RevealTokens(), "")) > 3*len(text) {
			t.Errorf("%q: kind %d with %d tokens", text, r.Kind, n)
		}
	})
}
