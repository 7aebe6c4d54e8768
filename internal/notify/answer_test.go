package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/sts"
)

// office is a dispatcher's store: customers, meters and messages, in memory. Its other interfaces are nil, so that an answer
// that uses one of them breaks the test.
type office struct {
	forged bool // every telephone number was changed in the database
	notify.Tx
	notify.CarriedTx
	notify.RecipientTx
	notify.OutcomeTx
	notify.QueuedTx
	registry.MeterLookup
	eyes     texts
	sim      string // the number of a meter's SIM
	t        *testing.T
	now      time.Time
	made     int
	messages []notify.Message
	known    map[[16]byte]bool
	mine     map[string][]notify.Subscription
	stopped  map[string]bool
	audit    []string
	early    earlyRows
	woken    []string // telephones whose messages were made due, with the time in which a message must not have been tried
	records  map[id.ID]registry.MeterRecord
	said     *registry.ReportedBalance // with a token
	sales    map[int64]notify.LastSale
	readings []metering.StoredReading
	use      notify.WalletUse
	settled  money.Amount
	left     money.Amount
	noWallet bool
	read     bool // a value of the meter's device was read
	asOf     time.Time
	broken   bool // the commit fails
	waiting  int  // number of waiting messages, for each queue and in total
	all      int  // number of waiting messages in total, if it differs
	shop     notify.Shop
	word     string // the text that answers without an arrival answer
}

func (o *office) Do(_ context.Context, _ access.Tenant, fn func(notify.Tx) (bool, error)) error {
	before := len(o.messages)
	if err := commit(notify.Tx(o), fn); err != nil {
		return err
	}
	if o.broken {
		o.messages = o.messages[:before]
		return errors.New("the disk is full")
	}
	for _, m := range o.messages[before:] {
		if m.Incoming {
			o.known[m.Identity] = true
		}
	}
	return nil
}

func (o *office) View(ctx context.Context, t access.Tenant, fn func(notify.Tx) error) error {
	return fn(o)
}

func (o *office) Eyes() access.EyesTx { return &o.eyes }

func (o *office) NewID() (id.ID, error) {
	o.made++
	return id.ID{byte(o.made >> 8), byte(o.made)}, nil
}
func (o *office) MessageKnown(i [16]byte) (bool, error) { return o.known[i], nil }
func (o *office) MessageAdd(m notify.Message) error {
	o.messages = append(o.messages, m)
	return nil
}
func (o *office) MessagesWake(phone string, now, tried time.Time) error {
	o.woken = append(o.woken, fmt.Sprintf("%s %s", phone, now.Sub(tried)))
	return nil
}
func (o *office) MessagesWakeRoute(string, time.Time) error { return nil }
func (o *office) MessagesAfter(m notify.Message, purposes []notify.Purpose, most int) (out []notify.Message, err error) {
	for _, l := range slices.Backward(o.messages) {
		if !l.Incoming && l.Phone == m.Phone && bytes.Compare(l.ID[:], m.ID[:]) > 0 && slices.Contains(purposes, l.Purpose) && len(out) < most {
			out = append(out, l)
		}
	}
	return out, nil
}
func (o *office) MessagesWaiting(line string, most int) (int, error) {
	if line == "" && o.all > 0 {
		return min(o.all, most), nil
	}
	return min(o.waiting, most), nil
}
func (o *office) QuietHours() (registry.QuietHours, *time.Location, error) {
	return registry.QuietHours{}, time.FixedZone("EAT", 3*3600), nil
}
func (o *office) MeterBySIM(phone string) (registry.Meter, bool, error) {
	return registry.Meter{}, phone != "" && phone == o.sim, nil
}
func (o *office) Subscriptions(phone string, _ int) ([]notify.Subscription, error) {
	return o.mine[phone], nil
}
func (o *office) TenantSettings() (registry.Settings, error) {
	return registry.Settings{Name: "Umeme Mashinani", Currency: "KES", Receipt: registry.ReceiptHead{Contact: "+254 20 000 0000"}}, nil
}
func (o *office) count(is func(notify.Message) bool, since time.Time) (n int, err error) {
	for _, m := range o.messages {
		if m.CreatedAt.After(since) && is(m) {
			n++
		}
	}
	return n, nil
}
func (o *office) Arrivals(phone string, since time.Time, most int) (out []string, err error) {
	for _, m := range o.messages {
		if m.Incoming && m.Phone == phone && m.CreatedAt.After(since) && len(out) < most {
			out = append(out, m.Text)
		}
	}
	return out, nil
}

