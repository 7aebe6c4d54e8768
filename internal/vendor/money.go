package vendor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
)

// HoldLife is how long the money of a sale stays reserved if its issuer does not answer.
const HoldLife = 7 * 24 * time.Hour

// Selling finds out whose money a sale uses, and whether a vendor's account has room for it. Selling locks the vendor. The
// caller has already locked the customer's account and the meter of the sale.
func Selling(tx Tx, by access.Actor, tender money.Amount, vat money.Bps) (till string, s sale.Seller, no refusal.Refusal, err error) {
	if by.OfUtility() {
		return ledger.MainTill, sale.Seller{}, refusal.Refusal{}, nil
	}
	vendor, found, err := tx.VendorByID(by.Vendor)
	switch {
	case err != nil:
		return "", sale.Seller{}, refusal.Refusal{}, err
	case !found || vendor.Blocked:
		return "", sale.Seller{}, refuse.VendorNotSelling(), nil
	}
	room, err := tx.Books().Headroom(vendor.Account())
	if err != nil {
		return "", sale.Seller{}, refusal.Refusal{}, err
	}
	if tender.Minor > 0 && tender.Minor > room.Left {
		return "", sale.Seller{}, FloatShort(tender, room.Left), nil
	}
	s = sale.Seller{Account: vendor.code()}
	if s.Commission, err = money.Share(tender.Minor, vendor.Commission, money.HalfUp); err == nil {
		s.CommissionVAT, err = money.TaxIn(s.Commission, vat)
	}
	return vendor.Code, s, refusal.Refusal{}, err
}

// Reserve holds the tender of a vendor's sale on its account (P6 of docs/reference/postings.md), and stores the hold and the
// commission with the sale.
func Reserve(tx Tx, s *sale.Sale) (refusal.Refusal, error) {
	if s.Seller.Account == 0 {
		return refusal.Refusal{}, nil
	}
	if s.Tender.Minor > 0 {
		hold, breach, err := tx.Hold(s.Source(), s.Tender.Minor, s.ID.Text(id.Vend), s.PricedAt.Add(HoldLife))
		switch {
		case err != nil:
			return refusal.Refusal{}, err
		case breach.Refused():
			return FloatShort(s.Tender, s.Tender.Minor-breach.Short()), nil
		}
		s.Seller.Hold = hold
	}
	return refusal.Refusal{}, tx.VendSeller(*s)
}

// Book posts the journal of a sale: from the vendor's hold if the sale has one, otherwise directly. A hold may expire while it is unknown
// whether the token exists. Then the money left on the account must cover the sale.
func Book(tx Tx, s sale.Sale, j ledger.Journal) (refusal.Refusal, error) {
	if !s.Seller.Hold.IsZero() {
		posted, breach, err := tx.HoldPost(s.Seller.Hold, j)
		if err != nil || posted {
			return refusal.Refusal{}, err
		}
		if breach.Refused() {
			return refusal.Refusal{}, breach.Err(j)
		}
	}
	breach, err := tx.Books().Post(j)
	switch {
	case err != nil:
		return refusal.Refusal{}, err
	case breach.Refused() && breach.Account == s.Source() && s.Seller.Account != 0:
		return FloatShort(s.Tender, s.Tender.Minor-breach.Short()), nil
	case breach.Refused():
		// A cash sale fills a till and uses a carry that was read under lock, so no limit can stop it.
		return refusal.Refusal{}, breach.Err(j)
	}
	return refusal.Refusal{}, nil
}

// BookCommission posts a vendor's commission on a sale (P7) as a separate journal. A reversal mirrors both journals.
func BookCommission(tx Tx, s sale.Sale, now time.Time) error {
	if s.Seller.Commission == 0 {
		return nil
	}
	lines := ledger.CommissionEarned(s.Vendor.Text(id.Vendor), s.Seller.Commission-s.Seller.CommissionVAT, s.Seller.CommissionVAT)
	for i := range lines {
		if lines[i].Account.Code == ledger.Float {
			lines[i].Account = s.Source()
		}
	}
	j := ledger.Journal{Kind: ledger.Commission, Ref: s.ID.Text(id.Vend), PostedAt: now, Memo: s.Memo(), Postings: lines}
	_, err := ledger.Enter(tx.Books(), j)
	return err
}

