package rogue

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
)

// Server is a running server under test.
type Server interface {
	// Addresses are those of its HTTP and MQTT listeners.
	Addresses() (http, mqtt string)
	// Devices is the address of its listener for unmodified devices; empty if it has none.
	Devices() string
	// Ahead sets by how much its clock is ahead of this machine's; false if the server cannot do that.
	Ahead(time.Duration) bool
	// Waiting counts the messages to these meters that the server has to send by now, and those that it is sending.
	Waiting(numbers []string, now time.Time) (int, error)
	// Verify checks the books in the data folder, and returns what it found; empty if they add up, or if the site does not ask.
	Verify() string
	// Cost returns the most memory that the server ever had, in bytes, and its processor time.
	Cost() (peak int64, used time.Duration)
	Stop()
}

// Site makes servers. Build prepares one data folder; every Start serves a copy of it.
type Site interface {
	// Serve starts a server on the data folder itself, for the set-up.
	Serve() (Server, error)
	// FirstKey makes an API key that belongs to nobody, before there are people.
	FirstKey(role, name string) (string, error)
	// Key makes an API key of a new person, or of a vendor if one is named.
	Key(role, name, vendor string) (string, error)
	// Login is how the person signs in for whom Key made a key of this name; empty if the key belongs to nobody.
	Login(name string) (email, password string)
	// Start starts a server on a copy of the data folder. Its text messages go to a gateway.
	Start(Gateway) (Server, error)
}

// P is the party that plays against all others.
const P = "P"

// gone is a customer who has moved out.
const gone = "dalia"

// Figures of the utility. Prices contain the tax: 2.50 + 15 %.
const (
	shopCommission = 150
	arrears        = 3_000
	openingFloat   = 200_000
	openingWallet  = 10_000
	openingUnits   = 5_750 // buys 20.0 kWh
)

// price is what energy cost before P began, in minor units. Every meter had this tariff.
func price(wh int64) int64 { return wh * 2875 / 10_000 }

// place is a meter of the utility with what its owner knows of it.
type place struct {
	number, owner  string
	wallet, online bool
	locked         bool // tampered with before P begins: P buys nothing for it
	fresh, stock   bool // nothing was bought for it before P begins; it is still in the store room
	load           int64
	movedOut       bool          // by P
	out            time.Duration // when, by the clock of the history
	account, cust  string
	phone          string        // of the customer
	diverted       bool          // P let messages go to P
	feeder         string        // by which honest people connected the place; empty for none
	due            time.Duration // when tokens may go to the new number, by the clock of the history
	password, link string
	key            sts.Key
	h              *house // as the set-up left it
}

// Utility is a small utility before P begins: people's keys, vendors and meters.
type Utility struct {
	site     Site
	keys     map[string]string // by hand
	places   []*place
	settings map[string]any // of the server before P begins
	ceilings []string       // names of the server's ceilings
	policy   Policy
	vk       sts.VendingKey
	tillPath string // address of the utility's payment provider; empty before it has one
	batch    string // id of a batch of vouchers
	coded    string // id of one whose vouchers need a code too; in an earlier version the PIN alone redeems them
}

// Roles are the roles that P may have.
func Roles() []string {
	return []string{"owner", "supervisor", "finance", "engineer", "operator", "tariff_manager", "installer", "support", "auditor", "vendor_api"}
}

// shops are the codes of the vendors by their hands.
func shops() map[string]string { return map[string]string{"P/shop": "PSHOP", "corner": "CORNER"} }

// Limits say how much may be taken in a day without a second person, by the name of the server's ceiling; false leaves its default.
type Limits func(ceiling string) (most int64, set bool)

// Zero allows nothing.
func Zero(string) (int64, bool) { return 0, true }

// Small allows a little.
func Small(ceiling string) (int64, bool) {
	switch _, what, _ := strings.Cut(ceiling, "/"); what {
	case "reversals":
		return 3, true
	case "free_units":
		return 10_000, true
	}
	return 20_000, true
}

// Only sets one ceiling to nothing, and the others so high that they never stop P.
func Only(ceiling string) Limits {
	return func(name string) (int64, bool) {
		if name == ceiling {
			return 0, true
		}
		return 1_000_000_000, true
	}
}

// Build sets up the utility. The server needs the vending key for supply group 123456, and no tariff yet.
func Build(site Site, vendingKey []byte) (*Utility, error) {
	t := &Utility{site: site, keys: map[string]string{}}
	var err error
	if t.vk, err = sts.NewVendingKey(vendingKey); err != nil {
		return nil, err
	}
	srv, err := site.Serve()
	if err != nil {
		return nil, err
	}
	defer srv.Stop()
	http, mqtt := srv.Addresses()
	b := &preparation{t: t, c: newAPI(http, "town"), mqtt: mqtt}
	b.first()
	b.office()
	b.payments()
	b.addCodedBatch()
	b.meters()
	b.live()
	b.people()
	b.entrust()
	b.must("owner", "GET", "/v1/settings", nil, &t.settings)
	if set, is := t.settings["ceilings"].(map[string]any); is {
		t.ceilings = slices.Sorted(maps.Keys(set))
	}
	return t, b.err
}

