package notify_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// TestAWordAtItsLimits: the greatest length, count and number of digits are understood, and one more is not.
func TestAWordAtItsLimits(t *testing.T) {
	for _, c := range []struct {
		text   string
		word   notify.Word
		number string
	}{
		{"bal" + strings.Repeat(" ", 637), notify.WordBalance, ""}, {"bal" + strings.Repeat(" ", 638), notify.WordNone, ""},
		{"one two three four bal", notify.WordBalance, ""}, {"one two three four bal five", notify.WordNone, ""},
		{"12345678901", notify.WordBalance, "12345678901"}, {"1234567890", notify.WordNone, ""},
		{"12345678901234567", notify.WordBalance, "12345678901234567"}, {"123456789012345678", notify.WordNotHere, ""},
		{"bal 12345678901234567", notify.WordBalance, "12345678901234567"},
		{"*0", notify.WordNotHere, ""}, {"*9", notify.WordNotHere, ""}, {"*", notify.WordNone, ""}, {"*bal", notify.WordBalance, ""}, {"*/", notify.WordNone, ""}, {"*:", notify.WordNone, ""},
		{"01#", notify.WordNone, ""}, {"*01#.", notify.WordBalance, ""}, {"*01", notify.WordBalance, ""}, {"\"*-01'#", notify.WordBalance, ""}, {"*011#", notify.WordNotHere, ""},
		{"??", notify.WordNone, ""}, {" ? ", notify.WordHelp, ""}, {"؟", notify.WordHelp, ""}, {"bal ?", notify.WordBalance, ""}, {"? 1", notify.WordNone, ""},
		{"bal'last", notify.WordBalance, ""}, {"l'aide", notify.WordHelp, ""}, {"bal/1", notify.WordBalance, "1"}, {"bal:9", notify.WordBalance, "9"}, {"last bal", notify.WordLast, ""},
		{"stop start", notify.WordNone, ""}, {"start balance", notify.WordNone, ""}, {"stop please", notify.WordStop, ""}, {"please stop", notify.WordNone, ""}, {"help stop", notify.WordNone, ""},
		{"bal0", notify.WordBalance, "0"}, {"1bal2", notify.WordBalance, "12"},
	} {
		if got := notify.ParseKeyword(c.text); got.Word != c.word || got.Number != c.number {
			t.Errorf("%.40q is %s with %q, want %s with %q", c.text, got.Word, got.Number, c.word, c.number)
		}
	}
}

// TestWhatStandsForAKey: signs, digits and blanks of any script become the ones of a keypad, and invisible characters are dropped.
func TestWhatStandsForAKey(t *testing.T) {
	for _, c := range []struct {
		text   string
		word   notify.Word
		number string
	}{
		{"٭01#", notify.WordBalance, ""}, {"∗01#", notify.WordBalance, ""}, {"⁎01#", notify.WordBalance, ""}, {"﹡01﹟", notify.WordBalance, ""}, {"*−01#", notify.WordBalance, ""}, {"*–0—1#", notify.WordBalance, ""},
		{"*§01#", notify.WordNone, ""}, {"！bal～", notify.WordBalance, ""}, {"？", notify.WordHelp, ""}, {"！？", notify.WordNone, ""}, {"bal\uff5f1", notify.WordBalance, "1"}, {"BÁL", notify.WordBalance, ""}, {"ba\u0301l", notify.WordBalance, ""}, {"b\u00ada\u200bl", notify.WordBalance, ""}, {"ba\ufe0fl", notify.WordBalance, ""},
		{"bal\u20281", notify.WordBalance, "1"}, {"bal\u20291", notify.WordBalance, "1"}, {"*\u20280\u20291\u2003#", notify.WordBalance, ""}, {"*0\x7f1\x1f#", notify.WordBalance, ""}, {"*0\t1#", notify.WordBalance, ""},
		{"bal ٠١٢٣٤٥٦٧٨٩", notify.WordBalance, "0123456789"}, {"bal ০১২৩৪৫৬৭৮৯", notify.WordBalance, "0123456789"}, {"bal ０１２３４５６７８９", notify.WordBalance, "0123456789"},
		{"bal \U0001D7CE\U0001D7D7\U0001D7D8\U0001D7FF", notify.WordBalance, "0909"}, {"bal \U000104A0\U000104A9", notify.WordBalance, "09"}, {"bal \U0001E950\U0001E959", notify.WordBalance, "09"},
		{"bal½", notify.WordBalance, ""}, {"bal²", notify.WordBalance, ""}, {"баланс", notify.WordNone, ""}, {"¿bal?", notify.WordBalance, ""},
	} {
		if got := notify.ParseKeyword(c.text); got.Word != c.word || got.Number != c.number {
			t.Errorf("%q is %s with %q, want %s with %q", c.text, got.Word, got.Number, c.word, c.number)
		}
	}
}

