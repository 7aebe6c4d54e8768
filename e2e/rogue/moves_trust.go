package rogue

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
)

// trustMoves are what P does with the trust of others: of a second person, of a customer's telephone, of whoever reads a file. Bodies are maps where an
// earlier version lacks the request.
func trustMoves() []move {
	return []move{
		{"have a statement agreed", 3, func(r *Run, d *rand.Rand) { r.stated(d) }},
		{"have a provider of P's own agreed", 1, func(r *Run, d *rand.Rand) { r.ownProvider(d) }},
		{"replace a provider's secret", 2, func(r *Run, d *rand.Rand) { r.newSecret(d) }},
		{"shed a debt", 3, func(r *Run, d *rand.Rand) { r.shed(d) }},
		{"abandon a debt", 1, func(r *Run, d *rand.Rand) { // P moves somewhere else
			p := one(d, r.of(P, func(p *place) bool { return p.cust != "" }))
			var a apiv1.Account
			if r.ask(r.p(), "GET", "/v1/accounts/"+p.number, nil).into(&a); a.Balance.DebtsMinor > 0 {
				r.moveOut(p, a.ID)
			}
		}},
		{"let another owe P's debt", 2, func(r *Run, d *rand.Rand) {
			p := one(d, r.of(P, nil))
			r.ask(r.p(), "POST", "/v1/accounts/"+r.other(d).account+"/take-over", map[string]string{"from": p.account, "reason": usual})
		}},
		{"send a small file that costs much", 1, func(r *Run, _ *rand.Rand) { r.sendCostlyFile() }},
		{"invite with a limited key", 1, func(r *Run, _ *rand.Rand) { r.inviteWithLimitedKey() }},
		{"ask for secrets with a limited key", 1, func(r *Run, d *rand.Rand) { r.keepSecret(d) }},
		{"let a provider call P's machine", 1, func(r *Run, _ *rand.Rand) { r.lureProvider() }},
		{"let a webhook call P's machine", 1, func(r *Run, d *rand.Rand) { r.addOwnWebhook(d) }},
		{"book a surplus", 2, func(r *Run, d *rand.Rand) {
			float := kes(0)
			r.ask(r.p(), "POST", "/v1/shifts", apiv1.NewShift{Till: "main", Opening: &float})
			r.counted(r.p(), r.till(d), func(left int64) int64 { return left + 1_000_000_000 })
		}},
		{"put a meter on another feeder", 2, func(r *Run, d *rand.Rand) {
			p := one(d, r.of("", func(p *place) bool { return p.feeder != "" }))
			change := one(d, []map[string]any{{"feeder": south, "reason": usual}, {"feeder": "", "reason": usual}, {"measures": north, "reason": usual}})
			r.ask(r.p(), "POST", "/v1/meters/"+p.number, change)
		}},
		{"register a meter on a feeder", 1, func(r *Run, d *rand.Rand) {
			n := r.newMeter(one(d, []string{"prepay_wallet", "prepay_token"}), "domestic")
			n.Feeder = north
			if p := r.register(n); p != nil {
				r.feigned = append(r.feigned, p.number)
			}
		}},
		{"import meters on a feeder", 1, func(r *Run, d *rand.Rand) { r.importFeeders(d) }},
		{"take a customer's number for P", 3, func(r *Run, d *rand.Rand) { r.takeNumber(d) }},
		{"ask another's figures", 3, func(r *Run, d *rand.Rand) { r.spy(d) }},
		{"use up a customer's tries", 2, func(r *Run, d *rand.Rand) { r.useUp(d) }},
		{"redeem what a customer bought", 2, func(r *Run, d *rand.Rand) { r.robBuyer(d) }},
	}
}

