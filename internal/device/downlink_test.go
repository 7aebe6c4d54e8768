package device_test

import (
	"bytes"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/outbox"
	"github.com/paywatt/paywatt/wire"
)

func down(t *testing.T, d *device.Device, k wire.Down, payload []byte) {
	t.Helper()
	must(t, d.Receive(k, wire.DownTopic(number, k), payload))
}

func push(t *testing.T, d *device.Device, request, digits string) {
	t.Helper()
	b, err := wire.EncodeTokenDown(wire.JSON, wire.TokenDown{Request: request, Digits: wire.Digits(digits)})
	must(t, err)
	down(t, d, wire.DownToken, b)
}

// signed encodes and signs a body.
func signed[B wire.Body](t *testing.T, k wire.Down, body B) []byte {
	t.Helper()
	plain, err := wire.EncodeBody(body)
	must(t, err)
	b, err := wire.Sign(wire.JSON, linkKey(t), wire.DownTopic(number, k), plain)
	must(t, err)
	return b
}

func order(id string, counter uint64) wire.SignedHeader {
	return wire.SignedHeader{ID: id, Counter: counter, ExpiresAt: testNow().Add(time.Hour).Unix()}
}

func command(t *testing.T, d *device.Device, o wire.SignedHeader, kind string, args map[string]any) {
	t.Helper()
	down(t, d, wire.DownCommand, signed(t, wire.DownCommand, wire.Command{SignedHeader: o, Type: kind, Args: args}))
}

func answer(t *testing.T, d *device.Device) wire.CommandAnswer {
	t.Helper()
	return *last(t, d, wire.KindCommand).Command
}

func TestAPushedTokenIsAnsweredByItsRequest(t *testing.T) {
	m := newMedium()
	d := open(t, m)
	token := digits(t, 5_871_715, 256)
	push(t, d, "tok_01", token)
	if r := last(t, d, wire.KindToken).Token; r.Request != "tok_01" || r.Result != "accept" || r.Source != "remote" || r.UnitsWh != 25_600 {
		t.Fatalf("answer %+v", r)
	}
	push(t, d, "tok_01", token)
	if r := last(t, d, wire.KindToken).Token; r.Request != "tok_01" || r.Result != "accept" {
		t.Errorf("the same request again: %+v, want the stored accept", r)
	}
	must(t, d.Close())
	d = open(t, m)
	push(t, d, "tok_01", token)
	if r := last(t, d, wire.KindToken).Token; r.Request != "tok_01" || r.Result != "accept" || d.View().BalanceWh != 25_600 {
		t.Errorf("the same request after a restart: %+v, balance %d", r, d.View().BalanceWh)
	}
	push(t, d, "tok_02", token)
	if r := last(t, d, wire.KindToken).Token; r.Request != "tok_02" || r.Result != "used_error" {
		t.Errorf("the same digits under another request: %+v, want used_error", r)
	}
}

func TestCommandsAreCarriedOutOnceAndAnswered(t *testing.T) {
	d := open(t, newMedium())
	enter(t, d, digits(t, 5_871_715, 256))
	command(t, d, order("cmd_1", 10), "disconnect", nil)
	if a, v := answer(t, d), d.View(); a.ID != "cmd_1" || a.State != "done" || v.Relay != "open" || v.Reasons[0] != "REMOTE" {
		t.Fatalf("disconnect: %+v, %+v", a, v)
	}
	command(t, d, order("cmd_2", 11), "connect", nil)
	if v := d.View(); v.Relay != "armed" {
		t.Fatalf("after connect the relay is %s, want armed until somebody presses #", v.Relay)
	}
	advance(t, d, 10*time.Second)
	must(t, d.Keys("#"))
	if v := d.View(); v.Relay != "closed" {
		t.Errorf("after # the relay is %s", v.Relay)
	}
	before := d.Box().Marks().Next
	command(t, d, order("cmd_1", 10), "disconnect", nil)
	if a := answer(t, d); a.ID != "cmd_1" || a.State != "done" || d.View().Relay != "closed" || d.Box().Marks().Next == before {
		t.Errorf("a repeat: %+v, relay %s; want the stored answer and no effect", a, d.View().Relay)
	}
	command(t, d, order("cmd_3", 11), "disconnect", nil)
	if a := answer(t, d); a.ID != "cmd_3" || a.State != "failed" || a.Reason != "counter" || d.View().Relay != "closed" {
		t.Errorf("an old counter: %+v, relay %s", a, d.View().Relay)
	}
	command(t, d, order("cmd_4", 12), "dance", nil)
	if a := answer(t, d); a.State != "failed" || a.Reason != "unknown" {
		t.Errorf("an unknown command: %+v", a)
	}
}