// TestWordsHaveNames: a keyword has a name in each language. An unknown language uses the English name.
func TestWordsHaveNames(t *testing.T) {
	for w, want := range map[notify.Word]string{notify.WordNone: "", notify.WordBalance: "BAL", notify.WordLast: "LAST", notify.WordUsage: "USE", notify.WordHelp: "HELP", notify.WordStop: "STOP", notify.WordStart: "START", notify.WordNotHere: "", notify.WordNotHere + 1: ""} {
		if w.String() != want || w.In(notify.English) != want || w.In(notify.Language(99)) != want || w.In(notify.Hausa+1) != want {
			t.Errorf("word %d is %q, %q in no language; want %q", w, w, w.In(99), want)
		}
	}
	if got := notify.WordBalance.In(notify.Hausa); got != "SAURA" {
		t.Errorf("BAL is %q in Hausa", got)
	}
	if notify.Language(99).String() != "en" || (notify.Hausa+1).String() != "en" || notify.Hausa.String() != "ha" || notify.Language(99).Label() != "English (en), draft" || (notify.Hausa+1).Label() != "English (en), draft" {
		t.Errorf("a language that there is not is %q, %q", notify.Language(99), notify.Language(99).Label())
	}
}

// TestAMaskAtItsLimit: seventeen digits are a number and stay, and eighteen may be a token and are masked. Any characters
// but letters may stand between the digits.
func TestAMaskAtItsLimit(t *testing.T) {
	for text, want := range map[string]string{
		"12345678901234567": "12345678901234567", "123456789012345678": "******************", "123456789 012345678": "********* *********", "123456789x012345678": "123456789x012345678",
		"12345678901234567x123456789012345678": "12345678901234567x******************", "123456789012345678x1": "******************x1",
	} {
		if got := refusal.MaskRuns(text); got != want {
			t.Errorf("%q is masked to %q, want %q", text, got, want)
		}
	}
}

// TestNoSignsHideAToken: however the digits of a token are spaced, written or split, all of them are masked in a text.
func TestNoSignsHideAToken(t *testing.T) {
	const digits = "12345678901234567890"
	for name, text := range map[string]string{
		"letters": strings.Join(strings.Split(digits, ""), "x"), "words": "first 12345 then 67890 then 12345 and last 67890", "line ends": "1234567890\n1234567890",
		"signs": "12.34.56/78-90_12:34,56;78+90", "superscripts": "¹²³⁴⁵⁶⁷⁸⁹⁰¹²³⁴⁵⁶⁷⁸⁹⁰", "circles": "①②③④⑤⑥⑦⑧⑨⓪①②③④⑤⑥⑦⑧⑨⓪", "wide": "１２３４５６７８９０１２３４５６７８９０",
		"Arabic and others": "١٢٣٤٥٦٧٨٩٠१२३४५६७८९०", "invisible signs": strings.Join(strings.Split(digits, ""), "\u200b"), "Roman": "ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩ1234567890",
	} {
		masked := notify.MaskTokens("It is " + text)
		if strings.ContainsFunc(masked, unicode.IsNumber) || !strings.HasPrefix(masked, "It is ") {
			t.Errorf("%s: %q is masked to %q", name, text, masked)
		}
	}
	if text := "Our office is closed on 24.12.2026, call +25411"; notify.MaskTokens(text) != text {
		t.Error("a date and a number are masked")
	}
}

