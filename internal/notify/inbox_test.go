package notify_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/unit"
)

// TestWhatIsKeptOfAnArrival checks the stored message: it has the server's own time, the sender and the text cut to their limits, and a
// token only masked.
func TestWhatIsKeptOfAnArrival(t *testing.T) {
	for name, c := range map[string]struct {
		in   notify.Incoming
		want notify.Message
	}{
		"a customer": {notify.Incoming{From: "+254 700-000-001", Text: "BAL"}, notify.Message{Purpose: notify.PurposeFromCustomer, Phone: amina, Text: "BAL", Customer: id.ID{1}, Lang: "en"}},
		"a stranger": {notify.Incoming{From: stranger, Text: "*02#12345678901234567890"}, notify.Message{Purpose: notify.PurposeFromStranger, Phone: stranger, Text: "***#********************"}},
		"half of it": {notify.Incoming{From: amina, Text: "BA", Missing: 2}, notify.Message{Purpose: notify.PurposeFromCustomer, Phone: amina, Text: "BA", Customer: id.ID{1}, Lang: "en", Failure: "2 parts are missing"}},
		"a long one": {notify.Incoming{From: strings.Repeat("n", 33), Text: strings.Repeat("a", notify.MaxText+1)}, notify.Message{Purpose: notify.PurposeFromStranger, Phone: strings.Repeat("n", 32), Text: strings.Repeat("a", notify.MaxText)}},
	} {
		o := opened(t)
		c.in.Route, c.in.Identity, c.in.At = "modem1", [16]byte{7}, o.now.Add(-time.Hour)
		if err := o.dispatcher().Inbox(1).Receive(t.Context(), c.in); err != nil {
			t.Fatal(err)
		}
		c.want.ID, c.want.Incoming, c.want.State, c.want.Route, c.want.Identity, c.want.CreatedAt = o.messages[0].ID, true, notify.Received, "modem1", [16]byte{7}, o.now
		if !reflect.DeepEqual(o.messages[0], c.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, o.messages[0], c.want)
		}
	}
}

// TestWhatAnAnswerBelongsTo checks that an answer names its question, its customer and its meter. An answer with a token must also name the
// sale.
func TestWhatAnAnswerBelongsTo(t *testing.T) {
	o := opened(t)
	o.sales[1] = notify.LastSale{Vend: id.ID{7}, At: o.now, Tender: money.Amount{Minor: 10_000, Currency: "KES"}, Tokens: []sale.Token{
		{ID: id.ID{15: 1}, Units: 100, Sealed: sale.Sealed{1}}, {ID: id.ID{15: 2}, Sealed: sale.Sealed{1}, State: sale.TokenFailed}, {ID: id.ID{15: 3}}}}
	o.receive(amina, "last")
	in, out := o.messages[0], o.messages[1]
	if len(o.messages) != 2 || out.Answers != in.ID || out.Customer != (id.ID{1}) || out.Meter != 1 || out.Number != meterA || out.Vend != (id.ID{7}) || out.Token != (id.ID{15: 1}) || out.Purpose != notify.PurposeLast || out.Args.Of != 1 || out.Args.Step != 1 {
		t.Errorf("%+v", o.messages)
	}
	if want := "token.resent by SMS to the registered number, meter=" + meterA + " tokens=1"; o.audit[0] != want {
		t.Errorf("the audit log has %q, want %q", o.audit, want)
	}
	s := o.sales[1]
	s.Tokens = s.Tokens[1:]
	o.sales[1] = s
	o.want(amina, "last", "No token was bought for meter 04140001001 yet.")
	delete(o.sales, 1)
	o.want(amina, "last", "No token was bought for meter 04140001001 yet.")
}

// TestALanguageIsTheCustomersOwn checks that customers are answered in their own language. If their language has no texts, they are
// answered in the language of the keyword.
func TestALanguageIsTheCustomersOwn(t *testing.T) {
	for _, c := range []struct{ lang, word, want string }{{"en", "msaada", "en"}, {"sw", "aide", "sw"}, {"yo", "msaada", "sw"}, {"yo", "help", "en"}, {"yo", "info", "en"}, {"yo", "saldo", "en"}, {"", "aide", "fr"}} {
		o := opened(t)
		o.mine[amina][0].Lang = c.lang
		if o.receive(amina, c.word); o.messages[1].Lang != c.want {
			t.Errorf("%q of a customer who speaks %q is answered in %q, want %q", c.word, c.lang, o.messages[1].Lang, c.want)
		}
	}
	for word, want := range map[string]string{"salio": "sw", "aide": "fr", "info": "en", "saldo": "en"} {
		o := opened(t)
		if o.receive(stranger, word); o.messages[1].Lang != want {
			t.Errorf("%q of a stranger is answered in %q, want %q", word, o.messages[1].Lang, want)
		}
	}
}

