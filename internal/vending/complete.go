package vending

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/sts"
)

// complete ends a sale: sealed tokens, journal, receipt number, delivery, audit row and stored answer become durable together, or none of
// them does. The parameter write is VendComplete for a held sale, and VendSell for a sale that is written at once.
func (v *Vending) complete(tx Tx, p purchase, sold Sold, f sale.Facts, tokens []sts.Token, write func(sale.Sale) error) (step, error) {
	s := sold.Sale
	for i, token := range tokens {
		s.Tokens[i].Made(v.c.Sealer, []byte(token.Reveal()))
	}
	var err error
	if s.ReceiptNo, err = tx.Selling().ReceiptNo(s.Till); err != nil {
		return step{}, err
	}
	s.State, s.CompletedAt = sale.Completed, p.now
	if err := write(s); err != nil {
		return step{}, err
	}
	if !s.Payment.IsZero() {
		if err := tx.Spending().PaymentSpent(s.Payment, s.ID); err != nil {
			return step{}, err
		}
		if err := warnOwner(tx, s, p.now); err != nil {
			return step{}, err
		}
	}
	if s.Recharge() {
		if r, err := postRecharge(tx, &s, p.now); err != nil || r.Refused() {
			return no(r), err
		}
	} else if r, err := post(tx, s, p.now); err != nil || r.Refused() {
		return no(r), err
	}
	if err := push(tx, s.Deliver, s.Meter.Number, s.Tokens, p.now); err != nil {
		return step{}, err
	}
	if err := tell(tx, s); err != nil {
		return step{}, err
	}
	e := p.by.Entry(proof.Action, s.ID.Text(id.Vend))
	e.At = p.now
	if e.After, err = Evidence(s, f); err != nil {
		return step{}, err
	}
	if err := tx.AuditLog(e); err != nil {
		return step{}, err
	}
	sold.Sale = s
	change, err := v.open(s.Change)
	if err != nil {
		return step{}, err
	}
	return v.put(tx, p, step{Sold: sold, Digits: Digits{tokens: tokens, change: change.tokens}})
}

// post writes the sale's journal (P1, P8 and P9 of docs/reference/postings.md) from its stored lines. It returns the refusal of a vendor's
// account that has no room any more.
func post(tx Tx, s sale.Sale, now time.Time) (refusal.Refusal, error) {
	entry := ledger.SaleEntry{Source: s.Source(), Tender: s.Tender.Minor,
		Account: s.Account.Text(id.Account), CarryIn: s.CarryIn, Carry: s.CarryOut}
	for _, l := range s.Lines {
		to, _ := s.Credited(l)
		p := ledger.Posting{Account: to, Amount: -l.Amount}
		switch {
		case l.Kind == sale.LineEnergy:
			entry.Energy = l.Amount
		case l.Kind == sale.LineVAT:
			entry.VAT = l.Amount
		case l.Kind == sale.LineLevy:
			entry.Levies = append(entry.Levies, p)
		case l.Kind.Charge():
			entry.Others = append(entry.Others, p)
		}
	}
	if err := fund(tx, s, &entry); err != nil {
		return refusal.Refusal{}, err
	}
	j := ledger.Journal{Kind: ledger.Vend, Ref: s.ID.Text(id.Vend), PostedAt: now, Memo: s.Memo(), Postings: ledger.SalePostings(entry)}
	if len(j.Postings) == 0 { // nobody pays for these free units: no money moved
		return refusal.Refusal{}, nil
	}
	var err error
	if j.ID, err = tx.NewID(); err != nil {
		return refusal.Refusal{}, err
	}
	if r, err := vendor.Book(tx.Vendors(), s, j); err != nil || r.Refused() {
		return r, err
	}
	return refusal.Refusal{}, vendor.BookCommission(tx.Vendors(), s, now)
}

// FreeProgramme is the subject of the receivable that funds free basic units (P10).
const FreeProgramme = "free-basic-units"

// fund adds to a sale's entry the amount that a programme owes for its free units (P10).
func fund(tx Tx, s sale.Sale, e *ledger.SaleEntry) error {
	if s.Free == 0 {
		return nil
	}
	v, err := tx.Sold().TariffVersion(s.Tariff)
	if err != nil {
		return err
	}
	net, vat, err := v.Body.Funding(s.Free)
	if err != nil {
		return fmt.Errorf("fund %d Wh of free units: %w", s.Free, err)
	}
	e.Funding = ledger.FreeUnitsFunded(FreeProgramme, net, vat)
	return nil
}

func credit(c ledger.Code, subject string, amount money.Minor) ledger.Posting {
	return ledger.Posting{Account: ledger.AccountRef{Code: c, Subject: subject}, Amount: -amount}
}

// push enqueues tokens for the routes of their sale. The items name the tokens; the digits are opened when they are sent.
func push(tx Tx, routes []string, meter string, tokens []sale.Token, now time.Time) error {
	if slices.Contains(routes, sale.RouteMQTT) { // a recharge has no tokens to deliver
		for _, t := range tokens {
			name := t.ID.Text(id.Token)
			body, err := json.Marshal(job.Body{TokenID: name, Request: name})
			if err != nil {
				return fmt.Errorf("push token %s: %w", name, err)
			}
			_, err = tx.Enqueue(job.Item{Lane: job.LaneMQTT, Key: meter, Kind: job.KindToken, Body: body, ExpiresAt: now.Add(PushLife)})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// tell queues the messages of a sale to the customer's telephone and to the meter's SIM. The messages name the tokens; the digits are
// opened when they are sent.
func tell(tx Tx, s sale.Sale) error {
	for _, route := range s.Deliver {
		if route == sale.RouteMQTT {
			continue
		}
		if err := notify.NotifySale(tx.Messages(), s, route, tx.Moment()); err != nil {
			return fmt.Errorf("queue the messages of sale %s: %w", s.ID.Text(id.Vend), err)
		}
	}
	return nil
}

// repeatedStatus answers a sale that was repeated under a new key (docs/reference/http.md#repetition).
const repeatedStatus = 200

// put renders the answer and stores it under the request's key forever, because money moved.
func (v *Vending) put(tx Tx, p purchase, s step) (step, error) {
	if p.order.Render == nil {
		return s, nil
	}
	s.Sold.Reply = once.Answer(p.order.Render(s.Sold.Sale, s.Digits))
	if s.Sold.Repeated {
		s.Sold.Reply.Status = repeatedStatus
	}
	return s, v.answers.Put(tx.Once(), p.order.Once, s.Sold.Reply, true)
}

// putRefusal answers with the refusal of an existing sale. It stores the answer under the request's key in the same transaction, because
// the key may have been claimed since the sale was reserved.
func (v *Vending) putRefusal(tx Tx, p purchase, sale sale.Sale, r refusal.Refusal) (step, error) {
	out := step{Sold: Sold{Refusal: r, Sale: sale}}
	if !p.request().Keeps(r) {
		return out, nil
	}
	out.Sold.Reply = once.Answer(p.order.RenderRefusal(r))
	return out, v.answers.Put(tx.Once(), p.order.Once, out.Sold.Reply, true)
}
