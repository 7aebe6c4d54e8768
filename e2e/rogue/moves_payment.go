package rogue

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
)

// The utility's payment provider cannot be asked: its signature confirms payments up to a ceiling.
const (
	till       = "till"
	tillSingle = 30_000
	tillDaily  = 100_000_000

	vouchersMade = 50 // of the utility's batch
	codedMade    = 20 // of its batch of vouchers that need a code
)

// signing is the secret of a provider's calls: the utility's, which P does not know, or P's own.
func signing(whose string) []byte { return []byte(strings.Repeat(whose+"-", 16)) }

func newProvider(name, whose string) apiv1.NewPaymentProvider {
	return apiv1.NewPaymentProvider{Name: name, Kind: "webhook", MaxSingleMinor: tillSingle, MaxDailyMinor: tillDaily,
		Secrets: map[string]any{"signing": "whsec_" + base64.StdEncoding.EncodeToString(signing(whose))}}
}

// payments adds the utility's provider and a batch of vouchers. An earlier version has neither.
func (b *preparation) payments() {
	if b.err != nil {
		return
	}
	for path, body := range map[string]any{"/v1/payment-providers": newProvider(till, till), "/v1/voucher-batches": apiv1.NewVoucherBatch{Count: vouchersMade, FaceMinor: 5_000, Expires: time.Now().AddDate(4, 0, 0).Format(time.DateOnly)}} {
		a, err := b.c.ask(b.t.keys[start], "POST", path, body)
		if err == nil && a.status != http.StatusNotFound && !a.ok() {
			err = fmt.Errorf("POST %s: %d %s", path, a.status, a.body)
		}
		if err != nil {
			b.err = err
			return
		}
		var made struct{ ID, Path string }
		if a.into(&made); made.Path != "" {
			b.t.tillPath = made.Path
		} else {
			b.t.batch = made.ID
		}
	}
}

// addCodedBatch adds the batch of vouchers that need a code. An earlier version does not know the field and makes an ordinary batch.
func (b *preparation) addCodedBatch() {
	if b.err != nil {
		return
	}
	body := map[string]any{"count": codedMade, "face_minor": 5_000, "expires": time.Now().AddDate(4, 0, 0).Format(time.DateOnly), "requires_code": true}
	a, err := b.c.ask(b.t.keys[start], "POST", "/v1/voucher-batches", body)
	if err == nil && !a.ok() {
		delete(body, "requires_code")
		a, err = b.c.ask(b.t.keys[start], "POST", "/v1/voucher-batches", body)
	}
	var made struct{ ID string }
	a.into(&made)
	b.t.coded, b.err = made.ID, err
}

// paymentMoves are what P does with payments of providers and with vouchers.
func paymentMoves() []move {
	return []move{
		{"use a parked payment for P", 4, func(r *Run, d *rand.Rand) {
			p := one(d, r.of(P, func(p *place) bool { return p.wallet && !p.fresh }))
			if pay := r.parked(d); pay != "" && r.send(r.p(), p.number, "/v1/payments/"+pay+"/apply", apiv1.ApplyPayment{Meter: p.number}).ok() {
				r.used()
			}
		}},
		{"take a parked payment out", 3, func(r *Run, d *rand.Rand) { r.takeOut(d, "refund") }},
		{"reject a parked payment", 3, func(r *Run, d *rand.Rand) { r.takeOut(d, "reject") }},
		{"add a provider of P's own", 2, func(r *Run, d *rand.Rand) {
			var made apiv1.PaymentProvider
			a := r.ask(r.p(), "POST", "/v1/payment-providers", newProvider(fmt.Sprintf("p%d", r.c.n), P))
			if a.into(&made); made.Path != "" {
				r.paths = append(r.paths, made.Path)
			}
		}},
		{"invent a payment", 3, func(r *Run, d *rand.Rand) { // signed by P
			p := one(d, r.of(P, func(p *place) bool { return p.wallet && !p.fresh }))
			if path := one(d, append([]string{r.t.tillPath}, r.paths...)); path != "" {
				r.call(path, P, p.number, tender(d))
				r.used()
			}
		}},
		{"invent a statement", 3, func(r *Run, d *rand.Rand) {
			p := one(d, r.of(P, func(p *place) bool { return p.wallet && !p.fresh }))
			rows := fmt.Sprintf("Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn,A/C No.\nPX%08d,%s,Completed,%d.00,,%s\n",
				r.c.n, r.now().Add(-time.Hour).UTC().Format("2006-01-02 15:04:05"), tender(d)/100, p.number)
			if r.ask(r.p(), "POST", "/v1/payment-providers/"+till+"/statements", file(rows)).ok() {
				r.used()
			}
		}},
		{"sell vouchers", 4, func(r *Run, d *rand.Rand) { r.vouchers(d) }},
		{"redeem a voucher", 4, func(r *Run, d *rand.Rand) {
			p := r.own(d)
			if pin := one(d, r.pins); pin != "" {
				r.send(one(d, []string{r.p(), "P/shop"}), p.number, "/v1/voucher-redemptions", apiv1.RedeemVoucher{PIN: pin, Meter: p.number})
			}
		}},
		{"end vouchers", 1, func(r *Run, _ *rand.Rand) {
			if r.t.batch != "" {
				r.ask(r.p(), "POST", "/v1/voucher-batches/"+r.t.batch+"/end", apiv1.EndVouchers{Reason: usual})
			}
		}},
	}
}