// TestAFigureOfAMeter has up to seven digits, a point, and up to three decimals, only the first of which counts.
func TestAFigureOfAMeter(t *testing.T) {
	for figure, want := range map[string]unit.Energy{"0.0": 0, "9999999.9": 9_999_999_900, "0000001.0": 1000, "34.7": 34_700, "34.79": 34_700, "34.799": 34_700, "-0.5": -500, "-9999999.9": -9_999_999_900} {
		if got := notify.ParseMeterReply("Balance " + figure + " kWh"); got.Kind != notify.ReplyBalance || !got.HasBalance || got.Balance != want {
			t.Errorf("%s is %+v, want %d", figure, got, want)
		}
	}
	for _, figure := range []string{"10000000.0", "34.7999", "34.", ".7", "34", "-", "--1.0", "+1.0", "1.x", "1.0x", "1.00x", "x.0", "1/.0", "1:.0", "", "1.-1"} {
		if got := notify.ParseMeterReply("Balance " + figure + " kWh"); got.Kind != notify.ReplyOther {
			t.Errorf("%q is taken for %+v", figure, got)
		}
	}
}

// TestAMetersSignsMayBeWide: some networks deliver letters and signs in their full-width forms.
func TestAMetersSignsMayBeWide(t *testing.T) {
	if got := notify.ParseMeterReply("ｔhis recharge card has been used！"); got.Kind != notify.ReplyUsed {
		t.Errorf("%+v", got)
	}
}

// TestAMetersMessageAtItsLimits: a message of 640 bytes is understood, a longer one is not, and only the first sixteen rows are read.
func TestAMetersMessageAtItsLimits(t *testing.T) {
	for n, want := range map[int]notify.ReplyKind{640: notify.ReplyRejected, 641: notify.ReplyOther} {
		if got := notify.ParseMeterReply("Token rejected." + strings.Repeat(" ", n-15)); got.Kind != want {
			t.Errorf("%d bytes: %+v, want %d", n, got, want)
		}
	}
	for n, want := range map[int]int{15: 15, 16: 16, 17: 16} {
		if got := notify.ParseMeterReply("Last tokens:" + strings.Repeat("+1.0 kWh;", n)); len(got.Rows) != want {
			t.Errorf("%d rows: %d are read, want %d", n, len(got.Rows), want)
		}
	}
}

// TestARowOfLastTokens checks that a row is either read completely or ignored.
func TestARowOfLastTokens(t *testing.T) {
	added := notify.ReplyRow{Result: notify.RowAdded, Units: 1000}
	ended := notify.ReplyRow{First: "1234", Last: "5678", Result: notify.RowAdded, Units: 1000}
	for row, want := range map[string]notify.ReplyRow{
		"20.11 1234..5678 +1.0 kWh": ended, "1234..5678 +1.0 kWh": ended, "20.11 +1.0 kWh": added, "+1.0 kWh": added, "1234..5678 USED": {First: "1234", Last: "5678", Result: notify.RowUsed},
		"20.11 USED": {Result: notify.RowUsed}, "-1.0 kWh": {Result: notify.RowDone, Units: -1000}, "1.0 kWh": {Result: notify.RowDone, Units: 1000},
		"2011 +1.0 kWh": {}, "20:11 +1.0 kWh": {}, "x0.11 +1.0 kWh": {}, "20.1x +1.0 kWh": {}, "020.11 +1.0 kWh": {}, "1234.5678 +1.0 kWh": {}, "x234..5678 +1.0 kWh": {}, "1234..567x +1.0 kWh": {}, "1234..56789 +1.0 kWh": {},
		"1234:.5678 +1.0 kWh": {}, "++1.0 kWh": {}, "+1 kWh": {}, "+1.0": {}, "USED 1234..5678": {}, "20.11": {}, "1234..5678": {}, "": {},
	} {
		got := notify.ParseMeterReply("Last tokens: " + row)
		switch {
		case got.Kind != notify.ReplyTokens, want == notify.ReplyRow{} && len(got.Rows) != 0, want != notify.ReplyRow{} && (len(got.Rows) != 1 || got.Rows[0] != want):
			t.Errorf("%q is %+v, want %+v", row, got, want)
		}
	}
}

// TestTheEndsOfATokenAreEightDigits checks that the ends of a token are its first four and its last four digits.
func TestTheEndsOfATokenAreEightDigits(t *testing.T) {
	for masked, want := range map[string]string{"12345678": "1234 5678", "1234x5678": "1234 5678", "1234567": " ", "12345x78": " ", "123x5678": " "} {
		if first, last := notify.EndsOf(masked); first+" "+last != want {
			t.Errorf("%q has the ends %q and %q, want %q", masked, first, last, want)
		}
	}
}