// Paid is money that a vendor paid to the tenant's bank.
type Paid struct {
	once.Request
	Vendor    string // identity or code
	Amount    money.Amount
	Bank      string // which of the tenant's bank accounts; empty: "main"
	Reference string // the bank's reference: the same payment is never booked twice

	// Render makes the answer that is stored under Once.Key.
	Render func(Deposited) (status int, body []byte)
	// RenderWaits makes the stored answer of a deposit that waits for a second person.
	RenderWaits func(access.Approval) (status int, body []byte)
}

// Deposited is a booked deposit.
type Deposited struct {
	refusal.Refusal
	Journal   id.ID
	Vendor    Vendor
	Headroom  ledger.Headroom
	Amount    money.Amount
	Bank      string
	Reference string
	At        time.Time
	Waits     *access.Approval // the approval that the deposit waits for; nothing was booked
}

// maxReference bounds the bank's reference.
const maxReference = 64

// Deposit books a payment by a vendor (right: vendor.deposit; P5): a float grows, a post-paid vendor owes less. A reference, whatever its
// letter case, can name only one payment.
func (vs *Vendors) Deposit(ctx context.Context, by access.Actor, p Paid) (once.Done[Deposited], error) {
	no := p.normal()
	render := p.Render
	if p.Render != nil && p.RenderWaits != nil {
		render = func(d Deposited) (int, []byte) {
			if d.Waits != nil {
				return p.RenderWaits(*d.Waits)
			}
			return p.Render(d)
		}
	}
	out, err := once.Do(ctx, vs.answers, by, access.DepositFloat, p.Request, render, func(tx Tx) (Deposited, refusal.Refusal, error) {
		if no.Refused() {
			return Deposited{}, no, nil
		}
		return vs.deposit(tx, by, p)
	})
	return out, fault.Wrap(err, "book a deposit of vendor %s", refusal.Echo(p.Vendor))
}

// normal puts a deposit into its canonical form, or returns the refusal of an invalid deposit.
func (p *Paid) normal() refusal.Refusal {
	p.Bank = strings.ToLower(strings.TrimSpace(p.Bank))
	if p.Bank == "" {
		p.Bank = ledger.MainBank
	}
	p.Reference = strings.ToUpper(strings.TrimSpace(p.Reference))
	if p.Reference == "" || len(p.Reference) > maxReference || !access.Printable(p.Reference) {
		return refuse.DepositReferenceOfWrongForm(maxReference)
	}
	if len(p.Bank) > maxReference || !access.Printable(p.Bank) {
		return refuse.DepositBankOfWrongForm(maxReference)
	}
	if p.Amount.Minor == 0 {
		return refuse.DepositZero()
	}
	if no := sale.CheckTender(p.Amount); no.Refused() {
		return refuse.BookingNotMade(no)
	}
	return refusal.Refusal{}
}