// answers lists the messages that went out, with the texts of those that they answer.
func (o *office) answers(is func(notify.Message) bool, since time.Time, most int) (out []notify.Answer, err error) {
	for _, m := range o.messages {
		if m.Incoming || !is(m) || !m.CreatedAt.After(since) || len(out) == most {
			continue
		}
		a := notify.Answer{At: m.CreatedAt, To: o.word}
		for _, in := range o.messages {
			if in.Incoming && in.ID == m.Answers {
				a.To = in.Text
			}
		}
		out = append(out, a)
	}
	return out, nil
}
func (o *office) AnswersTo(phone string, since time.Time, most int) ([]notify.Answer, error) {
	return o.answers(func(m notify.Message) bool { return m.Phone == phone }, since, most)
}
func (o *office) AnswersAbout(meter int64, since time.Time, most int) ([]notify.Answer, error) {
	return o.answers(func(m notify.Message) bool { return m.Meter == meter }, since, most)
}
func (o *office) MessagesOf(p notify.Purpose, since time.Time, most int) (int, error) {
	n, err := o.count(func(m notify.Message) bool { return m.Purpose == p }, since)
	return min(n, most), err
}
func (o *office) SetNotices(phone string, on bool) error {
	o.stopped[phone] = !on
	return nil
}
func (o *office) AuditLog(e access.Entry) error {
	after, _, _ := strings.Cut(e.After, " took=")
	o.audit = append(o.audit, e.Action+" "+after)
	return nil
}
func (o *office) MeterRecord(meter id.ID) (registry.MeterRecord, bool, error) {
	r := o.records[meter]
	r.Meter.Mode = registry.PrepayToken
	return r, true, nil
}

// ReportedBalance knows what the meter said with its last token, and looks for messages of the meter, as the store does.
func (o *office) ReportedBalance(registry.Meter) (reported, texted *registry.ReportedBalance, err error) {
	newest, err := o.MessageList(notify.FromMeter(1), id.ID{}, notify.BalanceSearch)
	if told, heard := notify.BalanceBySMS(newest); heard {
		texted = &registry.ReportedBalance{Balance: told.Balance, At: told.At, Source: registry.ReportedBySMS}
	}
	return o.said, texted, err
}
func (o *office) Bought() notify.BoughtTx           { return bought{o} }
func (o *office) DeviceWasRead(int64) (bool, error) { return o.read, nil }
func (o *office) WalletFigures(int64) (settled, available money.Amount, asOf time.Time, found bool, err error) {
	return o.settled, o.left, o.asOf, !o.noWallet, nil
}
func (o *office) WalletUsed(int64, string, string) (notify.WalletUse, error) { return o.use, nil }
func (o *office) Readings(_ int64, s metering.Span, after metering.After, most int) (out []metering.StoredReading, err error) {
	for i := len(o.readings) - 1; i >= 0 && len(out) < most; i-- {
		r := o.readings[i]
		r.Row = int64(i + 1)
		if r.At.Before(s.To) && (after.Hi == 0 || uint64(r.Row) < after.Hi) {
			out = append(out, r)
		}
	}
	return out, nil
}
func (o *office) MessageList(f notify.Filter, _ id.ID, most int) (out []notify.Message, err error) {
	for i := len(o.messages) - 1; i >= 0 && len(out) < most; i-- {
		if m := o.messages[i]; m.Meter == f.Meter && m.Incoming {
			out = append(out, m)
		}
	}
	return out, nil
}

const (
	amina    = "+254700000001"
	juma     = "+254700000002"
	stranger = "+254799999999"
	meterA   = "04140001001"
	meterB   = "04140002009"
)