func TestAnExpiredCommandIsRefused(t *testing.T) {
	d := open(t, newMedium())
	enter(t, d, digits(t, 5_871_715, 256))
	o := order("cmd_1", 1)
	advance(t, d, time.Hour+time.Second)
	command(t, d, o, "disconnect", nil)
	if a := answer(t, d); a.ID != "cmd_1" || a.State != "failed" || a.Reason != "expired" || d.View().Relay != "closed" {
		t.Errorf("%+v, relay %s", a, d.View().Relay)
	}
}

func TestForgedMessagesAreDroppedWithoutAWord(t *testing.T) {
	d := open(t, newMedium())
	enter(t, d, digits(t, 5_871_715, 256))
	good := signed(t, wire.DownCommand, wire.Command{SignedHeader: order("cmd_1", 1), Type: "disconnect"})
	before := d.Box().Marks().Next
	forged := bytes.Replace(good, []byte(`"mac":"`), []byte(`"mac":"0`), 1)
	down(t, d, wire.DownCommand, forged)
	down(t, d, wire.DownCommand, []byte("nonsense"))
	down(t, d, wire.DownToken, []byte("nonsense"))
	// Send the same bytes as another kind and to another meter.
	down(t, d, wire.DownTime, good)
	must(t, d.Receive(wire.DownCommand, wire.DownTopic("04140001001", wire.DownCommand), good))
	if got := d.Box().Marks().Next; got != before || d.View().Relay != "closed" {
		t.Errorf("%d records for forged messages, relay %s", got-before, d.View().Relay)
	}
	c := config(t, newMedium())
	c.HasLink = false
	d, err := device.Open(c)
	must(t, err)
	before = d.Box().Marks().Next
	down(t, d, wire.DownCommand, good)
	if got := d.Box().Marks().Next; got != before {
		t.Error("a meter without a link key believed a message")
	}
}

func TestACancelledTokenCannotBeLoaded(t *testing.T) {
	d := open(t, newMedium())
	args := map[string]any{"tid": int64(5_871_715), "base_date": int64(2014)}
	command(t, d, order("cmd_1", 1), "cancel_token", args)
	if a := answer(t, d); a.State != "done" {
		t.Fatalf("cancel: %+v", a)
	}
	if got := enter(t, d, digits(t, 5_871_715, 256)); got != "used_error" {
		t.Errorf("the cancelled token: %s", got)
	}
	enter(t, d, digits(t, 5_871_716, 10))
	command(t, d, order("cmd_2", 2), "cancel_token", map[string]any{"tid": int64(5_871_716), "base_date": int64(2014)})
	if a := answer(t, d); a.State != "failed" || a.Reason != "used" {
		t.Errorf("cancelling a loaded token: %+v", a)
	}
	command(t, d, order("cmd_3", 3), "cancel_token", map[string]any{"tid": "many"})
	if a := answer(t, d); a.State != "failed" || a.Reason != "unknown" {
		t.Errorf("cancelling nothing in particular: %+v", a)
	}
}

func TestAConfigurationIsAppliedWholeOrNotAtAll(t *testing.T) {
	m := newMedium()
	d := open(t, m)
	doc := map[string]any{"imp_per_kwh": int64(1600), "reading_s": int64(900), "low1_wh": int64(30_000)}
	down(t, d, wire.DownConfig, signed(t, wire.DownConfig, wire.Config{SignedHeader: order("cfg_1", 1), Version: 7, Hash: "abcd", Config: doc}))
	if a := answer(t, d); a.ID != "cfg_1" || a.State != "done" {
		t.Fatalf("%+v", a)
	}
	doc["low3_wh"] = int64(1)
	down(t, d, wire.DownConfig, signed(t, wire.DownConfig, wire.Config{SignedHeader: order("cfg_2", 2), Version: 8, Hash: "ef01", Config: doc}))
	if a := answer(t, d); a.ID != "cfg_2" || a.State != "failed" || a.Reason != "config low3_wh" {
		t.Errorf("a document with an unknown key: %+v", a)
	}
	if b := d.Box().Boot(); b.Config.Version != 7 || b.Config.Hash != "abcd" {
		t.Errorf("in force is %+v, want version 7", b.Config)
	}
	m.lose()
	d = open(t, m)
	if b := d.Box().Boot(); b.Config.Version != 7 || b.Config.Hash != "abcd" {
		t.Errorf("after a crash %+v is in force, want version 7", b.Config)
	}
	enter(t, d, digits(t, 5_871_715, 256))
	load(t, d, 1000)
	before := d.Box().Marks().Next
	advance(t, d, time.Hour)
	if v := d.View(); v.RegisterWh != 1000 {
		t.Errorf("1 kW for an hour at 1,600 imp/kWh counted %d Wh", v.RegisterWh)
	}
	if n := d.Box().Marks().Next - before; n != 4 {
		t.Errorf("%d records in an hour, want a reading every 900 s", n)
	}
}

