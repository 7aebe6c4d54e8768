package meter_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// The programme has a number of meters with base date 1993. The customers of some meters never enter the key change
// tokens.
const (
	rolledNever = 7 // per cent
	soldBefore  = 6 // tokens for each meter under the old key
	soldAfter   = 2 // tokens for each meter under the new key
	soldTenths  = 50
)

// sold is a token as the vending system stores it.
type sold struct {
	digits   string
	newKey   bool
	reported bool // the meter has reported it accepted
}

// customer is one meter and the tokens sold for it.
type customer struct {
	*rig
	set    []string
	tokens []sold
	// never means that the customer does not enter the key change.
	never bool
}

// programme is the rollover as the vending system sees it.
type programme struct {
	t        *testing.T
	rnd      *rand.Rand
	old, new sts.VendingKey
	figures  struct{ changed, never, cuts, voided, refused, accepted int }
}

func (p *programme) key(vk sts.VendingKey, pan sts.PAN, krn uint8, base sts.BaseDate) sts.Key {
	p.t.Helper()
	k, err := sts.DeriveKey(vk, sts.Attributes{
		SGC: "123456", KRN: krn, KT: sts.DUTK, TI: "01", EA: sts.EA07, DKGA: sts.DKGA02, BaseDate: base, PAN: pan,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return k
}

func vendingKey(t *testing.T, first byte) sts.VendingKey {
	t.Helper()
	b := []byte{0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab}
	b[0] = first
	vk, err := sts.NewVendingKey(b)
	if err != nil {
		t.Fatal(err)
	}
	return vk
}

// customer makes meter n, sells it tokens under both keys and the key change between them.
func (p *programme) customer(n int) *customer {
	p.t.Helper()
	body := fmt.Sprintf("0714%06d", n)
	luhn, err := sts.Luhn(body)
	if err != nil {
		p.t.Fatal(err)
	}
	pan, err := sts.ParseNumber(body + string(luhn))
	if err != nil {
		p.t.Fatal(err)
	}
	old, next := p.key(p.old, pan, 1, sts.Base1993), p.key(p.new, pan, 2, sts.Base2014)
	c := &customer{never: p.rnd.IntN(100) < rolledNever}
	c.rig = rigWith(p.t, old, meter.KeyInfo{
		Base: sts.Base1993, Type: sts.DUTK, KEN: 255, Named: true, SGC: 123456, KRN: 1, TI: 1,
	})
	c.state.TIDs.Fill(15_000_000)
	last := time.Date(2024, 11, 20, 12, 0, 0, 0, time.UTC) // base 1993 ends four days later
	tid := sts.TID(0)
	for i := range soldBefore + soldAfter {
		key, base := old, sts.Base1993
		if i >= soldBefore {
			key, base = next, sts.Base2014
		}
		if i == soldBefore {
			tid = 0 // TIDs begin anew with the key
		}
		if tid, err = base.Next(tid, last.Add(time.Duration(i)*time.Hour)); err != nil {
			p.t.Fatal(err)
		}
		c.tokens = append(c.tokens, sold{digits: creditFor(p.t, key, tid, soldTenths), newKey: i >= soldBefore})
	}
	c.set = keySet(p.t, old, sts.KeyChange{Key: next, KEN: 255, KRN: 2, KT: sts.DUTK, TI: "01", Rollover: true})
	return c
}

// enter enters a token and reports the result to the vending system. Sometimes the mains fails in the middle or right
// after.
func (p *programme) enter(c *customer, digits string) sts.Result {
	p.t.Helper()
	p.wait(c)
	n := len(c.outbox)
	if p.rnd.IntN(8) == 0 {
		p.figures.cuts++
		c.lazy = true
		c.token(digits, meter.Keypad, "")
		c.lazy = false
		if c.under != nil && p.rnd.IntN(2) == 0 {
			p.write(c) // durable, but not reported
		}
		c.reboot(time.Hour)
		p.wait(c) // the crash lost up to a quarter of an hour of the lock
	}
	got := c.last(digits, meter.Keypad, "").Code
	for _, rep := range c.outbox[n:] {
		if rep.Kind == meter.ReportToken && rep.Class == 0 && rep.Result == sts.Accept {
			for i := range c.tokens {
				if c.tokens[i].digits == digits {
					c.tokens[i].reported = true
				}
			}
		}
	}
	return got
}

// wait lets a lock after wrong tokens pass: people come back later.
func (p *programme) wait(c *customer) {
	for c.state.Locked(meter.Keypad) {
		c.run(time.Hour)
	}
}

func (p *programme) write(c *customer) {
	p.t.Helper()
	var err error
	if c.under.Kind == meter.RecordKeys {
		err = c.j.AppendKeys(&c.state, *c.under, &c.after)
	} else {
		err = c.j.Append(&c.state, *c.under)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// voided returns the tokens that the vending system lists as void: paid, made under the old key of a meter that reports
// the new one, and never reported as accepted.
func (c *customer) voided() (list []string) {
	changed := false
	for _, rep := range c.outbox {
		changed = changed || rep.Kind == meter.ReportEvent && rep.Code == meter.CodeKeyChanged
	}
	for _, s := range c.tokens {
		if changed && !s.newKey && !s.reported {
			list = append(list, s.digits)
		}
	}
	return list
}

// live is the life of one meter in the programme.
func (p *programme) live(c *customer) {
	t := p.t
	t.Helper()
	entered := p.rnd.Perm(soldBefore)[:1+p.rnd.IntN(soldBefore)]
	for _, i := range entered {
		p.enter(c, c.tokens[i].digits)
	}
	reported := 0
	for _, s := range c.tokens {
		if s.reported {
			reported++
		}
	}
	if reported != len(entered) {
		t.Fatalf("%d tokens entered, %d reported", len(entered), reported)
	}
	loaded := c.state.Register + c.state.Shown()
	if want := unit.Energy(len(entered)) * soldTenths * unit.Quantum; loaded != want {
		t.Fatalf("%d tokens entered, %s loaded, want %s", len(entered), loaded, want)
	}
	if !c.never {
		p.change(c)
		if got := c.state.Register + c.state.Shown(); got != loaded {
			t.Fatalf("the key change has made %s of %s", got, loaded)
		}
	}
	p.check(c, loaded)
}

// change enters the two tokens, in any order, until the meter has the new key.
func (p *programme) change(c *customer) {
	order := p.rnd.Perm(len(c.set))
	for try := 0; c.keys.Changes() == 0; try++ {
		if try > 3 {
			p.t.Fatal("the key change does not come to an end")
		}
		for _, i := range order {
			if c.keys.Changes() == 0 {
				p.enter(c, c.set[i])
			}
		}
	}
}

// check enters every token that was ever sold, and compares the results with the list of void tokens.
func (p *programme) check(c *customer, loaded unit.Energy) {
	t := p.t
	t.Helper()
	void := map[string]bool{}
	for _, digits := range c.voided() {
		void[digits] = true
	}
	before := c.state.Register + c.state.Shown()
	for _, s := range c.tokens {
		got := p.enter(c, s.digits)
		now := c.state.Register + c.state.Shown()
		gained := now > before
		before = now
		switch {
		case s.newKey == c.never:
			// The token was made under the other key, so the meter refuses it.
			if gained || got == sts.Accept {
				t.Fatalf("a token of another key: %s", got)
			}
			p.figures.refused++
		case !s.newKey && s.reported && got != sts.UsedError && !gained:
			t.Fatalf("a token that is in the meter: %s", got)
		}
		if void[s.digits] {
			p.figures.voided++
			if gained {
				t.Fatal("a token was listed as void and loads")
			}
		}
		if !s.newKey && !c.never && !s.reported && !void[s.digits] {
			t.Fatal("a paid token was voided and is not listed")
		}
		if gained {
			p.figures.accepted++
		}
	}
	want := unit.Energy(soldBefore) * soldTenths * unit.Quantum
	if !c.never {
		want = loaded + soldAfter*soldTenths*unit.Quantum
		p.figures.changed++
	} else {
		p.figures.never++
	}
	if before != want {
		t.Fatalf("never %t: %s loaded in the end, want %s", c.never, before, want)
	}
	if wantBase := map[bool]sts.BaseDate{true: sts.Base1993, false: sts.Base2014}[c.never]; c.state.Key.Base != wantBase {
		t.Fatalf("never %t: base date %s", c.never, c.state.Key.Base)
	}
}

// TestARolloverProgramme rolls meters from base date 1993 to 2014 by pairs of tokens, entered in any order, with power
// cuts before, within and after. A meter that has changed accepts no token of the old key, and its credit stays. A
// meter whose customer never enters the tokens still takes old tokens. Every paid token that the change has voided is
// on the list.
func TestARolloverProgramme(t *testing.T) {
	p := &programme{t: t, rnd: rand.New(rand.NewPCG(tier.Seed(t), 3)), old: vendingKey(t, 0xab), new: vendingKey(t, 0xcd)}
	rolledMeters := tier.RolledMeters.N() / onlyEvery
	start := time.Now()
	for n := range rolledMeters {
		p.live(p.customer(n))
	}
	f := &p.figures
	t.Logf("figures: %d meters changed, %d never, %d power cuts, %d tokens refused under another key, %d paid tokens voided and listed, %d loaded, in %s",
		f.changed, f.never, f.cuts, f.refused, f.voided, f.accepted, time.Since(start).Round(time.Millisecond))
	if f.changed+f.never != rolledMeters || f.never < rolledMeters*5/100 || f.never > rolledMeters*9/100 || f.voided == 0 {
		t.Errorf("figures %+v are not those of the programme", *f)
	}
}