// TestWhatARowProves: a row has the ends of a token. What it proves about that token depends on the token's class and units, and on
// whether the token changes the key.
func TestWhatARowProves(t *testing.T) {
	row := func(r notify.RowResult, units unit.Energy) notify.MeterReply {
		return rows(notify.ReplyRow{First: "1111", Last: "2222", Result: r, Units: units})
	}
	credit, change, other, foreign := notify.Pushed{Units: 1000}, notify.Pushed{Class: 2, KeyChange: true}, notify.Pushed{Class: 2, Units: 1000}, notify.Pushed{Unread: true, Class: 9}
	for name, c := range map[string]struct {
		p      notify.Pushed
		r      notify.MeterReply
		proved bool
	}{
		"credit, added": {credit, row(notify.RowAdded, 1099), true}, "credit, other units": {credit, row(notify.RowAdded, 1100), false}, "credit, done": {credit, row(notify.RowDone, 1000), false}, "credit, part": {credit, row(notify.RowPart, 1000), false},
		"a key, part": {change, row(notify.RowPart, 0), true}, "a key, done": {change, row(notify.RowDone, 0), true}, "a key, added": {change, row(notify.RowAdded, 0), false}, "no key, part": {other, row(notify.RowPart, 0), false},
		"no key, done": {other, row(notify.RowDone, 0), true}, "no credit, added": {other, row(notify.RowAdded, 1000), false},
		"from elsewhere, added": {foreign, row(notify.RowAdded, 7), true}, "from elsewhere, done": {foreign, row(notify.RowDone, 0), true}, "from elsewhere, part": {foreign, row(notify.RowPart, 0), true},
		"wrong": {foreign, row(notify.RowWrong, 0), false}, "refused": {foreign, row(notify.RowRefused, 0), false}, "used": {credit, row(notify.RowUsed, 0), true},
	} {
		c.p.Message, c.p.First, c.p.Last, c.p.BySMS = "1", "1111", "2222", true
		if got := notify.Match(&c.p, nil, c.r); len(got.InMeter) == 1 != c.proved || got.Rejected == c.proved || got.Ask || got.Stray {
			t.Errorf("%s: %+v, want it proved: %t", name, got, c.proved)
		}
		c.p.InMeter = true
		if got := notify.Match(&c.p, nil, c.r); got.Rejected {
			t.Errorf("%s: rejected, and it is in the meter", name)
		}
		if got := notify.Match(nil, []notify.Pushed{c.p}, c.r); got.Rejected || got.About != "" {
			t.Errorf("%s, while nothing waits: %+v", name, got)
		}
	}
}

// TestTwinsInTheList: if two tokens have the same ends and look alike, one row proves neither of them loaded, and two rows prove both.
func TestTwinsInTheList(t *testing.T) {
	p := notify.Pushed{Message: "1", First: "1111", Last: "2222", Units: 1000, BySMS: true}
	twin := func(do func(*notify.Pushed)) notify.Pushed {
		q := p
		q.Message = "2"
		do(&q)
		return q
	}
	for name, c := range map[string]struct {
		twin notify.Pushed
		want string // the results with one row and with two rows
	}{
		"alike":             {twin(func(*notify.Pushed) {}), "[] [2 1]"},
		"of other units":    {twin(func(q *notify.Pushed) { q.Units = 1100 }), "[1] [1]"},
		"of a little more":  {twin(func(q *notify.Pushed) { q.Units = 1099 }), "[] [2 1]"},
		"of another class":  {twin(func(q *notify.Pushed) { q.Class = 1 }), "[1] [1]"},
		"from elsewhere":    {twin(func(q *notify.Pushed) { q.Unread = true }), "[] [2 1]"},
		"with another end":  {twin(func(q *notify.Pushed) { q.Last = "3333" }), "[1] [1]"},
		"another beginning": {twin(func(q *notify.Pushed) { q.First = "3333" }), "[1] [1]"},
	} {
		one, two := notify.Match(&p, []notify.Pushed{c.twin}, rows(added("1111", "2222", 1000))), notify.Match(&p, []notify.Pushed{c.twin}, rows(added("1111", "2222", 1000), added("1111", "2222", 1000)))
		if got := fmt.Sprint(one.InMeter, two.InMeter); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		used := notify.ReplyRow{First: "1111", Last: "2222", Result: notify.RowUsed}
		refused := notify.ReplyRow{First: "1111", Last: "2222", Result: notify.RowRefused}
		same := c.twin.First == p.First && c.twin.Last == p.Last
		if got := notify.Match(&p, []notify.Pushed{c.twin}, rows(used)); (len(got.InMeter) == 0) != same {
			t.Errorf("%s, used: %+v", name, got)
		}
		if got := notify.Match(&p, []notify.Pushed{c.twin}, rows(refused)); got.Rejected == same {
			t.Errorf("%s, refused: %+v", name, got)
		}
	}
}