func (vs *Vendors) deposit(tx Tx, by access.Actor, p Paid) (Deposited, refusal.Refusal, error) {
	vendor, no, err := Named(tx, p.Vendor)
	if err != nil || no.Refused() {
		return Deposited{}, no, err
	}
	currency, _, err := tx.Books().Currency()
	switch {
	case err != nil:
		return Deposited{}, refusal.Refusal{}, err
	case currency == "":
		return Deposited{}, refuse.UtilityWithoutCurrency(), nil
	case currency != p.Amount.Currency:
		return Deposited{}, refuse.BookingNotMade(refuse.CurrencyMismatch(p.Amount.Currency, currency)), nil
	}
	ref := p.Bank + ":" + p.Reference
	if _, found, err := tx.Books().JournalByRef(ledger.DepositIn, ref); err != nil || found {
		return Deposited{}, refuse.PaymentBookedBefore(p.Reference), err
	}
	now := vs.moment()
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActDeposit, Object: vendor.ID.Text(id.Vendor),
		Summary: fmt.Sprintf("deposit of %s by vendor %s, reference %s", p.Amount, vendor.Code, ref),
		Body:    depositRequest{p.Vendor, p.Amount.Minor, p.Amount.Currency, p.Bank, p.Reference},
		Effect: func() (e access.Effect, err error) {
			has, err := tx.Books().Balance(vendor.Account())
			e.Sum("amount", p.Amount)
			e.Fact("vendor", strings.TrimSpace(vendor.Code+" "+vendor.Name))
			e.Fact("bank", p.Bank)
			e.Fact("reference", p.Reference)
			e.Change("float", access.Pays(money.Amount{Minor: -has, Currency: currency}), access.Pays(money.Amount{Minor: p.Amount.Minor - has, Currency: currency}))
			return e, err
		}}, now)
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return Deposited{Waits: eyes.Waits}, eyes.Refusal, err
	}
	lines := ledger.FloatDeposited(p.Bank, vendor.ID.Text(id.Vendor), p.Amount.Minor)
	lines[1].Account = vendor.Account()
	j := ledger.Journal{Kind: ledger.DepositIn, Ref: ref, PostedAt: now, Memo: vendor.Code, Postings: lines}
	if j.ID, err = ledger.Enter(tx.Books(), j); err != nil {
		return Deposited{}, refusal.Refusal{}, err
	}
	e := by.Entry("vendor.deposit", vendor.ID.Text(id.Vendor))
	e.After = fmt.Sprintf("amount=%q reference=%q journal=%s", p.Amount, ref, j.ID.Text(id.Journal))
	if err := tx.AuditLog(eyes.Mark(e)); err != nil {
		return Deposited{}, refusal.Refusal{}, err
	}
	room, err := tx.Books().Headroom(vendor.Account())
	return Deposited{Journal: j.ID, Vendor: vendor, Headroom: room, Amount: p.Amount, Bank: p.Bank, Reference: p.Reference, At: j.PostedAt}, refusal.Refusal{}, err
}

// Booked is a line of a statement.
type Booked struct {
	Journal id.ID
	Kind    ledger.Kind
	Ref     string
	Memo    string
	At      time.Time
	Amount  money.Minor // signed, debit positive
	Balance money.Minor // balance of the account after this line
}

// Statement is one page of the entries on a vendor's account, newest first.
type Statement struct {
	refusal.Refusal
	Vendor   Vendor
	Currency string
	Lines    []Booked
	Next     string
}

// listStatement is the list that a cursor of a vendor's statement belongs to.
const listStatement = "statement:"

// Statement lists the entries on a vendor's account (right: vendor.float).
func (vs *Vendors) Statement(ctx context.Context, by access.Actor, vendor string, page registry.Page) (Statement, error) {
	if no := by.Needs(access.ReadFloat); no.Refused() {
		return Statement{Refusal: no}, nil
	}
	out, err := access.Look(ctx, vs.c.Door, by.Tenant, func(tx Tx) (Statement, error) {
		found, no, err := Named(tx, vendor)
		if err == nil && !no.Refused() {
			no = ownVendor(by, found, vendor)
		}
		if err != nil || no.Refused() {
			return Statement{Refusal: no}, err
		}
		list := listStatement + found.ID.Text(id.Vendor)
		before, max, no := page.Read(vs.c.Sealer, by.Tenant, list)
		if no.Refused() {
			return Statement{Refusal: no}, nil
		}
		s := Statement{Vendor: found}
		if s.Currency, _, err = tx.Books().Currency(); err != nil {
			return Statement{}, err
		}
		rows, err := tx.Statement(found.Account(), before, max+1)
		s.Lines, s.Next = registry.Cut(rows, max, vs.c.Sealer, by.Tenant, list, func(b Booked) id.ID { return b.Journal })
		return s, err
	})
	return out, fault.Wrap(err, "statement of vendor %s", refusal.Echo(vendor))
}

// FloatShort refuses a sale that takes more than is left on the vendor's account.
func FloatShort(tender money.Amount, left money.Minor) refusal.Refusal {
	return refuse.FloatShort(tender, money.Amount{Minor: max(left, 0), Currency: tender.Currency})
}