// stated brings a statement of the bank, and lets an honest person agree to it. Half of them are true: a customer has paid. The others are forged.
func (r *Run) stated(d *rand.Rand) {
	p := one(d, r.of(P, func(p *place) bool { return p.wallet && !p.fresh }))
	if paid := one(d, r.of("others", func(p *place) bool { return p.wallet && p.owner != gone && !p.movedOut })); paid != nil && d.IntN(2) == 0 {
		p = paid
	}
	name, minor := fmt.Sprintf("PX%08d", r.c.n), tender(d)
	rows := fmt.Sprintf("Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn,A/C No.\n%s,%s,Completed,%d.00,,%s\n",
		name, r.now().Add(-time.Hour).UTC().Format("2006-01-02 15:04:05"), minor/100, p.number)
	if p.owner != P {
		r.bank[name] = true
	}
	a := r.ask(r.p(), "POST", "/v1/payment-providers/"+till+"/statements", file(rows))
	if a.status >= 300 {
		return
	}
	if p.owner != P {
		r.banked[p.owner] += minor
	}
	if len(r.consent("finance2", "statement.take", r.forged)) > 0 {
		r.awaitPayment(name)
	}
	r.used()
}

// awaitPayment waits until the server has made a payment of a row of a statement, which it does soon after the statement was taken.
func (r *Run) awaitPayment(name string) {
	named := func(p apiv1.Payment) bool { return p.ProviderTxn == name }
	r.awaitTrue("made payment "+name, func() bool {
		var list apiv1.List[apiv1.Payment]
		r.ask("auditor", "GET", "/v1/payments?provider="+till+"&limit=200", nil).into(&list)
		return slices.ContainsFunc(list.Data, named)
	})
}

// ownProvider adds a provider whose secret P typed, lets an honest owner agree to it, and invents a payment.
func (r *Run) ownProvider(d *rand.Rand) {
	var made struct{ Path string }
	if r.ask(r.p(), "POST", "/v1/payment-providers", newProvider(fmt.Sprintf("q%d", r.c.n), P)).into(&made); made.Path == "" {
		return
	}
	r.consent("owner", "provider.enable", inOrder)
	r.paths = append(r.paths, made.Path)
	r.call(made.Path, P, one(d, r.of(P, func(p *place) bool { return p.wallet && !p.fresh })).number, tender(d))
	r.used()
}

// newSecret asks for another secret of the utility's provider. What P is shown of it signs a payment.
func (r *Run) newSecret(d *rand.Rand) {
	if r.t.tillPath == "" || r.replaced { // a second one would end the secret of the utility's own provider
		return
	}
	var shown struct{ Secret string }
	r.ask(r.p(), "POST", "/v1/payment-providers/"+till+"/secrets", map[string]any{"overlap_hours": 168,
		"secrets": map[string]any{"signing": "whsec_" + base64.StdEncoding.EncodeToString(signing(P))}}).into(&shown)
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(shown.Secret, "whsec_"))
	if shown.Secret == "" || err != nil {
		return
	}
	r.replaced = true
	r.signed(r.t.tillPath, P, key, one(d, r.of(P, func(p *place) bool { return p.wallet && !p.fresh })).number, tender(d))
	r.used()
}

// shed moves P out of a place where P owes money, and in again. An honest person agrees to both.
func (r *Run) shed(d *rand.Rand) {
	for _, p := range r.of(P, func(p *place) bool { return p.cust != "" && d.IntN(2) == 0 }) {
		var a apiv1.Account
		if r.ask(r.p(), "GET", "/v1/accounts/"+p.number, nil).into(&a); a.Balance.DebtsMinor == 0 {
			continue
		}
		if !r.moveOut(p, a.ID) {
			for _, account := range r.consent("owner", "account.move_out_owing", inOrder) {
				r.agreed[account] = true
			}
		}
		r.send(r.p(), p.number, "/v1/meters/"+p.number+"/move-in", apiv1.MoveIn{Tariff: "domestic", Customer: &apiv1.Customer{ID: p.cust}, Reason: usual})
		r.consent("owner", "account.move_in", inOrder)
		r.settle()
		r.remember(p)
		return
	}
}

