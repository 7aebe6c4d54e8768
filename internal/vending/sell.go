package vending

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/sts"
)

// Length of an Idempotency-Key.
const (
	minKey = 8
	maxKey = 64
)

// purchase is an order in canonical form, with values from outside the transaction.
type purchase struct {
	by      access.Actor
	order   Purchase
	meter   registry.Ref
	ref     string // client reference
	deliver []string
	now     time.Time       // time of the sale, taken in its transaction: UTC, whole microseconds
	nibbles [MaxTokens]byte // random; a token takes four bits
	issuer  Issuer          // the issuer as it was at the beginning of the request
}

// step is the result of one transaction of a sale.
type step struct {
	Sold   Sold
	Digits Digits
	stored *access.StoredAnswer // the answer of an earlier request
	open   bool                 // the sale is held and waits for its issuer
	undo   bool                 // no write may remain
}

// Refused tells the store to undo the transaction.
func (s step) Refused() bool { return s.undo }

func no(r refusal.Refusal) step { return step{Sold: Sold{Refusal: r}, undo: true} }

// Sell makes one sale. A request is safe to repeat. Under the same key it gets the stored answer. Under a new key but an old client_ref it
// gets the sale of that client_ref. At most one sale ever exists for a key or a client_ref. When Sell returns a sale that is not refused,
// token and journal are durable. An error does not show whether there is a sale. The same request under the same key then returns the sale,
// or makes it if there is none.
func (v *Vending) Sell(ctx context.Context, by access.Actor, o Purchase) (Sold, error) {
	if r := by.Needs(access.Sell); r.Refused() {
		return Sold{Refusal: r}, nil
	}
	p, r, err := v.purchase(by, o)
	if err != nil {
		return Sold{}, err
	}
	if r.Refused() {
		return v.refuse(ctx, p, r)
	}
	mine := v.flights.enter(p.flight())
	if mine {
		defer v.flights.leave(p.flight())
	}
	s, err := access.Through(p.sharing(ctx), v.c.Door, by.Tenant, func(tx Tx) (step, error) { return v.first(ctx, tx, p) })
	switch {
	case err == nil && s.open && mine:
		s, err = v.finish(ctx, p, s.Sold)
	case err == nil && s.open:
		s = no(refuse.IdempotencyKeyRunning())
	}
	if err != nil {
		return Sold{}, fmt.Errorf("sell to meter %s: %w", refusal.Echo(o.Meter), err)
	}
	switch {
	case s.stored != nil:
		old, err := v.answers.Replay(o.Once, *s.stored)
		return Sold{Replay: old}, err
	case s.undo:
		return v.refuse(ctx, p, s.Sold.Refusal)
	}
	if s.Sold.lost() {
		return Sold{Refusal: answerLost()}, nil
	}
	s.Sold.Issued = Issued{s.Digits}
	if (len(p.deliver) > 0 || s.Sold.Sale.Recharge()) && v.c.Kick != nil {
		v.c.Kick()
	}
	return s.Sold, nil
}

// refuse answers with a refusal, and stores it if a repetition would get the same refusal.
func (v *Vending) refuse(ctx context.Context, p purchase, r refusal.Refusal) (Sold, error) {
	out, err := once.Refuse[sale.Sale](ctx, v.answers, p.by, p.request(), r)
	return Sold{Refusal: out.Refusal, Reply: out.Reply, Replay: out.Replay}, err
}

// purchase makes all checks of an order that do not need the store.
func (v *Vending) purchase(by access.Actor, o Purchase) (purchase, refusal.Refusal, error) {
	p := purchase{by: by, order: o, ref: o.ClientRef}
	if p.ref == "" {
		p.ref = o.Once.Key
	}
	switch {
	case p.ref == "":
		return p, refuse.IdempotencyKeyMissing(), nil
	case o.Once.Key != "" && (len(o.Once.Key) < minKey || len(o.Once.Key) > maxKey || !access.Printable(o.Once.Key)):
		return p, refuse.IdempotencyKeyOfWrongForm(minKey, maxKey), nil
	case len(p.ref) > MaxRef || !access.Printable(p.ref):
		return p, refuse.ClientRefTooLong(MaxRef), nil
	}
	var no refusal.Refusal
	if p.meter, no = registry.ParseRef(o.Meter); no.Refused() {
		return p, no, nil
	}
	if no = sale.CheckTender(o.Tender); no.Refused() {
		return p, no, nil
	}
	if p.deliver, no = v.routes(o.Deliver); no.Refused() {
		return p, no, nil
	}
	p.issuer = lookedAt(v.c.Issuer)
	if _, err := io.ReadFull(v.c.Rand, p.nibbles[:]); err != nil {
		return p, refusal.Refusal{}, fmt.Errorf("generate the random part of a token: %w", err)
	}
	return p, refusal.Refusal{}, nil
}