// preparation makes the utility; after the first error it does nothing.
type preparation struct {
	t    *Utility
	c    *api
	mqtt string
	err  error
}

// must sends a request of the set-up.
func (b *preparation) must(hand, method, path string, body, into any) {
	if b.err != nil {
		return
	}
	a, err := b.c.ask(b.t.keys[hand], method, path, body)
	if err == nil && !a.ok() {
		err = fmt.Errorf("%s %s %s: %d %s", hand, method, path, a.status, a.body)
	}
	if err == nil && into != nil {
		a.into(into)
	}
	b.err = err
}

func (b *preparation) key(hand, role, vendor string) {
	if b.err == nil {
		b.t.keys[hand], b.err = b.t.site.Key(role, hand, vendor)
	}
}

// start is the hand that sets up the utility. Its key belongs to nobody, because nobody can sign in yet.
const start = "start"

// old is P's hand with a key of the same time, which belongs to nobody either.
func old(role string) string { return P + "/old/" + role }

// sleeper is a person who never does anything, so P may block and reset this one.
const sleeper = "sleeper@example.org"

// noVendor is P's hand with a seller's key that names no vendor.
const noVendor = P + "/seller"

func (b *preparation) first() {
	b.nobodys(start, "owner")
	if key, err := b.t.site.FirstKey("vendor_api", noVendor); err == nil { // a server should refuse it
		b.t.keys[noVendor] = key
	}
	for _, role := range Roles() {
		if role != "vendor_api" {
			b.nobodys(old(role), role)
		}
	}
}

func (b *preparation) nobodys(hand, role string) {
	if b.err == nil {
		b.t.keys[hand], b.err = b.t.site.FirstKey(role, hand)
	}
}

func (b *preparation) people() {
	for _, role := range []string{"owner", "supervisor", "finance", "engineer", "operator", "auditor"} {
		b.key(role, role, "")
	}
	b.key("owner2", "owner", "")
	b.key("sleeper", "owner", "")
	b.key("finance2", "finance", "")
	for _, role := range Roles() {
		if role != "vendor_api" {
			b.key(P+"/"+role, role, "")
		}
	}
}

func (b *preparation) office() {
	flat, cheap := int64(2_500_000), int64(500_000)
	b.must(start, "POST", "/v1/tariffs", apiv1.NewTariff{Name: "domestic", Price: apiv1.Price{Currency: "KES", VATBps: 1500, FlatMicro: &flat}}, nil)
	b.must(start, "POST", "/v1/tariffs", apiv1.NewTariff{Name: "lifeline", Price: apiv1.Price{Currency: "KES", VATBps: 1500, FlatMicro: &cheap}}, nil)
	for hand, code := range shops() {
		b.must(start, "POST", "/v1/vendors", apiv1.NewVendor{Name: code, Code: code, CommissionBps: shopCommission}, nil)
		b.must(start, "POST", "/v1/vendors/"+code+"/deposits", apiv1.NewDeposit{Amount: kes(openingFloat), Reference: "OPEN-" + code}, nil)
		b.key(hand, "vendor_api", code)
	}
}

func kes(minor int64) apiv1.Amount { return apiv1.Amount{AmountMinor: minor, Currency: "KES"} }