func opened(t *testing.T) *office {
	one := notify.Subscription{Customer: id.ID{1}, Lang: "en", Notices: true, Menu: true, Meter: id.ID{2}, N: 1, Number: meterA, SIM: "+255700000200"}
	two := notify.Subscription{Customer: id.ID{3}, Lang: "sw", Notices: true, Meter: id.ID{4}, N: 2, Number: meterB, SIM: "+255700000201"}
	walletMeter := notify.Subscription{Customer: id.ID{3}, Lang: "sw", Notices: true, Meter: id.ID{5}, N: 3, Number: "04140003007", Wallet: true, Simulated: true}
	return &office{t: t, now: time.Date(2026, 11, 20, 11, 5, 0, 0, time.UTC), known: map[[16]byte]bool{}, stopped: map[string]bool{},
		mine: map[string][]notify.Subscription{amina: {one}, juma: {two, walletMeter}}, records: map[id.ID]registry.MeterRecord{}, sales: map[int64]notify.LastSale{}}
}

func (o *office) dispatcher() *notify.Dispatcher {
	return notify.New(notify.Config{Door: o, Hasher: hashes{}, Shop: o.shop, Now: func() time.Time { return o.now }})
}

// receive hands a message in and returns the texts of the answers, with the tokens' digits as they would be sent.
func (o *office) receive(from, text string) (texts []string) {
	o.t.Helper()
	o.now = o.now.Add(time.Second)
	before := len(o.messages)
	in := notify.Incoming{Route: "modem1", Identity: notify.IdentityOf(from, text, fmt.Sprint(o.now)), From: from, Text: text, At: o.now}
	if err := o.dispatcher().Inbox(1).Receive(o.t.Context(), in); err != nil {
		o.t.Fatal(err)
	}
	for _, m := range o.messages[before:] {
		if m.Incoming {
			continue
		}
		l, _ := notify.LanguageOf(m.Lang)
		var token sts.Token
		if m.Purpose.NeedsToken() {
			token = tokenOf(o.t, fmt.Sprintf("%020d", 12345678901234567+int64(m.Token[15])))
		}
		r, err := notify.Render(l, m.Purpose, m.Args, token)
		if err != nil {
			o.t.Fatal(err)
		}
		if m.Phone != from {
			o.t.Errorf("%q of %s is answered to %s", text, from, m.Phone)
		}
		texts = append(texts, r.Reveal())
	}
	return texts
}

func (o *office) want(from, text string, want ...string) {
	o.t.Helper()
	if got := o.receive(from, text); strings.Join(got, "\n") != strings.Join(want, "\n") {
		o.t.Errorf("%q of %s:\n got %q\nwant %q", text, from, got, want)
	}
}

func TestACustomerAsks(t *testing.T) {
	o := opened(t)
	o.want(amina, "bal", "No balance from meter 04140001001 yet. Read it on the meter's display.")
	o.records[id.ID{2}] = registry.MeterRecord{Reported: true, BalanceWh: 42_899, AsOf: o.now.Add(-time.Hour), ReceivedAt: o.now.Add(-time.Hour)}
	o.want(amina, "BAL.", "Meter 04140001001: 42.8 kWh left at 20.11 13:05. See the meter's display for a newer figure.")
	o.want(amina, "*01#", "Meter 04140001001: 42.8 kWh left at 20.11 13:05. See the meter's display for a newer figure.")
	o.want(amina, "Help", "BAL balance, LAST token, USE usage, BUY 500, PIN voucher, LINK page, STOP/START warnings. More meters: add the number. Help: +254 20 000 0000")
	o.want(amina, "hello there", "Not understood. Send BAL, LAST, USE or HELP.")
	o.want(amina, "*02#12345678901234567890", "This is not the meter: no token was loaded. Type the 20 digits on the meter, then #, or send *02# and the digits to +255700000200.")
	o.want(amina, "last", "No token was bought for meter 04140001001 yet.")
	for _, m := range o.messages {
		if strings.Contains(m.Text, "123456") {
			t.Errorf("a token is stored: %q", m.Text)
		}
	}
}