// request returns the identity of the order's request.
func (p purchase) request() once.Request {
	return once.Request{Once: p.order.Once, RenderRefusal: p.order.RenderRefusal}
}

func (p purchase) flight() flight { return flight{p.by.Tenant, p.by.Vendor, p.ref} }

// routes sorts the requested routes and removes duplicates. It refuses SMS if the server has no route for messages. A customer who waits
// for a message that never leaves is worse off than a customer who knows that none comes.
func (v *Vending) routes(wanted []string) ([]string, refusal.Refusal) {
	for _, r := range wanted {
		switch {
		case r == sale.RouteMQTT:
		case (r == sale.RouteSMS || r == sale.RouteMeterSMS) && v.c.Sends != nil && v.c.Sends(r):
		default:
			return nil, refuse.DeliveryUnknown(refusal.Echo(r))
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(wanted))), refusal.Refusal{}
}

// hash returns the same value for each repetition of a vendor's request, whichever person of the vendor sends it.
func (p purchase) hash(meter id.ID) [32]byte {
	return sale.HashOrder(p.by.Vendor, p.order.Payment, meter, p.order.Tender, p.deliver)
}

// first is the transaction that every sale begins with. It finds out whether the request is new, and then prices and reserves the sale.
// With a local issuer it completes the sale as well.
func (v *Vending) first(ctx context.Context, tx Tx, p purchase) (step, error) {
	fresh := true
	pointAhead(tx, p)
	if p.order.Once.Key != "" {
		kept, err := tx.Once().OnceFind(p.order.Once)
		switch {
		case err != nil:
			return step{}, err
		case kept == nil:
		case kept.Hash != p.order.Once.Hash:
			return no(refuse.IdempotencyKeyReused()), nil
		case kept.Status != 0:
			return step{stored: kept}, nil
		default:
			fresh = false
		}
	}
	point, found, err := tx.VendPoint(p.meter)
	if err != nil {
		return step{}, err
	}
	if !found {
		return no(refuse.SaleNotMade(registry.NoMeter(p.order.Meter))), nil
	}
	v.ahead(tx, p, point)
	hash := p.hash(point.Meter.ID)
	sale, asked, found, err := tx.Sold().VendRef(p.by.Vendor, p.ref)
	switch {
	case err != nil:
		return step{}, err
	case found && asked != hash:
		if s, known, err := tx.VendSale(sale); err != nil || !known || !p.pays(s, point.Meter.ID) {
			return no(refuse.ClientRefReused(refusal.Echo(p.ref))), err
		}
		return v.again(tx, p, sale, fresh)
	case found:
		return v.again(tx, p, sale, fresh)
	case !fresh:
		return no(refuse.IdempotencyKeyRunning()), nil
	}
	if r, err := reachable(tx, p, point); err != nil || r.Refused() {
		return no(r), err
	}
	return v.sell(ctx, tx, p, point, hash)
}

// reachable refuses a delivery by SMS to a customer without a telephone number or a meter without a SIM, before anything is sold. It reads
// the numbers only if the sale asks for SMS.
func reachable(tx Tx, p purchase, point sale.Point) (refusal.Refusal, error) {
	for _, route := range p.deliver {
		if route == sale.RouteMQTT {
			continue
		}
		can, err := notify.CanNotify(tx.Messages(), point.Meter.N, route)
		if err != nil {
			return refusal.Refusal{}, err
		}
		if !can || route == sale.RouteMeterSMS && point.Mode == registry.PrepayWallet {
			return unreachable(route, point), nil
		}
	}
	return refusal.Refusal{}, nil
}

