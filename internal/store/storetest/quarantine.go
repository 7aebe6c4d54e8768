package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

func quarantineTests() []test {
	return []test{
		{"bad counters move no money until a person decides, and then the right one", badCounters},
		{"a second person decides where four eyes bind", heldFourEyes},
		{"a meter that is changed counts on from its own register", meterChanged},
		{"a meter that sends only nonsense fills nothing", heldFull},
		{"entries are listed once, and decided once, by who may", heldList},
	}
}

// quarantineDoor is the quarantine's Door on an engine.
type quarantineDoor struct{ e store.Engine }

func (d quarantineDoor) Do(ctx context.Context, t access.Tenant, fn func(quarantine.Tx) (bool, error)) error {
	return d.e.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) { return fn(tx) })
}

func (d quarantineDoor) View(ctx context.Context, t access.Tenant, fn func(quarantine.Tx) error) error {
	return d.e.View(ctx, t, func(tx *store.Tx) error { return fn(tx) })
}

// mac is a Hasher for cursors.
type mac struct{}

func (mac) Hash(context string, data []byte) []byte {
	sum := sha256.Sum256(append([]byte(context), data...))
	return sum[:]
}

func quarantineOn(e store.Engine) *quarantine.Quarantine {
	return quarantine.New(quarantine.Config{Door: quarantineDoor{e}, Hasher: mac{}, Now: func() time.Time { return base().AddDate(0, 4, 0) }})
}

// clerk returns the person who decides.
func clerk(name string) access.Actor {
	return access.Actor{Tenant: store.FirstTenant, Kind: access.Person, Name: name, Role: access.Engineer}
}

// heldEntries lists the entries of a meter: the open ones, or all.
func heldEntries(t *testing.T, e store.Engine, m mtr, all bool) []quarantine.Entry {
	t.Helper()
	l, err := quarantineOn(e).List(t.Context(), clerk("ann"), quarantine.List{Meter: m.ID.Text(id.Meter), All: all})
	if err != nil || l.Refused() {
		t.Fatalf("list the quarantine of %s: %v %s", m.Number, err, l.Detail())
	}
	return l.Data
}

// audited returns the audit rows about an object.
func audited(t *testing.T, e store.Engine, object string) []string {
	t.Helper()
	return look(t, e, func(tx *store.Tx) (out []string, err error) {
		err = tx.C.Query(`SELECT actor, action, before, after, reason FROM audit WHERE tenant_id = $1 AND object = $2 ORDER BY id`, func(r core.Row) error {
			out = append(out, strings.Join([]string{r.Text(0), r.Text(1), r.Text(2), r.Text(3), r.Text(4)}, "|"))
			return nil
		}, tx.Tenant, object)
		return out, err
	})
}

// badCounter is one kind of bad record with the expected result. A broken meter sends it as its third record. The first two records are
// half-hours; the second register is 1000 Wh above the first.
type badCounter struct {
	name   string
	from   int64 // the register of the first reading; 0 means 200000
	bad    func(*wire.Reading)
	raw    bool // the record cannot be read
	memory bool // the meter has a new device memory
	doubt  metering.Doubt
	choice quarantine.Choice
	to     *unit.Energy // register of a rebase
	after  int64        // the register of the next reading
	// These are the amounts of energy charged beyond the first 1000 Wh: first by the decision, then by the next reading.
	charged, then unit.Energy
}

func wh(n int64) *unit.Energy { e := unit.Energy(n); return &e }