// sendCostlyFile sends a small file and measures what it costs the server.
func (r *Run) sendCostlyFile() {
	if r.measured {
		return
	}
	r.measured = true
	small := wide()
	peak, used := r.srv.Cost()
	a := r.ask(r.p(), "POST", "/v1/imports?kind=meters&mode=dry_run", small)
	if a.status == http.StatusForbidden {
		return
	}
	if r.endIfUnanswered("a file of %d KB", len(small)>>10) {
		return
	}
	after, spent := r.srv.Cost()
	r.log = append(r.log, fmt.Sprintf("%-14s the file cost %s and %d MB", "", spent-used, (after-peak)>>20))
	if spent-used > mostTime || after-peak > mostBytes {
		r.gained = append(r.gained, fmt.Sprintf("a file of %d KB cost %s of processor time and %d MB", len(small)>>10, (spent-used).Round(100*time.Millisecond), (after-peak)>>20))
	}
}

// helper is P's hand with an owner's key that ends in an hour. An honest owner gave it to P for one task.
const helper = P + "/helper"

// hasLimitedKey reports whether P has the limited key, which P gets once in a history.
func (r *Run) hasLimitedKey() bool {
	if r.role != "owner" {
		return false
	}
	if r.temp == 0 {
		var k struct{ Key string }
		r.temp = r.ahead + time.Hour
		r.ask("owner", "POST", "/v1/keys", map[string]any{"role": "owner", "name": "helper", "expires_at": r.now().Add(time.Hour).UTC().Format(time.RFC3339)}).into(&k)
		if k.Key != "" {
			r.keys[helper] = k.Key
		}
	}
	return r.keys[helper] != "" && r.ahead < r.temp
}

// inviteWithLimitedKey invites an owner for ever, with a key that ends.
func (r *Run) inviteWithLimitedKey() {
	if r.mole != "" || !r.hasLimitedKey() {
		return
	}
	var who apiv1.Person
	email := "mole@example.org"
	if r.ask(helper, "POST", "/v1/people", apiv1.NewPerson{Email: email, Role: "owner"}).into(&who); who.InviteURL == "" {
		return
	}
	b := &browser{url: r.c.url, now: r.now, email: email, password: friendly}
	key, err := b.key(b.join(who.InviteURL), who.Role)
	if err != nil {
		r.fail(fmt.Errorf("sign in as %s: %w", email, err))
	}
	if key != "" {
		r.mole = P + "/mole"
		r.keys[r.mole] = key
	}
}

// keepSecret asks for a secret with a key that ends: the address of a customer's page, or the password of all devices.
func (r *Run) keepSecret(d *rand.Rand) {
	if !r.hasLimitedKey() {
		return
	}
	if d.IntN(2) == 0 {
		var made struct{ Password string }
		if r.ask(helper, "POST", "/v1/devices/password", struct{}{}).into(&made); made.Password != "" {
			r.secrets = append(r.secrets, secret{"the password of all devices", func() bool { return r.signsInAsDevice(made.Password) }})
		}
		return
	}
	p := r.other(d)
	var link struct{ Address string }
	r.ask(helper, "POST", "/v1/meters/"+p.number+"/page-link", map[string]any{"show": true}).into(&link)
	if _, chars, found := strings.Cut(link.Address, "/c/"); found {
		r.secrets = append(r.secrets, secret{"the address of the page of " + p.number, func() bool { return r.opensPage("/c/" + chars) }})
	}
}

// importFeeders registers meters on a feeder by a list.
func (r *Run) importFeeders(d *rand.Rand) {
	if len(r.feigned) > 20 {
		return
	}
	rows, numbers := "number,mode,tariff,feeder\n", []string(nil)
	for i := range 1 + d.IntN(3) {
		numbers = append(numbers, number(100_000+10*r.c.n+i))
		rows += fmt.Sprintf("%s,prepay_wallet,domestic,%s\n", numbers[i], north)
	}
	if a := r.ask(r.p(), "POST", "/v1/imports?kind=meters&mode=apply", file(rows)); a.under() {
		r.feigned = append(r.feigned, numbers...)
	}
}