func TestSeveralMeters(t *testing.T) {
	o := opened(t)
	o.settled, o.left, o.asOf = money.Amount{Minor: 12_000, Currency: "KES"}, money.Amount{Minor: 11_680, Currency: "KES"}, o.now
	choose := "Mita ipi? Tuma SALIO na namba yake, au SALIO 1, SALIO 2...: 1=04140002009, 2=04140003007"
	walletMeter := "TEST Mita 04140003007: limebaki KES 116.80 kwa usomaji wa 20.11 14:05 (makadirio). Kwenye vitabu: KES 120.00."
	o.want(juma, "salio", choose)
	o.want(juma, "salio 2", walletMeter)
	o.want(juma, "SALIO 04140003007", walletMeter)
	o.want(juma, "bal 3007", walletMeter)
	o.want(juma, "salio 3", "Mita hiyo si yako, hivyo hakuna kinachosemwa. Zako: 1=04140002009, 2=04140003007")
	o.want(juma, "salio 04140001001", "Mita hiyo si yako, hivyo hakuna kinachosemwa. Zako: 1=04140002009, 2=04140003007")
	o.want(juma, "12345678901234567890", "Hii si mita: hakuna kilichoingizwa. Andika tarakimu 20 kwenye mita, kisha #.")
	o.want(juma, "tokeni 2", "TEST Mita 04140003007 haihitaji tokeni: unacholipa hufanya kazi chenyewe. Tuma SALIO kuona salio.")
	o.asOf = time.Time{}
	o.want(juma, "salio 2", "TEST Mita 04140003007: KES 120.00 kwenye vitabu. Mita bado haijasema kilichotumika tangu hapo.")
}

func TestTwoMetersWithTheSameEndAreNotGuessed(t *testing.T) {
	o := opened(t)
	twin := o.mine[amina][0]
	twin.Number, twin.N = "04150001001", 9
	o.mine[amina] = append(o.mine[amina], twin)
	o.want(amina, "bal 1001", "That meter is not one of yours. Yours: 1=04140001001, 2=04150001001")
	o.want(amina, "*02#12345678901234567890", "This is not the meter: no token was loaded. Type the 20 digits on the meter, then #.")
}

func TestTheLastTokenIsSentAgain(t *testing.T) {
	o := opened(t)
	token := func(n byte, class, subclass uint8) sale.Token {
		return sale.Token{ID: id.ID{15: n}, Class: class, SubClass: subclass, Units: 34_700, State: sale.TokenIssued, Sealed: sale.Sealed{1}}
	}
	sold := notify.LastSale{Vend: id.ID{7}, At: o.now, Tender: money.Amount{Minor: 10_000, Currency: "KES"}, Tokens: []sale.Token{token(1, 0, 0)}}
	o.sales[1] = sold
	o.want(amina, "LAST", "0001 2345 6789 0123 4568 = 34.7 kWh, KES 100.00, meter 04140001001, bought 20.11 14:05. Type the 20 digits on the meter, then #.")
	if len(o.audit) != 1 || !strings.HasPrefix(o.audit[0], "token.resent") || !strings.Contains(o.audit[0], meterA) {
		t.Errorf("the audit log has %q, want one row that a token was sent again", o.audit)
	}
	sold.Tokens = []sale.Token{token(1, 2, 3), token(2, 2, 4), token(3, 0, 0)}
	o.sales[1] = sold
	o.want(amina, "LAST",
		"0001 2345 6789 0123 4568 = step 1 of 3: new key, meter 04140001001, bought 20.11 14:05. Type the steps in order, # after each.",
		"0001 2345 6789 0123 4569 = step 2 of 3: new key, meter 04140001001, bought 20.11 14:05. Type the steps in order, # after each.",
		"0001 2345 6789 0123 4570 = step 3 of 3: 34.7 kWh, KES 100.00, meter 04140001001, bought 20.11 14:05. Type the steps in order.")
	sold.Reversed = true
	o.sales[1] = sold
	o.want(amina, "LAST", "The last purchase for meter 04140001001 was reversed. Its token is not valid and is not sent again. Help: +254 20 000 0000")
	o.sales[1] = notify.LastSale{Pending: true}
	o.want(amina, "LAST", "The token of the last payment for meter 04140001001 is not made yet. Do not pay again. Ask again in a few minutes. Help: +254 20 000 0000")
	if len(o.audit) != 2 {
		t.Errorf("the audit log has %q, want a row for each of the two times that tokens were sent", o.audit)
	}
}