// TestAForgedOrRepeatedConfigurationChangesNothing: a changed signature gets no answer, a used counter the answer that it was used.
func TestAForgedOrRepeatedConfigurationChangesNothing(t *testing.T) {
	d := open(t, newMedium())
	body := func(id string, counter uint64, limit int64) []byte {
		return signed(t, wire.DownConfig, wire.Config{SignedHeader: order(id, counter), Version: int64(counter), Hash: id, Config: map[string]any{"ec_limit_wh": limit}})
	}
	down(t, d, wire.DownConfig, body("cfg_1", 5, 1000))
	if a := answer(t, d); a.State != "done" {
		t.Fatalf("%+v", a)
	}
	before := d.Box().Marks().Next
	generous := body("cfg_2", 6, 90_000)
	at := bytes.Index(generous, []byte(`"mac":"`)) + len(`"mac":"`)
	generous[at] ^= 1
	down(t, d, wire.DownConfig, generous)
	if got := d.Box().Marks().Next; got != before {
		t.Errorf("%d records for a changed signature", got-before)
	}
	down(t, d, wire.DownConfig, body("cfg_3", 5, 90_000))
	if a := answer(t, d); a.ID != "cfg_3" || a.State != "failed" || a.Reason != "counter" {
		t.Errorf("a used counter: %+v", a)
	}
	if b := d.Box().Boot(); b.Config.Version != 5 || b.Config.Hash != "cfg_1" {
		t.Errorf("in force is %+v, want version 5", b.Config)
	}
}

// TestTheTextsOfAConfigurationStay: the display shows the texts of the configuration in force, also after a crash and after the log was
// rewritten, and a document without texts removes them.
func TestTheTextsOfAConfigurationStay(t *testing.T) {
	m := newMedium()
	begin := func() *device.Device {
		c := config(t, m)
		c.Setup.Tariff = "OF THE MAKER"
		d, err := device.Open(c)
		must(t, err)
		return d
	}
	d := begin()
	shows := func(code, want string) {
		t.Helper()
		must(t, d.Keys(code+"#"))
		if code == "13" {
			must(t, d.Keys("#")) // the second part
		}
		if got := d.View().LCD[0]; got != want {
			t.Errorf("page %s shows %q, want %q", code, got, want)
		}
		must(t, d.Keys("*"))
	}
	configure(t, d, 1, map[string]any{"tariff_text": "KES 24.50 a kWh", "help_text": "Call 0800 123 day and night"})
	m.lose()
	d = begin()
	shows("15", "Call 0800 123")
	shows("13", "KES 24.50 a kWh")
	down(t, d, wire.DownConfig, signed(t, wire.DownConfig, wire.Config{SignedHeader: order("cfg_2", 2), Version: 2, Hash: "ab", Config: map[string]any{"help_text": "one\n"}}))
	if a := answer(t, d); a.Reason != "config help_text" {
		t.Errorf("a text that no display shows: %+v", a)
	}
	shows("15", "Call 0800 123")
	configure(t, d, 3, map[string]any{})
	m.lose()
	d = begin()
	shows("15", "HELP")
	shows("13", "OF THE MAKER")
}