// takeNumber gives a customer another telephone number, and the customer's own one to a customer of P's. Then somebody who knows of nothing pays for
// the customer by that number, for a day: then everybody could have seen what P did.
func (r *Run) takeNumber(d *rand.Rand) {
	if r.t.tillPath == "" {
		return
	}
	if r.poached == nil {
		p := r.drawCustomer(d)
		if p == nil || p == r.spied || !p.registered() {
			return
		}
		other := unknown
		a := r.ask(r.p(), "POST", "/v1/customers/"+p.cust, apiv1.CustomerChange{Phone: &other})
		r.divert(p, a)
		n := r.newMeter("prepay_wallet", "domestic")
		n.Customer = &apiv1.Customer{Name: "a friend of P", Phone: p.phone}
		if !a.ok() || r.register(n) == nil {
			return
		}
		r.poached, r.until = p, r.ahead+day*time.Second
	}
	if r.ahead < r.until {
		reference := "0" + strings.TrimPrefix(r.poached.phone, "+254")
		r.call(r.t.tillPath, till, reference, tender(d))
		r.pays++
		r.useAsMeant(reference, r.poached)
	}
}

// useAsMeant waits until the server has decided about every payment with a reference. Honest people use those that are parked for the meter that the payer meant: they
// have a day, and know who paid.
func (r *Run) useAsMeant(reference string, p *place) {
	named := func(state string) []apiv1.Payment {
		var list apiv1.List[apiv1.Payment]
		r.ask("auditor", "GET", "/v1/payments?provider="+till+"&limit=200", nil).into(&list)
		return slices.DeleteFunc(list.Data, func(pay apiv1.Payment) bool { return pay.Reference != reference || pay.State != state })
	}
	decided := func() int { return len(named("parked")) + len(named("applied")) }
	r.awaitTrue("decided about each payment for "+reference, func() bool { return decided() >= r.pays })
	for _, pay := range named("parked") {
		a := r.send("finance", p.number, "/v1/payments/"+pay.ID+"/apply", apiv1.ApplyPayment{Meter: p.number})
		if id := a.approval(); id != "" {
			r.ask("finance2", "POST", "/v1/approvals/"+id+"/approve", apiv1.Decision{Reason: "the payer is known"})
		}
	}
	r.used()
	r.banked[p.owner] -= r.meant
	r.meant = 0
	for _, pay := range named("applied") {
		if pay.Meter == p.number {
			r.meant += pay.Amount.AmountMinor
		}
	}
	r.banked[p.owner] += r.meant
}

// lureProvider adds a provider at P's machine, which nobody approves, and asks the server to register with it.
func (r *Run) lureProvider() {
	name := fmt.Sprintf("l%d", r.c.n)
	a := r.ask(r.p(), "POST", "/v1/payment-providers", map[string]any{"name": name, "kind": "mpesa",
		"max_single_minor": tillSingle, "max_daily_minor": tillDaily,
		"config":  map[string]any{"base_url": "http://127.0.0.1:" + r.address(), "short_code": "600000"},
		"secrets": map[string]any{"consumer_key": "key", "consumer_secret": "secret"}})
	if a.status < 300 {
		r.ask(r.p(), "POST", "/v1/payment-providers/"+name+"/register", struct{}{})
	}
}

// specialHosts are addresses of IPv6 that lead to no other machine of the public internet: two of ranges that are not routed, and one that a gateway
// turns into 127.0.0.1. Nothing answers there, so the move looks at whether the server takes the address.
func specialHosts() []string { return []string{"[5f00::1]", "[3fff::1]", "[::ffff:0:7f00:1]"} }