func TestUseOfSevenDays(t *testing.T) {
	o := opened(t)
	unknown := "No usage data for the last 7 days from meter 04140001001 yet. See menu 2 on the meter."
	o.want(amina, "use", unknown)
	midnight := time.Date(2026, 11, 20, 0, 0, 0, 0, time.FixedZone("EAT", 3*3600))
	register := int64(100_000)
	for d := -7; d <= 0; d++ {
		o.readings = append(o.readings, metering.StoredReading{Memory: "a", At: midnight.AddDate(0, 0, d), RegisterWh: register})
		register += 1000 * int64(8+d)
	}
	o.want(amina, "use", "Meter 04140001001 used 28.0 kWh in 7 days, 4.0 kWh a day, yesterday 7.0 kWh.")
	o.readings = append(o.readings, metering.StoredReading{Memory: "a", At: o.now, RegisterWh: register + 99_000}) // today
	o.want(amina, "use", "Meter 04140001001 used 28.0 kWh in 7 days, 4.0 kWh a day, yesterday 7.0 kWh.")
	o.readings[7].Memory, o.readings[7].RegisterWh = "b", 5
	o.want(amina, "use", "Meter 04140001001 used 21.0 kWh in 7 days, 3.0 kWh a day, yesterday 0.0 kWh.") // a new memory: not counted
	o.readings = o.readings[1:]
	o.want(amina, "use", unknown)
	o.readings = nil
	for n := range 3000 { // a reading every ten minutes, 10 Wh each, for three weeks
		o.readings = append(o.readings, metering.StoredReading{Memory: "a", At: midnight.Add(time.Duration(n-2990) * 10 * time.Minute), RegisterWh: int64(n) * 10})
	}
	o.want(amina, "use", "Meter 04140001001 used 10.0 kWh in 7 days, 1.4 kWh a day, yesterday 1.4 kWh.")
	o.mine[amina][0].Since = midnight.AddDate(0, 0, -7).Add(time.Hour) // moved in on the first of the seven days
	o.want(amina, "use", unknown)
	o.mine[amina][0].Since = midnight.AddDate(0, 0, -7).Add(-time.Hour)
	o.readings = append(o.readings[:2990-7*144-200], o.readings[2990-7*144+1:]...) // silent at the start of the week
	o.want(amina, "use", unknown)
	o.mine[amina][0].Menu = false
	o.want(amina, "use", "No usage data for meter 04140001001 yet.")
}

// TestUseOfAWallet checks that the answer has the rated use from the first day on, and does not send the customer to a menu. For the day
// when the account was opened, it has only the account's own use.
func TestUseOfAWallet(t *testing.T) {
	o := opened(t)
	o.mine[amina][0] = notify.Subscription{Customer: id.ID{1}, Lang: "en", Meter: id.ID{2}, N: 1, Number: meterA, Wallet: true, Menu: true}
	since := &o.mine[amina][0].Since
	o.want(amina, "use", "No usage data for meter 04140001001 yet.")
	o.use = notify.WalletUse{Today: 1999, Yesterday: 2345, Month: 12_345, At: o.now}
	for _, c := range []struct {
		opened time.Time
		want   string
	}{
		{time.Time{}, "1.9 kWh today, 2.3 kWh yesterday and 12.3 kWh this month"},
		{o.now.AddDate(0, -3, 0), "1.9 kWh today, 2.3 kWh yesterday and 12.3 kWh this month"},
		{o.now.AddDate(0, 0, -1), "1.9 kWh today, 10.3 kWh yesterday and 12.3 kWh this month"},
		{o.now.Add(-time.Hour), "12.3 kWh today, 0.0 kWh yesterday and 12.3 kWh this month"},
	} {
		*since = c.opened
		o.want(amina, "use", "Meter 04140001001 used "+c.want+", by its reading of 20.11 14:05.")
	}
	o.use.At = o.now
	o.want(juma, "matumizi 2", "TEST Mita 04140003007 imetumia kWh 1.9 leo, kWh 2.3 jana, kWh 12.3 mwezi huu, kwa usomaji wa 20.11 14:05.")
}