// number makes a valid meter number from a serial number.
func number(n int) string {
	body := fmt.Sprintf("0414%06d", n)
	sum := 0
	for i := range len(body) {
		d := int(body[len(body)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return fmt.Sprintf("%s%d", body, (10-sum%10)%10)
}

func (b *preparation) meters() {
	b.t.places = []*place{
		{owner: P, online: true}, {owner: P}, {owner: P}, {owner: P, online: true, wallet: true}, {owner: P, online: true, locked: true},
		{owner: "amina", online: true}, {owner: "bakari"}, {owner: "chege", online: true, wallet: true},
		{owner: gone, wallet: true}, // has moved out, and money is due back
		{owner: P, online: true, wallet: true, fresh: true}, {owner: P, fresh: true, stock: true},
	}
	for i, p := range b.t.places {
		p.number, p.load, p.phone = number(7001+i), 3000, fmt.Sprintf("+2547000000%02d", i)
		n := apiv1.NewMeter{Number: p.number, Mode: "prepay_wallet", Tariff: "domestic", IntervalS: 6 * 3600,
			Customer: &apiv1.Customer{Name: fmt.Sprintf("%s %d", p.owner, i), Phone: p.phone}, SIMPhone: fmt.Sprintf("+2547000001%02d", i)}
		if !p.wallet {
			one, two := int64(1), int64(2)
			n.Mode, n.SGC, n.KRN, n.KT, n.TI = "prepay_token", "123456", &one, &two, "01"
		}
		if p.stock {
			n.Status = "stock"
		}
		if wired(i) {
			p.feeder, n.Feeder = north, north
		}
		var m apiv1.AddedMeter
		var a apiv1.Account
		b.must(start, "POST", "/v1/meters", n, &m)
		b.must(start, "GET", "/v1/accounts/"+p.number, nil, &a)
		p.password, p.link, p.account, p.cust = m.MQTTPassword, m.LinkKey, a.ID, a.Customer
		p.key = b.t.decoder(p.number, &b.err)
		p.h = newHouse(p.number, p.key, p.wallet, time.Now().Unix(), p.load)
	}
}

// decoder derives the key of a meter as its maker did.
func (t *Utility) decoder(number string, failed *error) sts.Key {
	pan, err := sts.ParseNumber(number)
	if err == nil {
		var k sts.Key
		if k, err = sts.DeriveKey(t.vk, sts.Attributes{SGC: "123456", KRN: 1, KT: sts.DUTK, TI: "01", EA: sts.EA07, DKGA: sts.DKGA02, BaseDate: sts.Base2014, PAN: pan}); err == nil {
			return k
		}
	}
	*failed = err
	return sts.Key{}
}

// live lets every customer buy once and the meters report. One of P's meters is tampered with, with credit in it.
func (b *preparation) live() {
	for i, p := range b.t.places {
		if p.owner == gone {
			b.must(start, "POST", "/v1/vends", apiv1.NewSale{Meter: p.number, Tender: kes(openingWallet)}, nil)
			b.must(start, "POST", "/v1/accounts/"+p.account+"/move-out", apiv1.Reason{Reason: "moved to the coast"}, nil)
			continue
		}
		if p.fresh {
			if p.wallet {
				b.bringDebt(p)
			}
			p.h.reports = nil
			continue
		}
		minor := int64(openingUnits)
		if p.wallet {
			minor = openingWallet
		}
		var s apiv1.Sale
		b.must(start, "POST", "/v1/vends", apiv1.NewSale{Meter: p.number, Tender: kes(minor)}, &s)
		if b.err != nil {
			return
		}
		for _, tok := range s.Tokens {
			if got := p.h.enter(tok.Digits, meter.Keypad, ""); got != "accept" {
				b.err = fmt.Errorf("meter %d answers %s to its first token", i, got)
			}
		}
		if !p.online && i != 1 { // P's second meter was heard once, and is offline since
			p.h.reports = nil
			continue
		}
		l, err := connect(b.mqtt, p.password, p.link, p.h)
		if err != nil {
			b.err = err
			return
		}
		l.wait(2*time.Second, func() bool { return l.settled() && (!p.wallet || l.leased()) })
		l.do(func(h *house) { h.run(60) }) // the relay waits after a start
		if p.locked {
			l.do((*house).tamper)
			b.must(start, "POST", "/v1/debts", apiv1.NewDebt{Account: p.number, Kind: "arrears", Amount: kes(arrears)}, nil)
		}
		l.wait(2*time.Second, l.settled)
		l.close()
		if p.wallet && !p.h.on() {
			b.err = fmt.Errorf("meter %d has no supply", i)
		}
	}
}

// bringDebt adds a debt from the utility's system before. An earlier version imports nothing.
func (b *preparation) bringDebt(p *place) {
	if b.err != nil {
		return
	}
	a, err := b.c.ask(b.t.keys[start], "POST", "/v1/imports?kind=debts&mode=apply", file(fmt.Sprintf("account,amount\n%s,%d\n", p.number, arrears/100)))
	switch {
	case err != nil:
		b.err = err
	case a.status == http.StatusNotFound:
		b.must(start, "POST", "/v1/debts", apiv1.NewDebt{Account: p.number, Kind: "arrears", Amount: kes(arrears)}, nil)
	case !a.ok():
		b.err = fmt.Errorf("import a debt: %d %s", a.status, a.body)
	}
}

// Policy is how the utility is set before a history.
type Policy struct {
	Limits      Limits // nil for the server's defaults
	FourEyesOff bool   // only ceilings need a second person
}

// With returns the utility as the servers of another site serve it, with another policy. The site must serve the same data.
func (t *Utility) With(site Site, p Policy) *Utility {
	u := *t
	u.site, u.policy = site, p
	return &u
}

// bind applies the policy.
func (r *Run) bind() {
	set, change := map[string]int64{}, map[string]any{"four_eyes": "on", "usual_tariffs": []string{"domestic"},
		"emergency_from": "00:00", "emergency_to": "23:59"}
	if r.t.policy.FourEyesOff {
		change["four_eyes"] = "off"
	}
	for _, name := range r.t.ceilings {
		if r.t.policy.Limits == nil {
			break
		}
		if most, is := r.t.policy.Limits(name); is {
			set[name] = most
		}
	}
	if len(set) > 0 {
		change["ceilings"] = set
	}
	maps.DeleteFunc(change, func(name string, _ any) bool { // an earlier version has fewer settings
		_, has := r.t.settings[name]
		return !has
	})
	a := r.ask("owner", "POST", "/v1/settings", change)
	if id := a.approval(); id != "" {
		a = r.ask("owner2", "POST", "/v1/approvals/"+id+"/approve", apiv1.Decision{Reason: "agreed"})
	}
	if !a.ok() {
		r.fail(fmt.Errorf("the settings cannot be changed: %d %s", a.status, a.body))
	}
	r.log = nil
}

// newDice returns the random numbers of one step.
func newDice(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x726f67)) }