// addOwnWebhook adds a webhook at P's machine, whose address does not look like one of the server's own network. It lets an honest owner agree
// to it, and asks for a call to it.
func (r *Run) addOwnWebhook(d *rand.Rand) {
	if special := one(d, specialHosts()); d.IntN(2) == 0 {
		webhook := map[string]any{"url": "https://" + special + "/", "events": []string{"vend.completed"}}
		if r.ask(r.p(), "POST", "/v1/webhooks", webhook).ok() {
			r.gained = append(r.gained, "the server took "+special+" for an address of the public internet")
		}
		return
	}
	url := fmt.Sprintf("https://%s:%s/", one(d, []string{"[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "localhost"}), r.address())
	var made struct{ ID string }
	if r.ask(r.p(), "POST", "/v1/webhooks", map[string]any{"url": url, "events": []string{"vend.completed"}}).into(&made); made.ID == "" {
		return
	}
	r.ask(r.p(), "POST", "/v1/webhooks/"+made.ID+"/enable", struct{}{})
	r.consent("owner", "webhook.enable", inOrder)
	r.ask(r.p(), "POST", "/v1/webhooks/"+made.ID+"/test", struct{}{})
	time.Sleep(enough)
}

// spy sets another customer's telephone to P's, and asks for the customer's figures from there. The customer goes on as before.
func (r *Run) spy(d *rand.Rand) {
	if r.spied == nil {
		p, phone := one(d, r.of("others", func(p *place) bool { return p.owner != gone && p.registered() && !p.diverted })), curious
		if p == nil || !r.ask(r.p(), "POST", "/v1/customers/"+p.cust, apiv1.CustomerChange{Phone: &phone}).ok() {
			return
		}
		r.spied, r.due = p, r.ahead+day*time.Second
	}
	if r.spied.wallet && d.IntN(2) == 0 { // the customer buys, and the server says so by text message
		minor := tender(d)
		if a := r.ask("operator", "POST", "/v1/vends", apiv1.NewSale{Meter: r.spied.number, Tender: kes(minor), Deliver: []string{"sms"}}); a.ok() {
			s := r.order("operator", r.spied.number, minor, a)
			s.bought = true
		}
	}
	r.tell(curious, one(d, []string{"BAL", "USE", "LAST", "BAL " + r.spied.number}))
}

// useUp lets a customer buy a voucher, and uses up the customer's tries before the customer redeems it: anybody can write in the name of a telephone.
func (r *Run) useUp(d *rand.Rand) {
	p := r.drawCustomer(d)
	if r.tried == nil && p != nil && r.t.batch != "" {
		var after apiv1.VoucherBatch
		r.print("finance")
		a := r.ask("corner", "POST", "/v1/voucher-batches/"+r.t.batch+"/sell", apiv1.VoucherRange{From: vouchersMade, To: vouchersMade})
		if a.into(&after); a.ok() && r.unseen != "" {
			r.tried = &purchase{pin: r.unseen, by: p, minor: after.Face.AmountMinor}
			r.bought = append(r.bought, r.tried)
			r.sold = after.Active + after.Redeemed + after.Ended
		}
	}
	if r.tried == nil {
		return
	}
	for range 12 {
		r.asked++
		r.tell(r.tried.by.phone, fmt.Sprintf("PIN %016d", d.Int64N(1e16)))
	}
}

// robBuyer takes the PINs of the batch whose vouchers need a code, lets a customer buy one of them, and redeems it before the customer does.
func (r *Run) robBuyer(d *rand.Rand) {
	p, n := r.drawCustomer(d), int64(len(r.robbed)+1)
	if r.t.coded == "" || p == nil || n > codedMade {
		return
	}
	if len(r.sheet) == 0 {
		var sheet apiv1.VoucherPins
		r.ask(r.p(), "POST", "/v1/voucher-batches/"+r.t.coded+"/pins", apiv1.TakeVoucherPins{}).into(&sheet)
		for _, v := range sheet.Vouchers {
			r.sheet = append(r.sheet, v.PIN)
		}
		if len(r.sheet) == 0 {
			return
		}
	}
	var sold struct {
		Face  apiv1.Amount
		Codes []struct{ Code string }
	}
	a := r.ask("corner", "POST", "/v1/voucher-batches/"+r.t.coded+"/sell", apiv1.VoucherRange{From: n, To: n})
	if a.into(&sold); !a.ok() {
		return
	}
	b := &purchase{pin: r.sheet[n-1], by: p, minor: sold.Face.AmountMinor}
	for _, c := range sold.Codes {
		b.code = c.Code
	}
	r.robbed, r.bought = append(r.robbed, b), append(r.bought, b)
	own := r.own(d)
	for _, hand := range []string{r.p(), "P/shop"} {
		r.send(hand, own.number, "/v1/voucher-redemptions", map[string]any{"pin": b.pin, "meter": own.number})
	}
}

// drawCustomer draws a customer who buys a voucher.
func (r *Run) drawCustomer(d *rand.Rand) *place {
	return one(d, r.of("others", func(p *place) bool { return p.wallet && p.owner != gone && !p.movedOut && !p.diverted }))
}