// TestTheShortestNumberThatIsAnswered checks that a number must have six digits after its plus to be answered.
func TestTheShortestNumberThatIsAnswered(t *testing.T) {
	for from, answers := range map[string]int{"+12345": 0, "+123456": 1, "1234567x": 0} {
		o := opened(t)
		if got := len(o.receive(from, "help")); got != answers {
			t.Errorf("%s gets %d answers, want %d", from, got, answers)
		}
	}
}

// TestAnswersOfAnHourAndADay checks that the limits count the answers of the last hour and the last 24 hours.
func TestAnswersOfAnHourAndADay(t *testing.T) {
	const later = "Too many messages: this one was not answered. Try again in an hour."
	for _, c := range []struct {
		n     int
		ago   time.Duration
		about bool
		want  int
		later bool
	}{
		{notify.MaxPerSender - 2, time.Minute, false, 1, false}, {notify.MaxPerSender - 1, time.Minute, false, 1, true}, {notify.MaxPerSender, time.Minute, false, 0, false}, {notify.MaxPerSender, time.Hour, false, 1, false},
		{notify.MaxPerMeter - 1, time.Hour, true, 1, false}, {notify.MaxPerMeter, time.Hour, true, 0, false}, {notify.MaxPerMeter, 24 * time.Hour, true, 1, false},
	} {
		o := opened(t)
		o.word = "bal"
		for range c.n {
			m := notify.Message{Phone: amina, CreatedAt: o.now.Add(time.Second - c.ago)}
			if c.about {
				m.Phone, m.Meter = juma, 1
			}
			o.messages = append(o.messages, m)
		}
		got := o.receive(amina, "bal")
		if len(got) != c.want || len(got) == 1 && (got[0] == later) != c.later {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// TestAMeterIsNamedByItsEnd checks that the end of a meter number names the meter, if it has at least four digits and fits only one meter.
func TestAMeterIsNamedByItsEnd(t *testing.T) {
	for number, want := range map[string]bool{"3007": true, "007": false, "03007": true, "2009": true, "1001": false, "4140003007": true, "04140003007": true, "104140003007": false, "2": true, "02": true, "002": false, "20": false} {
		o := opened(t)
		o.asOf = o.now
		o.settled, o.left = money.Amount{Minor: 1, Currency: "KES"}, money.Amount{Minor: 1, Currency: "KES"}
		got := o.receive(juma, "salio "+number)
		if none := strings.HasPrefix(got[0], "Mita hiyo si yako"); len(got) != 1 || none == want {
			t.Errorf("%s: %q, want it found: %t", number, got, want)
		}
		if out := o.messages[1]; !want && (out.Meter != 0 || out.Number != "") {
			t.Errorf("%s: %+v names a meter", number, out)
		}
	}
	twins := opened(t)
	twins.mine[juma][1].Number = "04990002009"
	if twins.receive(juma, "salio 2009"); twins.messages[1].Meter != 0 || twins.messages[1].Number != "" {
		t.Errorf("two meters with one end: %+v", twins.messages[1])
	}
	o := opened(t)
	for n := range 6 {
		s := o.mine[amina][0]
		s.N, s.Number = int64(n+10), fmt.Sprintf("0414000%d001", n)
		o.mine[amina] = append(o.mine[amina], s)
	}
	o.want(amina, "bal", "Which meter? Send BAL and its number, or BAL 1, BAL 2...: 1=04140001001, 2=04140000001, 3=04140001001, 4=04140002001 and 3 more")
	if got := o.receive(amina, "bal 04140005001"); len(got) != 1 || !strings.Contains(got[0], "meter 04140005001 ") {
		t.Errorf("the last of seven: %q", got)
	}
}

// TestABalanceOfAWallet checks that the balance comes from the books alone if the meter has reported nothing, and is unknown if
// there is no wallet.
func TestABalanceOfAWallet(t *testing.T) {
	s := newTill(t)
	s.mine[amina][0].Wallet = true
	s.settled, s.asOf = money.Amount{Minor: 500, Currency: "UGX"}, s.now
	dispatcher := notify.New(notify.Config{Door: doorTo[notify.Tx]{s}, Now: func() time.Time { return s.now }})
	ask := func(n byte) notify.Message {
		if err := dispatcher.Inbox(1).Receive(t.Context(), notify.Incoming{Identity: [16]byte{n}, From: amina, Text: "bal"}); err != nil {
			t.Fatal(err)
		}
		return s.messages[len(s.messages)-1]
	}
	if m := ask(1); m.Purpose != notify.PurposeWallet || m.Args.Settled != 500 || m.Args.Balance != 900 || m.Args.Currency != "UGX" || !m.Args.At.Equal(s.now) || m.Args.At.Format("15:04") != "14:05" {
		t.Errorf("%+v", m)
	}
	s.asOf = time.Time{}
	if m := ask(2); m.Purpose != notify.PurposeWalletSettled || m.Args.Settled != 500 || !m.Args.At.IsZero() {
		t.Errorf("%+v", m)
	}
	s.figures = false
	if m := ask(3); m.Purpose != notify.PurposeBalanceUnknown || m.Args.Settled != 0 {
		t.Errorf("%+v", m)
	}
}

// TestWhichBalanceIsTheNewer checks that the answer has the balance of the meter's last report, unless a newer balance came by SMS.
func TestWhichBalanceIsTheNewer(t *testing.T) {
	for name, c := range map[string]struct {
		record *registry.MeterRecord
		told   time.Duration // how long ago the balance came by SMS; 0 for never
		want   string
	}{
		"never":                      {nil, 0, "No balance from"},
		"known, and never reported":  {&registry.MeterRecord{BalanceWh: 1000}, 0, "No balance from"},
		"by SMS alone":               {nil, time.Minute, "42.8 kWh left at 20.11 14:04"},
		"reported alone":             {&registry.MeterRecord{Reported: true, BalanceWh: 1000}, 0, "1.0 kWh left"},
		"reported first":             {&registry.MeterRecord{Reported: true, BalanceWh: 1000}, time.Minute - 1, "42.8 kWh left"},
		"at the same moment":         {&registry.MeterRecord{Reported: true, BalanceWh: 1000}, time.Minute, "1.0 kWh left"},
		"reported last":              {&registry.MeterRecord{Reported: true, BalanceWh: 1000}, time.Hour, "1.0 kWh left"},
		"never reported, and by SMS": {&registry.MeterRecord{BalanceWh: 1000}, time.Hour, "42.8 kWh left"},
		"with a token":               {&registry.MeterRecord{Reported: true, BalanceWh: 1000}, 0, "35.7 kWh left at 20.11 14:05"},
	} {
		o := opened(t)
		if name == "with a token" {
			o.said = &registry.ReportedBalance{Balance: 35_700, At: o.now, Source: "keypad"}
		}
		if c.record != nil {
			c.record.ReceivedAt, c.record.AsOf = o.now.Add(-time.Minute), o.now.Add(-2*time.Minute)
			o.records[id.ID{2}] = *c.record
		}
		if c.told > 0 {
			o.messages = append(o.messages, notify.Message{Incoming: true, Purpose: notify.PurposeFromMeter, Meter: 1, Text: loadedText, CreatedAt: o.now.Add(-c.told)})
		}
		if got := o.receive(amina, "bal"); len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestUseOfAWalletSinceItWasOpened asks for the use of wallets that were opened on different days, such as today or
// the last day of the previous month.
func TestUseOfAWalletSinceItWasOpened(t *testing.T) {
	for name, c := range map[string]struct {
		now, opened time.Time
		want        string
	}{
		"yesterday":               {time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), time.Date(2026, 11, 19, 9, 0, 0, 0, time.UTC), "1.0 today, 4.0 yesterday, 5.0"},
		"the day before":          {time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC), "1.0 today, 2.0 yesterday, 5.0"},
		"yesterday, last month":   {time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC), "1.0 today, 2.0 yesterday, 5.0"},
		"today, the first":        {time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), time.Date(2026, 12, 1, 1, 0, 0, 0, time.UTC), "5.0 today, 0.0 yesterday, 5.0"},
		"today, by local time":    {time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), time.Date(2026, 11, 19, 22, 0, 0, 0, time.UTC), "5.0 today, 0.0 yesterday, 5.0"},
		"in the simulated past":   {time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), time.Date(2026, 12, 20, 9, 0, 0, 0, time.UTC), "1.0 today, 2.0 yesterday, 5.0"},
		"at no known time at all": {time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), time.Time{}, "1.0 today, 2.0 yesterday, 5.0"},
	} {
		o := opened(t)
		o.now = c.now
		s := &o.mine[amina][0]
		s.Wallet, s.Since, s.Simulated = true, c.opened, name == "in the simulated past"
		if s.Simulated {
			o.records[id.ID{2}] = registry.MeterRecord{Reported: true, AsOf: c.now}
		}
		o.use = notify.WalletUse{Today: 1000, Yesterday: 2000, Month: 5000, At: c.now}
		o.receive(amina, "use")
		a := o.messages[1].Args
		if got := fmt.Sprintf("%s today, %s yesterday, %s", a.Today.KWh(1), a.Day.KWh(1), a.Used.KWh(1)); got != c.want || !a.At.Equal(c.now) {
			t.Errorf("opened %s: %s at %s, want %s", name, got, a.At, c.want)
		}
	}
}