func badCounterTable() []badCounter {
	register := func(n int64) func(*wire.Reading) { return func(p *wire.Reading) { p.RegisterWh = n } }
	return []badCounter{
		{name: "zero", bad: register(0), doubt: metering.DoubtZero, choice: quarantine.Discard, after: 202_000, then: 1000},
		{name: "backwards", bad: register(150_000), doubt: metering.DoubtBackwards, choice: quarantine.Rebase, after: 150_400, then: 400},
		{name: "rollover", from: 99_998_500, bad: register(300), doubt: metering.DoubtRollover, choice: quarantine.Rebase, to: wh(0), after: 700, then: 700},
		{name: "reset", bad: register(120), memory: true, doubt: metering.DoubtReset, choice: quarantine.Rebase, to: wh(0), after: 500, then: 500},
		{name: "doubled", bad: register(402_000), doubt: metering.DoubtDoubled, choice: quarantine.Discard, after: 201_800, then: 800},
		{name: "53.7 MWh in a slot on a 5 kW system", bad: register(201_000 + 53_700_000), doubt: metering.DoubtJump, choice: quarantine.Rebase, after: 53_901_250, then: 250},
		{name: "a jump that is true", bad: register(260_000), doubt: metering.DoubtJump, choice: quarantine.Accept, after: 260_500, charged: 59_000, then: 500},
		{name: "power of 900 kW", bad: func(p *wire.Reading) { p.RegisterWh, p.W = 201_900, 900_000 }, doubt: metering.DoubtPower, choice: quarantine.Accept, after: 202_000, charged: 900, then: 100},
		{name: "year 2106", bad: func(p *wire.Reading) { p.RegisterWh, p.At = 202_500, 1<<32-1 }, doubt: metering.DoubtFuture, choice: quarantine.Accept, after: 202_600, charged: 1500, then: 100},
		{name: "negative", bad: register(-5), doubt: metering.DoubtNegative, choice: quarantine.Discard, after: 202_000, then: 1000},
		{name: "time that cannot be written", bad: func(p *wire.Reading) { p.RegisterWh, p.At = 201_500, 1<<60 }, doubt: metering.DoubtTime, choice: quarantine.Discard, after: 202_000, then: 1000},
		{name: "all bits set", bad: register(1<<32 - 1), doubt: metering.DoubtJump, choice: quarantine.Discard, after: 202_000, then: 1000},
		{name: "silent for more than 400 days", bad: func(p *wire.Reading) { p.RegisterWh, p.At = 203_000, base().AddDate(1, 3, 0).Unix() }, doubt: metering.DoubtSpan,
			choice: quarantine.Accept, after: 203_500, charged: 2000, then: 500},
		{name: "no number", raw: true, doubt: metering.DoubtUnreadable, choice: quarantine.Discard, after: 202_000, then: 1000},
	}
}

func badCounters(t *testing.T, r Rig) {
	e := r.Open(t)
	for i, c := range badCounterTable() {
		p := addWalletMeter(t, e, int64(i+1), 10_000_000)
		c.run(t, e, p)
	}
	r.seal(t, e)
	verified(t, e)
}