// TestATokenWithoutDigitsIsInNoList checks that a list of last tokens proves nothing about a token that has no digits yet.
func TestATokenWithoutDigitsIsInNoList(t *testing.T) {
	p := notify.Pushed{Message: "1", Units: 1000, BySMS: true}
	for _, r := range []notify.MeterReply{rows(added("", "", 1000)), {Kind: notify.ReplyTyped, Rows: []notify.ReplyRow{added("", "", 1000)}}} {
		if got := notify.Match(&p, nil, r); len(got.InMeter) != 0 || got.About != "" {
			t.Errorf("%+v", got)
		}
	}
}

// TestAHistoryThatMayGoOnProvesNothing: after two hundred earlier tokens the history may have more
// that were not read, so a row proves nothing.
func TestAHistoryThatMayGoOnProvesNothing(t *testing.T) {
	sent := notify.Pushed{Message: "1", First: "1111", Last: "2222", Units: 1000, BySMS: true}
	for n, asks := range map[int]bool{notify.MaxHistory - 1: false, notify.MaxHistory: true} {
		earlier := make([]notify.Pushed, n)
		if got := notify.Match(&sent, earlier, ok(1000, 0)); got.Ask != asks || (got.About == "1") == asks {
			t.Errorf("%d earlier tokens, and it waits: %+v", n, got)
		}
		earlier[0] = sent
		if got := notify.Match(nil, earlier, ok(1000, 0)); got.Ask != asks || (got.About == "1") == asks {
			t.Errorf("%d earlier tokens, and it was sent before: %+v", n, got)
		}
	}
}

// TestNextStep: after a doubtful answer the server sends the question and the token by turns, twelve messages in all.
func TestNextStep(t *testing.T) {
	for _, c := range []struct {
		tries       int
		asked, last bool
		want        notify.MeterStep
	}{
		{0, false, false, notify.SendToken}, {0, true, false, notify.SendAsk}, {5, true, true, notify.SendToken}, {5, false, true, notify.SendToken},
		{11, true, false, notify.SendAsk}, {11, false, false, notify.SendToken}, {12, true, false, notify.GiveUp}, {12, false, false, notify.GiveUp}, {13, false, true, notify.GiveUp},
	} {
		if got := notify.NextStep(c.tries, c.asked, c.last); got != c.want {
			t.Errorf("after %d tries, asked %t, last %t: step %d, want %d", c.tries, c.asked, c.last, got, c.want)
		}
	}
}

// TestOutcomesHaveNames: even an undefined outcome has a name.
func TestOutcomesHaveNames(t *testing.T) {
	for o, want := range map[notify.Outcome]string{notify.Unknown: "unknown", notify.Accepted: "accepted", notify.NotSent: "not_sent", notify.Refused: "refused", 4: "unknown", 99: "unknown"} {
		if o.String() != want {
			t.Errorf("outcome %d is %q, want %q", o, o, want)
		}
	}
	for s, want := range map[notify.ReportState]string{notify.Trying: "trying", notify.Delivered: "delivered", notify.Failed: "failed", 3: "trying", 99: "trying"} {
		if s.String() != want {
			t.Errorf("state %d is %q, want %q", s, s, want)
		}
	}
}