// again answers a request whose sale exists already. The parameter repeated means that the request came under a new key.
func (v *Vending) again(tx Tx, p purchase, saleID id.ID, repeated bool) (step, error) {
	s, found, err := tx.VendSale(saleID)
	if err != nil || !found {
		return step{}, fmt.Errorf("read sale %s again (found: %t): %w", saleID.Text(id.Vend), found, err)
	}
	out := step{Sold: Sold{Sale: s, Repeated: repeated}}
	if s.State != sale.Held && p.order.Once.Key != "" {
		// Another request may have finished the sale and stored the answer while this request waited.
		kept, err := tx.Once().OnceFind(p.order.Once)
		if err != nil || kept != nil && kept.Status != 0 && kept.Hash == p.order.Once.Hash {
			return step{stored: kept}, err
		}
	}
	switch s.State {
	case sale.Held:
		out.open = true
		return out, nil
	case sale.Failed:
		r := saleFailed(s)
		if !p.request().Keeps(r) {
			return no(r), nil
		}
		return v.putRefusal(tx, p, s, r)
	}
	if out.Sold.Sale.Change, err = pendingChange(tx, s.Key); err != nil {
		return step{}, err
	}
	if out.Digits, err = v.openSale(out.Sold.Sale); err != nil {
		return step{}, err
	}
	return v.put(tx, p, out)
}

// sell prices and reserves a new sale, and completes it if the issuer is local.
func (v *Vending) sell(ctx context.Context, tx Tx, p purchase, point sale.Point, hash [32]byte) (step, error) {
	if !p.order.Account.IsZero() && point.Account != p.order.Account {
		return no(refuse.PaymentAccountMoved(point.Meter.Number)), nil
	}
	if point.Busy {
		return no(refuse.SaleInProgress(point.Meter.Number)), nil
	}
	times, doubt, err := v.MayDate(tx)
	if err != nil || doubt.Refused() {
		return no(doubt), err
	}
	// The sale takes the time of its transaction, because the request may have waited past the end of a local month. Servers that follow a
	// database's clock compare it with their own when a transaction begins. If a server's own clock was just moved, a time taken before the
	// transaction is wrong. A token issued in the future would stop all servers until that time. The store would also refuse to reserve a
	// vendor's money, because the reservation would last longer than allowed.
	p.now = tx.Moment()
	if r := magic(point, p.order.Tender, p.now); r.Refused() {
		return no(r), nil
	}
	pr, r, err := v.price(tx, point, p.order.Tender, p.now, times)
	if err != nil || r.Refused() {
		return no(r), err
	}
	if c, ok := p.issuer.(Checker); ok && !pr.recharge {
		if r := c.Check(ctx, pr.order()); r.Refused() {
			return no(r), nil
		}
	}
	name, money, r, err := p.payer(tx, point.Meter.Number, pr.version.Body.VATBps)
	if err != nil || r.Refused() {
		return no(r), err
	}
	var shift id.ID
	if money.Account == 0 { // the shift is locked before the totals, as when it is closed
		if shift, name, err = till.Selling(tx.Shifts(), p.by); err != nil {
			return step{}, err
		}
	}
	if r, err := mayTake(tx, p, point.Meter); err != nil || r.Refused() {
		return no(r), err
	}
	s, err := p.sale(tx, pr)
	if err != nil {
		return step{}, err
	}
	s.Till, s.Shift, s.Seller = name, shift, money
	if pr.key.State == registry.KeyIssued {
		if s.Change, err = pendingChange(tx, s.Key); err != nil {
			return step{}, err
		}
	}
	if err := pr.owed.MakeDue(tx.Debts().Charges()); err != nil {
		return step{}, err
	}
	if v.local() || pr.recharge {
		return v.atOnce(ctx, tx, p, pr, s, hash)
	}
	return reserve(tx, p, s, hash)
}

// mayTake counts a sale into the utility's own till under the ceilings of the seller and of the meter. A vendor's sales are limited by its
// float, and a payment by what its provider took. A sale that gets no token in the end counts too.
func mayTake(tx Tx, p purchase, m sale.MeterRef) (refusal.Refusal, error) {
	w, counts := p.counts(m)
	if !counts {
		return refusal.Refusal{}, nil
	}
	eyes, err := access.SecondPerson(tx.Eyes(), p.by, w, p.now)
	if err != nil || eyes.Refused() {
		return eyes.Refusal, err
	}
	if e, others := eyes.CountsForOthers(p.by.Entry("vend.counted", "")); others {
		err = tx.Eyes().AuditLog(e)
	}
	return refusal.Refusal{}, err
}

// counts returns what a sale counts under ceilings; false if it counts under none.
func (p purchase) counts(m sale.MeterRef) (access.ActRequest, bool) {
	takes := access.Takes{Amount: int64(p.order.Tender.Minor), Meter: access.Subject{ID: m.ID.Text(id.Meter), Name: m.Number}}
	return access.ActRequest{Act: access.ActSell, Takes: takes}, p.by.Vendor.IsZero() && p.order.Payment.IsZero()
}