func TestMessagesAMeterCannotKeepAreDropped(t *testing.T) {
	d := open(t, newMedium())
	before := d.Box().Marks().Next
	push(t, d, "tok_"+string(bytes.Repeat([]byte{'x'}, 40)), digits(t, 5_871_715, 256))
	command(t, d, order("cmd_"+string(bytes.Repeat([]byte{'x'}, 40)), 1), "read", nil)
	if got := d.Box().Marks().Next; got != before || d.View().BalanceWh != 0 {
		t.Errorf("%d records, balance %d", got-before, d.View().BalanceWh)
	}
}

func lease(t *testing.T, d *device.Device, o wire.SignedHeader, seq uint64, limit, ttl int64) wire.CommandAnswer {
	t.Helper()
	down(t, d, wire.DownLease, signed(t, wire.DownLease, wire.Lease{SignedHeader: o, Seq: seq, MaxRegisterWh: limit, TTLs: ttl}))
	return answer(t, d)
}

// walletMeter is a new meter in wallet mode, without a key for tokens.
func walletMeter(t *testing.T, m *medium, more map[string]any) *device.Device {
	t.Helper()
	c := config(t, m)
	c.Keys, c.Document = nil, map[string]any{"payment_mode": "prepay_wallet"}
	c.Rand = bytes.NewReader(bytes.Repeat([]byte("12345678"), 2))
	for k, v := range more {
		c.Document[k] = v
	}
	d, err := device.Open(c)
	must(t, err)
	return d
}

func TestAMeterThatKeepsCreditTakesNoLease(t *testing.T) {
	d := open(t, newMedium())
	if a := lease(t, d, order("l", 1), 1, 5, 60); a.ID != "l" || a.State != "failed" || a.Reason != "mode" {
		t.Errorf("a lease for a token meter: %+v", a)
	}
}

// TestALeaseSuppliesUpToItsLastWattHour takes a wallet meter through several leases, a lost lease, and a power cut
// without a save.
func TestALeaseSuppliesUpToItsLastWattHour(t *testing.T) {
	m := newMedium()
	d := walletMeter(t, m, nil)
	if b, v := d.Box().Boot(), d.View(); b.Key.BaseDate != nil || v.Relay != "open" || !slices.Equal(v.Reasons, []string{"LEASE"}) {
		t.Fatalf("new: key %+v, relay %s %v; want no key, open LEASE", b.Key, v.Relay, v.Reasons)
	}
	load(t, d, 1000)
	if a := lease(t, d, order("lea_1", 1), 1, 2500, 3600); a.ID != "lea_1" || a.State != "done" || d.View().Relay != "closed" {
		t.Fatalf("the first lease: %+v, relay %s", a, d.View().Relay)
	}
	advance(t, d, 2*time.Hour)
	if v := d.View(); v.RegisterWh != 2000 || v.BalanceWh != 500 || v.Relay != "closed" || v.LeaseSeq != 1 {
		t.Errorf("after 2 h, an hour beyond its time: %+v", v)
	}
	must(t, d.Flush())
	m.lose()
	d = walletMeter(t, m, nil)
	if v := d.View(); v.BalanceWh != 500 || v.LeaseSeq != 1 {
		t.Errorf("after a crash: %d Wh left of lease %d", v.BalanceWh, v.LeaseSeq)
	}
	load(t, d, 1000)
	advance(t, d, 3*time.Hour)
	if v := d.View(); v.RegisterWh != 2500 || v.OverrunWh != 0 || v.Relay != "open" {
		t.Errorf("used up: register %d, %d Wh beyond it, relay %s; want 2500, none, open", v.RegisterWh, v.OverrunWh, v.Relay)
	}
	for _, c := range []struct {
		seq        uint64
		limit, ttl int64
		want       string
	}{{1, 9000, 60, "old"}, {1 << 32, 9000, 60, "lease"}, {2, 9000, -1, "lease"}, {2, 1 << 50, 60, "lease"}} {
		o := order("lea_x", d.State().Counter+1)
		o.ID, o.ExpiresAt = "lea_"+strconv.FormatUint(o.Counter, 10), d.Now().Add(time.Hour).Unix()
		if a := lease(t, d, o, c.seq, c.limit, c.ttl); a.State != "failed" || a.Reason != c.want {
			t.Errorf("lease %d to %d for %d s: %+v, want %s", c.seq, c.limit, c.ttl, a, c.want)
		}
	}
	o := order("lea_late", d.State().Counter+1)
	o.ExpiresAt = d.Now().Unix() - 1
	if a := lease(t, d, o, 3, 9000, 60); a.Reason != "expired" || d.View().Relay != "open" {
		t.Errorf("an expired lease: %+v, relay %s", a, d.View().Relay)
	}
	o.ID, o.Counter, o.ExpiresAt = "lea_new", o.Counter+1, d.Now().Add(time.Hour).Unix()
	if a := lease(t, d, o, 3, 9000, 60); a.State != "done" || d.View().Relay != "closed" {
		t.Errorf("another lease: %+v, relay %s", a, d.View().Relay)
	}
}