func TestAStrangerLearnsThePublicLineOnly(t *testing.T) {
	public := "This number serves customers of Umeme Mashinani from their registered phones. Help: +254 20 000 0000"
	for _, text := range []string{"BAL", "BAL 04140001001", "LAST 04140001001", "USE", "STOP", "help", "*02#12345678901234567890", "hello"} {
		o := opened(t)
		o.sales[1] = notify.LastSale{Tokens: []sale.Token{{ID: id.ID{15: 1}, Sealed: sale.Sealed{1}}}}
		o.want(stranger, text, public)
	}
	o := opened(t)
	o.want(stranger, "salio", "Namba hii huhudumia wateja wa Umeme Mashinani kwa simu zilizosajiliwa. Hakuna kilichobadilika. Msaada: +254 20 000 0000")
	o.receive(stranger, "BAL")
	for range 20 {
		o.want(stranger, "BAL")
	}
	o.now = o.now.Add(25 * time.Hour)
	o.want(stranger, "BAL", public)
}

func TestMachinesAreNotAnswered(t *testing.T) {
	for _, from := range []string{"PAYWATT", "15555", "12345", "", "+", "0700000001"} {
		o := opened(t)
		o.want(from, "HELP")
		if len(o.messages) != 1 || !o.messages[0].Incoming {
			t.Errorf("a message of %q leaves %d messages, want it alone", from, len(o.messages))
		}
	}
}

func TestAnswersAreLimited(t *testing.T) {
	o := opened(t)
	for range 9 {
		if got := o.receive(amina, "help"); len(got) != 1 {
			t.Fatalf("help is answered by %q", got)
		}
	}
	o.want(amina, "help", "Too many messages: this one was not answered. Try again in an hour.")
	for range 30 {
		o.want(amina, "help")
	}
	o.receive(juma, "msaada")
	answers := 0
	for range 100 {
		o.now = o.now.Add(10 * time.Minute)
		answers += len(o.receive(amina, "help"))
	}
	if answers < 15 || answers > notify.MaxPerSenderDay {
		t.Errorf("in 17 hours there are %d answers more, want some and at most %d in a day", answers, notify.MaxPerSenderDay)
	}
	if o.messages[len(o.messages)-1].Incoming != true {
		t.Error("the last message is not the one that came")
	}
	for range 200 {
		o.receive(stranger, "x")
	}
	if all, _ := o.Arrivals(stranger, time.Time{}, 1000); len(all) > notify.MaxArrivals {
		t.Errorf("%d messages of one stranger are kept, want at most %d", len(all), notify.MaxArrivals)
	}
}

func TestOneMeterIsTalkedAboutTwentyTimesADay(t *testing.T) {
	o := opened(t)
	answers := 0
	for i := range 30 {
		phone := fmt.Sprintf("+2547000001%02d", i) // another telephone for the same meter
		o.mine[phone] = o.mine[amina]
		answers += len(o.receive(phone, "bal"))
	}
	if answers != notify.MaxPerMeter {
		t.Errorf("one meter is talked about %d times a day, want %d", answers, notify.MaxPerMeter)
	}
}