// run tests one kind of bad record, from the record to the charged money.
func (c badCounter) run(t *testing.T, e store.Engine, p walletMeter) {
	t.Helper()
	if c.from == 0 {
		c.from = 200_000
	}
	must(t, e, func(tx *store.Tx) error { return tx.SetMostPower(p.N, 5000) })
	outcomes(t, e, p.boot(1, 9), p.late(1, c.from), p.late(2, c.from+1000))
	was, paid := p.row(t, e), p.balance(t, e)
	next := uint64(3)
	if c.memory {
		p.store, next = "00000000000000b2", 1
		outcomes(t, e, p.boot(1, 9))
	}
	outcomes(t, e, c.record(t, p, next))
	w := p.row(t, e)
	if w.Debited != was.Debited || w.Total() != was.Total() || w.Register != was.Register || p.balance(t, e) != paid {
		t.Errorf("%s: %+v with %d in the books, want nothing charged", c.name, w.State, p.balance(t, e))
	}
	list := heldEntries(t, e, p.mtr, false)
	if len(list) != 1 || list[0].Doubt != c.doubt || list[0].Reason == "" || list[0].Number != p.Number || alarmtext.Doubt(string(c.doubt)) == "" {
		t.Fatalf("%s: in quarantine %+v, want one entry because of %s", c.name, list, c.doubt)
	}
	got, err := quarantineOn(e).Decide(t.Context(), clerk("ann"), quarantine.Verdict{Entry: list[0].ID.Text(id.Held), Choice: c.choice, Register: c.to, Reason: "looked at it"})
	if err != nil || got.Refused() || got.Waits != nil || got.Units != c.charged {
		t.Fatalf("%s decided: %+v, %s, %v; want %d Wh charged for", c.name, got, got.Detail(), err, c.charged)
	}
	outcomes(t, e, p.late(next+1, c.after))
	all := was.Total() + c.charged + c.then
	if w = p.row(t, e); w.Held.Stopped() || w.Total() != all || w.Debited != exact(all) {
		t.Errorf("%s, after the next reading: %d Wh for %d (held: %q), want %d Wh for %d", c.name, w.Total(), w.Debited, w.Held.Reason, all, exact(all))
	}
	if left := heldEntries(t, e, p.mtr, false); len(left) != 0 {
		t.Errorf("%s: still in quarantine %+v", c.name, left)
	}
	rows := audited(t, e, list[0].ID.Text(id.Held))
	if len(rows) != 1 || !strings.Contains(rows[0], "ann|quarantine."+string(c.choice)+"|meter="+p.Number) || !strings.Contains(rows[0], string(c.doubt)) ||
		!strings.HasSuffix(rows[0], "|looked at it") {
		t.Errorf("%s: audit rows %q, want one of the decision", c.name, rows)
	}
	if got := alarms(t, e, p.mtr); strings.Contains(got, string(metering.AlarmRatingHeld)) || strings.Contains(got, string(metering.AlarmQuarantine)) {
		t.Errorf("%s: alarms %q still stand", c.name, got)
	}
}

// exact returns the price of energy at 2.50 and 15 % tax in whole minor units.
func exact(e unit.Energy) money.Minor { return money.Minor(int64(e) * 2875 / 10_000) }

// late returns a reading that the server receives at the time of the reading. A new device memory counts its records from 1 again, so its
// readings are moved one hour later.
func (p walletMeter) late(seq uint64, register int64) metering.Record {
	r := p.use(seq, register)
	if p.store != memory {
		r.Rec.Reading.At += 2 * 1800
		r.Rec.Head.At = r.Rec.Reading.At
	}
	r.ReceivedAt = time.Unix(r.Rec.Head.At, 0)
	return r
}

// record returns the bad record as a meter sends it.
func (c badCounter) record(t *testing.T, p walletMeter, seq uint64) metering.Record {
	t.Helper()
	r := p.late(seq, 0)
	if c.raw {
		r.Rec, r.Bad = wire.Record{}, &wire.Bad{Seq: seq, HasSeq: true, Reason: "register_wh is no number", Raw: []byte(`{"seq":3,"register_wh":"?"}`)}
		return r
	}
	reading := *r.Rec.Reading
	c.bad(&reading)
	r.Rec = reading.Record()
	if c.doubt == metering.DoubtSpan {
		r.ReceivedAt = time.Unix(reading.At, 0)
	}
	if raw, err := wire.EncodeUp(wire.CBOR, r.Rec); err == nil {
		r.Rec.Raw = raw
	}
	return r
}