// TestASimulatedMeterLivesInItsOwnTime checks that a simulated meter's last seven days end at its last report. Its account may have been
// opened after that.
func TestASimulatedMeterLivesInItsOwnTime(t *testing.T) {
	then := time.Date(2026, 6, 10, 12, 0, 0, 0, time.FixedZone("EAT", 3*3600))
	for name, c := range map[string]struct {
		simulated, reported bool
		since               time.Time
		want                notify.Purpose
	}{
		"simulated":                      {true, true, time.Time{}, notify.PurposeUsage},
		"simulated, opened after it":     {true, true, then.Add(time.Hour), notify.PurposeUsage},
		"simulated, opened with it":      {true, true, then, notify.PurposeUsageUnknown},
		"simulated, opened in that week": {true, true, then.AddDate(0, 0, -3), notify.PurposeUsageUnknown},
		"simulated, and never reported":  {true, false, time.Time{}, notify.PurposeUsageUnknown},
		"a real one":                     {false, true, time.Time{}, notify.PurposeUsageUnknown},
	} {
		o := opened(t)
		s := &o.mine[amina][0]
		s.Simulated, s.Since = c.simulated, c.since
		o.records[id.ID{2}] = registry.MeterRecord{Reported: c.reported, AsOf: then}
		for h := range 24 * 9 {
			o.readings = append(o.readings, metering.StoredReading{Memory: "a", At: then.Add(time.Duration(h-24*9) * time.Hour), RegisterWh: int64(h) * 10})
		}
		if o.receive(amina, "use"); o.messages[1].Purpose != c.want {
			t.Errorf("%s: %s, want %s", name, o.messages[1].Purpose, c.want)
		}
	}
}