func TestAMessageIsTakenOnce(t *testing.T) {
	o := opened(t)
	in := notify.Incoming{Route: "modem1", Identity: [16]byte{1}, From: amina, Text: "HELP", At: o.now}
	o.broken = true
	if err := o.dispatcher().Inbox(1).Receive(t.Context(), in); err == nil || len(o.messages) != 0 {
		t.Fatalf("a message that was not committed is taken: %v, %d messages", err, len(o.messages))
	}
	o.broken = false
	for range 3 {
		if err := o.dispatcher().Inbox(1).Receive(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	if len(o.messages) != 2 {
		t.Errorf("there are %d messages, want the question and one answer", len(o.messages))
	}
}

// TestWhatNoDatabaseKeepsIsMadeStorable sends octets that a database refuses. They must be replaced, because the route would offer a
// refused message again and again.
func TestWhatNoDatabaseKeepsIsMadeStorable(t *testing.T) {
	o := opened(t)
	in := notify.Incoming{Route: "modem1", Identity: [16]byte{1}, From: "A\x00\xff", Text: "B\x00\xff", At: o.now}
	if err := o.dispatcher().Inbox(1).Receive(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	for _, m := range o.messages {
		if strings.Contains(m.Phone+m.Text, "\x00") || !utf8.ValidString(m.Phone+m.Text) {
			t.Errorf("stored %q from %q", m.Text, m.Phone)
		}
	}
	if len(o.messages) == 0 {
		t.Error("the message was not stored")
	}
}

func TestHalfAMessageIsNoCommand(t *testing.T) {
	o := opened(t)
	in := notify.Incoming{Route: "modem1", Identity: [16]byte{1}, From: amina, Text: "STOP \ufffd", Missing: 1, At: o.now}
	if err := o.dispatcher().Inbox(1).Receive(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if len(o.messages) != 1 || len(o.stopped) != 0 {
		t.Errorf("half a STOP leaves %d messages and changes %v", len(o.messages), o.stopped)
	}
}

func TestABalanceToldBySMSIsShownWithItsTime(t *testing.T) {
	o := opened(t)
	reply := notify.Message{Incoming: true, Purpose: notify.PurposeFromMeter, Meter: 1, Text: "Recharge OK. 34.7 kWh added. Balance 42.8 kWh", CreatedAt: o.now.Add(-time.Minute)}
	o.messages = append(o.messages, reply)
	fresh := "Meter 04140001001: 42.8 kWh left at 20.11 14:04. See the meter's display for a newer figure."
	o.want(amina, "bal", fresh)
	o.records[id.ID{2}] = registry.MeterRecord{Reported: true, BalanceWh: 8100, AsOf: o.now.Add(-time.Hour), ReceivedAt: o.now.Add(-time.Hour)}
	o.want(amina, "bal", fresh)
	o.records[id.ID{2}] = registry.MeterRecord{Reported: true, BalanceWh: 42_700, AsOf: o.now, ReceivedAt: o.now}
	o.want(amina, "bal", "Meter 04140001001: 42.7 kWh left at 20.11 14:05. See the meter's display for a newer figure.")
	for _, m := range []notify.Message{{Purpose: notify.PurposeFromCustomer, Text: reply.Text}, {Purpose: notify.PurposeFromMeter, Text: "Token rejected."}, {Purpose: notify.PurposeFromMeter, Text: reply.Text, Failure: "1 parts are missing"}} {
		if told, is := notify.BalanceIn(m); is {
			t.Errorf("%+v tells %+v", m, told)
		}
	}
}

// TestATokenIsNotKeptOutByAnswers checks that somebody who writes under a customer's number can fill only the answers' share of the queue.
func TestATokenIsNotKeptOutByAnswers(t *testing.T) {
	o := opened(t)
	for _, c := range []struct {
		waiting int
		draft   notify.Draft
		want    notify.State
	}{
		{notify.MaxPerPhone - 1, notify.Draft{Purpose: notify.PurposeHelp}, notify.Queued},
		{notify.MaxPerPhone, notify.Draft{Purpose: notify.PurposeHelp}, notify.Suppressed},
		{notify.MaxPerPhone, notify.Draft{Purpose: notify.PurposeLow1}, notify.Suppressed},
		{notify.MaxPerPhone, notify.Draft{Purpose: notify.PurposeToken, Token: id.ID{1}}, notify.Queued},
		{notify.MaxPerPhone, notify.Draft{Purpose: notify.PurposeCutSoon}, notify.Queued},
		{notify.MaxTokensPerPhone - 1, notify.Draft{Purpose: notify.PurposeMeter, Token: id.ID{1}}, notify.Queued},
		{notify.MaxTokensPerPhone, notify.Draft{Purpose: notify.PurposeMeter, Token: id.ID{1}}, notify.Suppressed},
	} {
		o.waiting, c.draft.Phone = c.waiting, amina
		if m, err := notify.Queue(o, c.draft, o.now); err != nil || m.State != c.want {
			t.Errorf("%s while %d wait is %s (%s), %v, want %s", c.draft.Purpose, c.waiting, m.State, m.Failure, err, c.want)
		}
	}
}