// TestNamesAndContactsAtTheirLimits checks that names and contacts are either complete or cut, in letters that every telephone shows.
func TestNamesAndContactsAtTheirLimits(t *testing.T) {
	const name20, line28 = "Rural Electric Coop.", "Office 12, main street, town"
	for _, c := range []struct{ name, contact, want string }{
		{name20, line28, name20 + "|Help: " + line28}, {name20 + "x", line28 + "s", "Rural Electric Coop.|Help: Office 12, main street, tow."}, {"  " + name20 + " ", " " + line28 + " ", name20 + "|Help: " + line28},
		{"Rural - Electric - , Company", "", "Rural - Electric.|"}, {"A\nB\tC\x7fD", " \t", "A B C D|"}, {"Ñandú~`^{}\\[]| 漢 ´", "x", "Nandu????????? ? ?|Help: x"}, {"“Łódź” – ‘x’—y\u00a0z\u202f", "x", `"Lodz" - 'x'-y z|Help: x`},
		{"x", "Bureau 123456, +258 84 000 0000 or", "x|Help: +258 84 000 0000"}, {"x", "Bureau of energy, call  123456 -", "x|Help: 123456"}, {"x", "Bureau of energy, call me on 12345", "x|Help: Bureau of energy, call me o."},
		{"x", "Call 123456 7 in the office of 123456 8", "x|Help: 123456 7"}, {"x", "Call the office by 123456 or by 654321", "x|Help: 123456"}, {"x", "+1234567890123456789012345678, 654321", "x|Help: 654321"}, {"x", "+123456789012345678901234567, 654321", "x|Help: +123456789012345678901234567"},
	} {
		r, err := notify.Render(notify.English, notify.PurposePublic, notify.Args{Utility: c.name, Contact: c.contact}, sts.Token{})
		name, contact, _ := strings.Cut(c.want, "|")
		want := "This number serves customers of " + name + " from their registered phones. " + contact
		if want = strings.TrimSpace(want); err != nil || r.Reveal() != want {
			t.Errorf("%q, %q:\n got %q, %v\nwant %q", c.name, c.contact, r.Reveal(), err, want)
		}
	}
}

// TestALongListOfMetersSaysHowManyMore checks that a list that was cut ends with the number of meters left out.
func TestALongListOfMetersSaysHowManyMore(t *testing.T) {
	for _, c := range []struct {
		meters, more int
		want         string
	}{{1, 0, "1=1"}, {4, 0, "1=1, 2=2, 3=3, 4=4"}, {5, 0, "1=1, 2=2, 3=3, 4=4 and 1 more"}, {6, 3, "1=1, 2=2, 3=3, 4=4 and 5 more"}, {2, 1, "1=1, 2=2 and 1 more"}} {
		a := notify.Args{Word: "BAL", More: c.more}
		for n := range c.meters {
			a.Meters = append(a.Meters, fmt.Sprint(n+1))
		}
		r, err := notify.Render(notify.English, notify.PurposeNotYours, a, sts.Token{})
		if want := "That meter is not one of yours. Yours: " + c.want; err != nil || r.Reveal() != want {
			t.Errorf("%d meters: %q, %v; want %q", c.meters, r.Reveal(), err, want)
		}
	}
}

// TestALanguageThatThereIsNotIsEnglish: an unknown language gets the English text. It also checks that a text without money
// needs no currency.
func TestALanguageThatThereIsNotIsEnglish(t *testing.T) {
	for _, l := range []notify.Language{notify.Hausa + 1, 99} {
		if r, err := notify.Render(l, notify.PurposeStarted, notify.Args{Currency: "no such"}, sts.Token{}); err != nil || r.Reveal() != "Warnings come to this number again. STOP ends them." {
			t.Errorf("language %d: %q, %v", l, r.Reveal(), err)
		}
	}
	for _, p := range []notify.Purpose{notify.PurposeRecharge, notify.PurposeLow1, notify.PurposeWalletSettled} { // an amount, a balance, the settled balance
		if _, err := notify.Render(notify.English, p, notify.Args{Currency: "no such"}, sts.Token{}); err == nil {
			t.Errorf("%s is written in no currency", p)
		}
	}
	r, err := notify.Render(notify.English, notify.PurposeToken, notify.Args{Currency: "KES"}, tokenOf(t, "12345678901234567890"))
	if got := r.String() + fmt.Sprintf("%#v", r); err != nil || got != strings.Repeat("notify.Rendered(masked)", 2) {
		t.Errorf("a text prints as %q, %v", got, err)
	}
}