// TestTheServersClockChangesNoLease sets the clock back and forth while a lease runs out and opens the relay.
func TestTheServersClockChangesNoLease(t *testing.T) {
	d := walletMeter(t, newMedium(), map[string]any{"lease_grace_wh": int64(0)})
	lease(t, d, order("lea_1", 1), 1, 90_000, 7200)
	for i, by := range []time.Duration{-240 * time.Hour, 480 * time.Hour, -time.Hour} {
		o := order("tim_"+strconv.Itoa(i), uint64(i+2))
		o.ExpiresAt = d.Now().Add(time.Hour).Unix()
		to := d.Now().Add(by)
		down(t, d, wire.DownTime, signed(t, wire.DownTime, wire.Time{SignedHeader: o, At: to.Unix()}))
		if a := answer(t, d); a.ID != o.ID || a.State != "done" || !d.Now().Equal(to) {
			t.Fatalf("set by %v: %+v, it is %v", by, a, d.Now())
		}
		advance(t, d, 30*time.Minute)
	}
	advance(t, d, 30*time.Minute-time.Second)
	if v := d.View(); v.Relay != "closed" {
		t.Errorf("a second before its end: %s", v.Relay)
	}
	advance(t, d, time.Second)
	if v := d.View(); v.Relay != "open" {
		t.Errorf("at its end: %s", v.Relay)
	}
}

func TestTheConnectionIsPartOfTheHistory(t *testing.T) {
	d := open(t, newMedium())
	for _, what := range []wire.Down{outbox.Online, outbox.Online, outbox.Offline} {
		must(t, d.Receive(what, "", nil))
	}
	// Every boot begins offline, whatever the state was before.
	must(t, d.Receive(outbox.Online, "", nil))
	must(t, d.Power(false))
	must(t, d.Power(true))
	must(t, d.Receive(outbox.Online, "", nil))
	var got []int
	for _, r := range records(t, d) {
		if r.Kind == wire.KindEvent && r.Event.Code/100 == 8 {
			got = append(got, r.Event.Code)
		}
	}
	if want := []int{801, 802, 801, 801}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func TestSMSAnswersFollowWhoAsks(t *testing.T) {
	d := open(t, newMedium())
	const owner, stranger = "+254700000001", "+254799999999"
	sms := func(from, text string) []device.SMS {
		t.Helper()
		must(t, d.SMS(from, text))
		return d.TakeSMS()
	}
	token := digits(t, 5_871_715, 347)
	grouped := token[:4] + " " + token[4:8] + "-" + token[8:]
	if got := sms(owner, "*02#"+grouped); len(got) != 1 || got[0].To != owner || got[0].Text != "Recharge OK. 34.7 kWh added. Balance 34.7 kWh" {
		t.Errorf("recharge: %+v", got)
	}
	if got := sms(owner, "*02#"+token); len(got) != 1 || got[0].Text != "this recharge card has been used! Balance 34.7 kWh" {
		t.Errorf("used: %+v", got)
	}
	if got := sms(owner, "*01#"); len(got) != 1 || got[0].Text != "Balance 34.7 kWh" {
		t.Errorf("balance: %+v", got)
	}
	if got := sms(stranger, "*01#"); len(got) != 0 {
		t.Errorf("a stranger was told a balance: %+v", got)
	}
	if got := sms(stranger, "*02#"+digits(t, 5_871_716, 10)); len(got) != 1 || got[0].Text != "Recharge OK. 1.0 kWh added." {
		t.Errorf("a stranger's token: %+v", got)
	}
	for i := range 5 {
		if got := sms(stranger, "*02#123"); (len(got) == 1) != (i < 3) {
			t.Errorf("rejection %d to a stranger: %+v, want 3 a day", i+1, got)
		}
	}
	if got := sms(owner, "hello"); len(got) != 0 {
		t.Errorf("small talk was answered: %+v", got)
	}
}