// reserve writes a sale whose tokens an external issuer makes once the row is durable.
func reserve(tx Tx, p purchase, s sale.Sale, hash [32]byte) (step, error) {
	if p.order.Once.Key != "" {
		if err := tx.Once().OnceClaim(p.order.Once); err != nil {
			return step{}, err
		}
	}
	r, err := vendor.Reserve(tx.Vendors(), &s)
	if err != nil || r.Refused() {
		return no(r), err
	}
	if err := tx.Selling().VendReserve(s, hash); err != nil {
		return step{}, err
	}
	return step{Sold: Sold{Sale: s}, open: true}, nil
}

// atOnce makes the tokens of a sale and then writes it complete, so that every row is written once.
func (v *Vending) atOnce(ctx context.Context, tx Tx, p purchase, pr priced, s sale.Sale, hash [32]byte) (step, error) {
	wanted, err := orders(s, pr.attrs, pr.key.KEN)
	if err != nil {
		return step{}, err
	}
	tokens, why, err := issueAtOnce(ctx, p.issuer, wanted)
	switch {
	case err != nil:
		return step{}, err
	case why.Refused():
		return no(why), nil
	}
	if r, err := vendor.Reserve(tx.Vendors(), &s); err != nil || r.Refused() {
		return no(r), err
	}
	return v.complete(tx, p, Sold{Sale: s}, sale.Facts{Key: pr.key, Tariff: pr.version}, tokens, func(s sale.Sale) error { return tx.Selling().VendSell(s, hash) })
}

// sale builds the row of a new sale with its lines and the tokens to be made.
func (p purchase) sale(tx Tx, pr priced) (sale.Sale, error) {
	s := sale.Sale{ClientRef: p.ref, Meter: pr.point.Meter, Mode: pr.point.Mode, Account: pr.point.Account, State: sale.Held, Tender: p.order.Tender,
		CarryIn: pr.carry, CarryOut: pr.split.CarryOut, Units: pr.units(), Free: pr.split.Free, Lines: pr.lines(), Month: pr.month,
		MonthBefore: pr.before, Tariff: pr.version.ID, Deliver: p.deliver, Vendor: p.by.Vendor, Payment: p.order.Payment,
		By: p.by.String(), PricedAt: p.now, Key: pr.key.ID, Asked: pr.asked}
	if err := checkLines(s.Lines, s.Tender.Minor); err != nil {
		return sale.Sale{}, err
	}
	var err error
	if s.ID, err = tx.NewID(); err != nil {
		return sale.Sale{}, err
	}
	for i, units := range pr.tokens {
		t := sale.Token{Sale: s.ID, Meter: s.Meter.N, TID: pr.tids[i], BaseDate: pr.key.BaseDate, RND: p.nibbles[i] & 0xf, Units: units,
			State: sale.TokenReserved, IssuedAt: p.now}
		if t.ID, err = tx.NewID(); err != nil {
			return sale.Sale{}, err
		}
		s.Tokens = append(s.Tokens, t)
	}
	return s, nil
}

func (v *Vending) local() bool {
	l, ok := v.c.Issuer.(LocalIssuer)
	return ok && l.Local()
}

// pendingChange returns the tokens of a key change to this key that the meter has not confirmed.
func pendingChange(tx Tx, key id.ID) ([]sale.Token, error) {
	j, _, err := tx.Jobs().JobOfKey(key)
	return j.Tokens, err
}

// openSale opens the digits of a sale, and of the key change that comes before them.
func (v *Vending) openSale(s sale.Sale) (Digits, error) {
	d, err := v.open(s.Tokens)
	if err != nil {
		return Digits{}, err
	}
	change, err := v.open(s.Change)
	d.change = change.tokens
	return d, err
}

// open opens the digits of tokens, in the same order. A token without digits yet stays the zero Token.
func (v *Vending) open(tokens []sale.Token) (Digits, error) {
	d := Digits{tokens: make([]sts.Token, len(tokens))}
	for i, t := range tokens {
		if len(t.Sealed) == 0 {
			continue
		}
		plain, err := v.c.Sealer.Open(sale.TokenContext(t.ID), t.Sealed)
		if err != nil {
			return Digits{}, fmt.Errorf("open token %s: %w", t.ID.Text(id.Token), err)
		}
		token, result := sts.ParseToken(string(plain))
		if result != sts.Accept {
			return Digits{}, fmt.Errorf("open token %s: what was sealed is not a token", t.ID.Text(id.Token))
		}
		d.tokens[i] = token
	}
	return d, nil
}