func heldFourEyes(t *testing.T, r Rig) {
	e := r.Open(t)
	p := addWalletMeter(t, e, 1, 100_000)
	must(t, e, func(tx *store.Tx) error {
		row, err := tx.TenantRow()
		if err == nil {
			row.Settings = `{"four_eyes":true}`
			_, err = tx.PutTenant(row)
		}
		return err
	})
	outcomes(t, e, p.boot(1, 9), p.use(1, 1000), p.use(2, 90_000_000))
	entry := heldEntries(t, e, p.mtr, false)[0]
	v := quarantine.Verdict{Entry: entry.ID.Text(id.Held), Choice: quarantine.Accept, Reason: "a new factory"}
	got, err := quarantineOn(e).Decide(t.Context(), clerk("ann"), v)
	if err != nil || got.Refused() || got.Waits == nil {
		t.Fatalf("decided alone: %+v, %v; want it to wait", got, err)
	}
	if w := p.row(t, e); !w.Held.Stopped() || w.Debited != 0 {
		t.Errorf("while it waits: %+v, want nothing charged", w.State)
	}
	people, err := access.New(access.Config{Door: peopleDoor{e}, Now: func() time.Time { return base().AddDate(0, 4, 0) }, Rand: rand.Reader, Hasher: Hasher{}})
	if err != nil {
		t.Fatal(err)
	}
	people.Serve(quarantineOn(e).Executors())
	approval := got.Waits.ID.Text(id.Approval)
	if d, err := people.Decide(t.Context(), clerk("ann"), approval, access.Decision{Allow: true, Reason: ""}); err != nil || d.Code != refusal.Forbidden {
		t.Errorf("allowed by who asked: %q, %v; want %s", d.Code, err, refusal.Forbidden)
	}
	if d, err := people.Decide(t.Context(), clerk("bob"), approval, access.Decision{Allow: true, Reason: ""}); err != nil || d.Refused() || d.Done.Refused() {
		t.Fatalf("allowed by somebody else: %s %s, %v", d.Detail(), d.Done.Detail(), err)
	}
	if w := p.row(t, e); w.Held.Stopped() || w.Total() != 89_999_000 {
		t.Errorf("decided by two: %+v, want it charged for", w.State)
	}
	if rows := audited(t, e, entry.ID.Text(id.Held)); len(rows) != 1 || !strings.Contains(rows[0], "approved_by=person bob") {
		t.Errorf("audit rows %q, want one that names both", rows)
	}
}

// peopleDoor is the Door of people and approvals on an engine.
type peopleDoor struct{ e store.Engine }

func (d peopleDoor) Do(ctx context.Context, t access.Tenant, fn func(access.Tx) (bool, error)) error {
	return d.e.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) { return fn(tx) })
}

func (d peopleDoor) View(ctx context.Context, t access.Tenant, fn func(access.Tx) error) error {
	return d.e.View(ctx, t, func(tx *store.Tx) error { return fn(tx) })
}