// TestTheSevenDaysOfUse checks that the seven days begin at midnight, and that a register that went back is not counted.
func TestTheSevenDaysOfUse(t *testing.T) {
	midnight := time.Date(2026, 11, 20, 0, 0, 0, 0, time.FixedZone("EAT", 3*3600))
	week, day := midnight.AddDate(0, 0, -7), midnight.AddDate(0, 0, -1)
	at := func(t time.Time, wh int64) metering.StoredReading {
		return metering.StoredReading{Memory: "a", At: t, RegisterWh: wh}
	}
	for name, c := range map[string]struct {
		readings []metering.StoredReading
		used     unit.Energy
		day      unit.Energy
		known    bool
	}{
		"from midnight to midnight":             {[]metering.StoredReading{at(week, 100), at(day, 800), at(midnight, 1500)}, 1400, 700, true},
		"from a day before, less a moment":      {[]metering.StoredReading{at(week.AddDate(0, 0, -1).Add(1), 100), at(day, 800)}, 700, 0, true},
		"from a day before":                     {[]metering.StoredReading{at(week.AddDate(0, 0, -1), 100), at(day, 800)}, 0, 0, false},
		"nothing before the week":               {[]metering.StoredReading{at(week.Add(1), 100), at(day, 800)}, 0, 0, false},
		"nothing at all":                        {nil, 0, 0, false},
		"a moment of yesterday":                 {[]metering.StoredReading{at(week, 0), at(day, 700), at(day.Add(1), 1400)}, 1400, 700, true},
		"today does not count":                  {[]metering.StoredReading{at(week, 0), at(midnight, 700), at(midnight.Add(1), 1400)}, 700, 700, true},
		"what was counted backwards":            {[]metering.StoredReading{at(week, 1000), at(day, 300), at(midnight, 1000)}, 700, 700, true},
		"nothing used":                          {[]metering.StoredReading{at(week, 1000), at(midnight, 1000)}, 0, 0, true},
		"two memories":                          {[]metering.StoredReading{at(week, 0), {Memory: "b", At: day, RegisterWh: 700}, {Memory: "b", At: midnight, RegisterWh: 1400}}, 700, 700, true},
		"that were stored in another order":     {[]metering.StoredReading{at(day, 700), at(week, 0), at(midnight, 1400)}, 1400, 700, true},
		"two before the week, the last is late": {[]metering.StoredReading{at(week.AddDate(0, 0, -5), 0), at(week, 100), at(midnight, 800)}, 700, 700, true},
	} {
		o := opened(t)
		o.readings = c.readings
		o.receive(amina, "use")
		m := o.messages[1]
		if known := m.Purpose == notify.PurposeUsage; known != c.known || m.Args.Used != c.used || m.Args.Mean != c.used/7 || m.Args.Day != c.day {
			t.Errorf("%s: %s, %d used, %d yesterday; want known %t, %d, %d", name, m.Purpose, m.Args.Used, m.Args.Day, c.known, c.used, c.day)
		}
	}
}