// strangers pay the utility's provider with a reference that nobody has, some of them more than a signature confirms. Their money waits.
func strangers() []move {
	return []move{{"a stranger mistypes a reference", 1, func(r *Run, d *rand.Rand) {
		if r.t.tillPath != "" {
			r.call(r.t.tillPath, till, "rent", one(d, []int64{tender(d), 2 * tillSingle}))
			r.used()
		}
	}}}
}

// parked draws a payment that waits for a person.
func (r *Run) parked(d *rand.Rand) string {
	var list apiv1.List[apiv1.Payment]
	r.ask(r.p(), "GET", "/v1/payments?state=parked&provider="+till+"&limit=200", nil).into(&list)
	return one(d, list.Data).ID
}

// takeOut says that a parked payment is no money of the utility's any more, as if P had taken it out of the account at the provider.
func (r *Run) takeOut(d *rand.Rand, how string) {
	pay := r.parked(d)
	if pay == "" {
		return
	}
	var done apiv1.Payment
	if a := r.ask(r.p(), "POST", "/v1/payments/"+pay+"/"+how, apiv1.Reason{Reason: usual}); a.ok() {
		a.into(&done)
		r.paidOut += done.Amount.AmountMinor
	}
}

// vouchers takes the PINs of the batch once, and sells some vouchers: from the float of P's shop, or for cash that only P has seen.
func (r *Run) vouchers(d *rand.Rand) {
	if r.t.batch == "" {
		return
	}
	r.print(one(d, []string{r.p(), "finance"}))
	from, hand := int64(1+d.IntN(48)), one(d, []string{r.p(), "P/shop"})
	a := r.ask(hand, "POST", "/v1/voucher-batches/"+r.t.batch+"/sell", apiv1.VoucherRange{From: from, To: from + int64(d.IntN(3))})
	var before apiv1.VoucherBatch
	if a.into(&before); a.ok() && hand != "P/shop" {
		r.alone += (before.Active + before.Redeemed + before.Ended - r.sold) * before.Face.AmountMinor
	}
	if a.ok() {
		r.sold = before.Active + before.Redeemed + before.Ended
	}
}

// print takes the PINs of the batch once. P stands at the printer and sees all but the last: whoever prints a batch without a second code can redeem
// what others buy of it.
func (r *Run) print(hand string) {
	if len(r.pins) > 0 {
		return
	}
	var sheet apiv1.VoucherPins
	r.ask(hand, "POST", "/v1/voucher-batches/"+r.t.batch+"/pins", apiv1.TakeVoucherPins{}).into(&sheet)
	for i, v := range sheet.Vouchers {
		if i+1 == vouchersMade {
			r.unseen = v.PIN
		} else {
			r.pins = append(r.pins, v.PIN)
		}
	}
}

// call brings a signed call about a payment.
func (r *Run) call(path, whose, reference string, minor int64) {
	r.signed(path, whose, signing(whose), reference, minor)
}

// signed brings a call about a payment that a key signs.
func (r *Run) signed(path, whose string, key []byte, reference string, minor int64) {
	if r.err != nil {
		return
	}
	r.c.n++
	name := fmt.Sprintf("TX-%d-%d", r.c.n, r.ahead/time.Hour)
	body := mustJSON(map[string]any{"type": "payment.taken", "data": map[string]any{"id": name, "amount_minor": minor, "currency": "KES", "reference": reference}})
	stamp := strconv.FormatInt(r.now().Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(name + "." + stamp + "." + string(body)))
	req, err := http.NewRequest("POST", r.c.url+path+"in", bytes.NewReader(body))
	if err != nil {
		r.fail(err)
		return
	}
	req.Header.Set("webhook-id", name)
	req.Header.Set("webhook-timestamp", stamp)
	req.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	resp, err := r.c.http.Do(req)
	if err != nil {
		r.fail(fmt.Errorf("POST %s: %w", path, err))
		return
	}
	_ = resp.Body.Close()
	if whose == till && resp.StatusCode/100 != 2 {
		r.fail(fmt.Errorf("the provider's call is answered %d", resp.StatusCode))
	}
	r.log = append(r.log, fmt.Sprintf("%-14s call of a payment of %d, reference %s → %d", whose, minor, reference, resp.StatusCode))
}

// used waits until the server has worked on every payment that it knows.
func (r *Run) used() {
	r.awaitTrue("worked on each payment", func() bool {
		var list apiv1.List[apiv1.Payment]
		r.ask("auditor", "GET", "/v1/payments?state=received&limit=2", nil).into(&list)
		return len(list.Data) == 0
	})
	r.settle()
}