func meterChanged(t *testing.T, r Rig) {
	e := r.Open(t)
	p, token := addWalletMeter(t, e, 1, 100_000), addMeter(t, e, 2, false)
	outcomes(t, e, p.boot(1, 9), p.use(1, 1000), p.use(2, 2000))
	change := func(v quarantine.Verdict) quarantine.Decided {
		v.Choice, v.Reason = quarantine.Rebase, "new meter"
		got, err := quarantineOn(e).Decide(t.Context(), clerk("ann"), v)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := change(quarantine.Verdict{Meter: token.ID.Text(id.Meter), Register: wh(5)}); got.Code != refusal.NotFound {
		t.Errorf("a meter without a wallet: %q, want %s", got.Code, refusal.NotFound)
	}
	if got := change(quarantine.Verdict{Meter: p.ID.Text(id.Meter)}); got.Code != refusal.InvalidRequest {
		t.Errorf("without a register: %q, want %s", got.Code, refusal.InvalidRequest)
	}
	if got := change(quarantine.Verdict{Meter: p.ID.Text(id.Meter), Register: wh(70)}); got.Refused() || got.Number != p.Number || !got.Entry.ID.IsZero() {
		t.Errorf("changed: %+v %s", got, got.Detail())
	}
	next := p
	next.store = "00000000000000b2"
	outcomes(t, e, next.boot(1, 9), next.use(1, 100), next.use(2, 180))
	if w := p.row(t, e); w.Held.Stopped() || w.Total() != 1110 {
		t.Errorf("after the change: %+v, want 1000 Wh of the old meter and 110 of the new one", w.State)
	}
	// The meter is changed again, and the new meter sends readings before the change is recorded. The readings wait, and the energy below
	// the register that the person read is not charged.
	third := p
	third.store = "00000000000000c3"
	outcomes(t, e, third.boot(1, 9), third.use(1, 10), third.use(2, 20), third.use(3, 50), third.use(4, 90))
	if got := change(quarantine.Verdict{Meter: p.ID.Text(id.Meter), Register: wh(40)}); got.Refused() || got.Entry.State != quarantine.Rebased || got.Units != 50 || got.Readings != 2 {
		t.Errorf("changed late: %+v %s, want 50 Wh of two readings charged for", got, got.Detail())
	}
	if w := p.row(t, e); w.Held.Stopped() || w.Total() != 1160 || w.Register != 90 {
		t.Errorf("after the late change: %+v, want 50 Wh more", w.State)
	}
	r.seal(t, e)
	verified(t, e)
}

func heldList(t *testing.T, r Rig) {
	e := r.Open(t)
	p, token := addWalletMeter(t, e, 1, 100_000), addMeter(t, e, 2, false)
	outcomes(t, e, token.boot(1, 99))
	for seq := uint64(1); seq <= 5; seq++ {
		bad := token.reading(seq)
		bad.Rec.Head.At = base().AddDate(80, 0, 0).Unix()
		bad.Rec.Reading.At = bad.Rec.Head.At
		outcomes(t, e, bad)
		later() // the order within a millisecond is random
	}
	outcomes(t, e, p.boot(1, 9), p.use(1, 1000), p.use(2, 0))
	var pages, cursor = []string{}, ""
	for range 9 {
		l, err := quarantineOn(e).List(t.Context(), clerk("ann"), quarantine.List{Page: registry.Page{Limit: 2, Cursor: cursor}})
		if err != nil || l.Refused() {
			t.Fatalf("page after %q: %v %s", cursor, err, l.Detail())
		}
		for _, x := range l.Data {
			pages = append(pages, fmt.Sprintf("%s %d %s", x.Number, x.Seq, x.Doubt))
		}
		if cursor = l.Next; cursor == "" {
			break
		}
	}
	if want := 6; len(pages) != want || pages[0] != p.Number+" 2 zero" || pages[5] != token.Number+" 1 future-time" || !slices.Contains(pages, token.Number+" 3 future-time") {
		t.Errorf("pages %q, want %d entries, the newest first", pages, want)
	}
	newest := heldEntries(t, e, token, false)[0]
	if got := newest.Choices(); !slices.Equal(got, []quarantine.Choice{quarantine.Accept, quarantine.Discard}) {
		t.Errorf("choices of a record %v", got)
	}
	v := quarantine.Verdict{Entry: newest.ID.Text(id.Held), Choice: quarantine.Accept, Reason: "the clock was wrong"}
	for _, c := range []struct {
		by   access.Role
		v    quarantine.Verdict
		want refusal.Code
	}{
		{access.Support, v, refusal.Forbidden},
		{access.Installer, v, refusal.Forbidden},
		{access.Finance, quarantine.Verdict{Entry: v.Entry, Choice: quarantine.Accept}, refusal.InvalidRequest},
		{access.Finance, quarantine.Verdict{Entry: v.Entry, Choice: "forget", Reason: "x"}, refusal.InvalidRequest},
		{access.Finance, quarantine.Verdict{Entry: v.Entry, Choice: quarantine.Rebase, Register: wh(1), Reason: "x"}, refusal.InvalidRequest},
		{access.Finance, quarantine.Verdict{Entry: v.Entry, Choice: quarantine.Accept, Register: wh(1), Reason: "x"}, refusal.InvalidRequest},
		{access.Finance, quarantine.Verdict{Entry: id.ID{9}.Text(id.Held), Choice: quarantine.Accept, Reason: "x"}, refusal.NotFound},
		{access.Finance, quarantine.Verdict{Entry: "qtn_x", Choice: quarantine.Accept, Reason: "x"}, refusal.NotFound},
		{access.Finance, v, ""},
		{access.Engineer, v, refusal.AlreadyDecided},
	} {
		by := clerk("ann")
		by.Role = c.by
		if got, err := quarantineOn(e).Decide(t.Context(), by, c.v); err != nil || got.Code != c.want {
			t.Errorf("%+v by %s: %q, %v; want %q", c.v, c.by, got.Code, err, c.want)
		}
	}
	if l := live(t, e, token); l.RegisterWh != 50 || !time.UnixMicro(l.AsOf).Equal(newest.ReceivedAt) {
		t.Errorf("the accepted reading shows %d Wh as of %s, want 50 as of when it came", l.RegisterWh, time.UnixMicro(l.AsOf))
	}
	if all, open := heldEntries(t, e, token, true), heldEntries(t, e, token, false); len(all) != 5 || len(open) != 4 {
		t.Errorf("%d entries, %d open; want 5 and 4", len(all), len(open))
	}
}

// heldFull sends more unreadable records than may wait for a decision.
func heldFull(t *testing.T, r Rig) {
	e := r.Open(t)
	p, other := addWalletMeter(t, e, 1, 100_000), addWalletMeter(t, e, 2, 100_000)
	outcomes(t, e, p.boot(1, 999), other.boot(1, 9))
	const most, beyond = 200, 30
	for seq := uint64(1); seq <= most+beyond; seq++ {
		c := badCounter{raw: true}
		bad := c.record(t, p, seq)
		if got, want := outcomes(t, e, bad), fmt.Sprintf("quarantined@%d", seq); got != want {
			t.Fatalf("record %d: %s, want %s: the meter must be able to go on", seq, got, want)
		}
	}
	outcomes(t, e, badCounter{raw: true}.record(t, other, 1))
	count := func(m mtr) int64 {
		return look(t, e, func(tx *store.Tx) (n int64, err error) {
			err = tx.C.Query(`SELECT COUNT(*) FROM quarantine WHERE meter = $1`, func(r core.Row) error { n = r.Int(0); return nil }, m.N)
			return n, err
		})
	}
	if a, b := count(p.mtr), count(other.mtr); a != most || b != 1 {
		t.Errorf("in quarantine %d records of one meter and %d of the other, want %d and 1", a, b, most)
	}
	full := func() (texts []string) {
		for _, a := range look(t, e, func(tx *store.Tx) ([]metering.RaisedAlarm, error) { return tx.Alarms(p.N, true, metering.After{}, 200) }) {
			if a.Alarm.Code == metering.AlarmQuarantineFull {
				texts = append(texts, a.Alarm.Text)
			}
		}
		return texts
	}
	if got := full(); len(got) != 1 || !strings.Contains(got[0], fmt.Sprintf("not stored: %d so far.", beyond)) {
		t.Errorf("alarms %q, want one that says that %d were not stored", got, beyond)
	}
	entry := heldEntries(t, e, p.mtr, false)[0]
	if _, err := quarantineOn(e).Decide(t.Context(), clerk("ann"), quarantine.Verdict{Entry: entry.ID.Text(id.Held), Choice: quarantine.Discard, Reason: "noise"}); err != nil {
		t.Fatal(err)
	}
	if got := full(); len(got) != 0 {
		t.Errorf("after a decision there is room, and the alarms are %q", got)
	}
	c := badCounter{raw: true}
	outcomes(t, e, c.record(t, p, most+beyond+1), c.record(t, p, most+beyond+2))
	if got := full(); count(p.mtr) != most+1 || len(got) != 1 || !strings.Contains(got[0], "not stored: 1 so far.") {
		t.Errorf("%d records, alarms %q; want one more stored and the next counted from 1", count(p.mtr), got)
	}
}