// TestTheUseOfAnAccount checks that the use is reported once there are seven whole days after the opening day.
func TestTheUseOfAnAccount(t *testing.T) {
	midnight := time.Date(2026, 11, 20, 0, 0, 0, 0, time.FixedZone("EAT", 3*3600))
	for since, want := range map[time.Time]notify.Purpose{
		midnight.AddDate(0, -1, 0): notify.PurposeUsage, midnight.AddDate(0, 0, -7).Add(-1): notify.PurposeUsage, midnight.AddDate(0, 0, -7): notify.PurposeUsageUnknown, midnight.AddDate(0, 0, -1): notify.PurposeUsageUnknown,
	} {
		o := opened(t)
		o.mine[amina][0].Since = since
		o.readings = []metering.StoredReading{{Memory: "a", At: midnight.AddDate(0, 0, -7)}, {Memory: "a", At: midnight, RegisterWh: 700}}
		if o.receive(amina, "use"); o.messages[1].Purpose != want {
			t.Errorf("opened %s: %s, want %s", since, o.messages[1].Purpose, want)
		}
	}
}

// TestNoMoreReadingsAreAddedUpThanTwoThousand also checks that no more readings are read than needed.
func TestNoMoreReadingsAreAddedUpThanTwoThousand(t *testing.T) {
	midnight := time.Date(2026, 11, 20, 0, 0, 0, 0, time.FixedZone("EAT", 3*3600))
	for _, c := range []struct {
		every time.Duration
		n     int
		pages int
	}{{time.Minute, 20_000, 8}, {time.Hour, 20_000, 1}, {30 * time.Minute, 20_000, 2}, {time.Hour, 249, 1}, {time.Minute, 250, 2}} {
		o := opened(t)
		for i := range c.n {
			o.readings = append(o.readings, metering.StoredReading{Memory: "a", At: midnight.Add(time.Duration(i+1-c.n) * c.every), RegisterWh: int64(i)})
		}
		b := broke(o, 0)
		dispatcher := notify.New(notify.Config{Door: doorTo[notify.Tx]{b}, Now: func() time.Time { return o.now }})
		if err := dispatcher.Inbox(1).Receive(t.Context(), notify.Incoming{From: amina, Text: "use"}); err != nil || b.times["Readings"] != c.pages {
			t.Errorf("%d readings, one in %s: %d pages, %v; want %d", c.n, c.every, b.times["Readings"], err, c.pages)
		}
	}
}
