// Package vendor manages the companies that sell for the tenant: their terms, their float or credit, their deposits and
// commissions, and how the money of their sales is reserved and settled.
//
// Start at [Vendors]. A sale calls [Selling], [Reserve] and [Book] in its own transaction. That transaction has already
// locked the customer's account and the meter. Selling locks the vendor. Reserve and Book then lock the vendor's ledger account.
package vendor

import (
	"context"
	"fmt"
	"strconv"
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

// Tx is the part of a transaction that the use cases of this package need.
type Tx interface {
	once.Clock
	Once() once.Tx
	Eyes() access.EyesTx
	Books() ledger.Books
	NewID() (id.ID, error)
	AuditLog(access.Entry) error
	// Take returns the next number of a dense counter: 1, 2, 3 ...
	Take(counter string) (int64, error)

	// Hold reserves an amount of a limited account until the hold is posted, voided or expires. Only one of these can happen.
	Hold(ref ledger.AccountRef, amount money.Minor, what string, until time.Time) (id.ID, ledger.Breach, error)
	// HoldPost turns an open hold into a journal. If the hold is no longer open, it returns false and posts nothing.
	HoldPost(hold id.ID, j ledger.Journal) (bool, ledger.Breach, error)
	// HoldVoid gives up a hold. It returns false if the hold is no longer open.
	HoldVoid(hold id.ID) (bool, error)
	// Statement lists the postings to a limited account, newest first. It begins before the given journal, or with the newest journal if
	// the identity is zero.
	Statement(ref ledger.AccountRef, before id.ID, max int) ([]Booked, error)
	// Settled returns the balance of a limited account before a period, and its entries in the period in the order in which they were posted,
	// at most max. The balances after them are not filled in.
	Settled(ref ledger.AccountRef, from, to time.Time, max int) (money.Minor, []Entry, error)
	// ClosedUntil returns the end of the newest closed day; zero if no day is closed.
	ClosedUntil() (time.Time, error)
	TenantSettings() (registry.Settings, error)

	// MaxCommission is the ceiling that the tenant's settings give to commissions.
	MaxCommission() (money.Bps, error)
	// VendorByID and VendorByCode find a vendor and lock it.
	VendorByID(vendor id.ID) (Vendor, bool, error)
	VendorByCode(code string) (Vendor, bool, error)
	// VendorPage lists vendors in the order of their ids, after the given id.
	VendorPage(after id.ID, max int) ([]Vendor, error)
	// AddVendor and PutVendor store a vendor and the limit of its account.
	AddVendor(Vendor) error
	PutVendor(Vendor) error
	// VendSeller stores the hold and the commission of a vendor's sale.
	VendSeller(sale.Sale) error
}

// Config has the parts that a Vendors needs; every field is required.
type Config struct {
	Door   access.Door[Tx]
	Sealer registry.Sealer
	Now    func() time.Time
	// MayDate returns the store's times, by which the server's clock is judged. It returns a refusal if the clock is in doubt.
	MayDate func(once.Clock) (sale.Times, refusal.Refusal, error)
}

// Vendors carries out the use cases of this package.
type Vendors struct {
	c       Config
	answers once.Answers[Tx]
}

// New makes a Vendors.
func New(c Config) *Vendors {
	return &Vendors{c: c, answers: once.Answers[Tx]{Door: c.Door, Sealer: c.Sealer, MayDate: c.MayDate}}
}

// moment returns the present time as it is stored: UTC, whole microseconds.
func (vs *Vendors) moment() time.Time { return access.Stored(vs.c.Now()) }

// Billing is the way in which a vendor pays for its sales.
type Billing string

// Kinds of billing. Both kinds have a limit that no sale may exceed. A float is drawn down to zero or into its credit line. A post-paid
// vendor may owe up to its credit.
const (
	PrepaidFloat Billing = "float"
	Postpaid     Billing = "postpaid"
)

// Vendor is a company that sells for the tenant.
type Vendor struct {
	ID         id.ID
	Code       string // 1 to 12 capital letters and digits; begins the numbers of its receipts
	Name       string
	Billing    Billing
	Commission money.Bps   // part of the tender, tax included
	Credit     money.Minor // how much it may sell beyond its deposits
	Blocked    bool
	CreatedAt  time.Time
	Version    int64
}

// Account returns the vendor's account in the books: its float, or its debt to the utility.
func (v Vendor) Account() ledger.AccountRef {
	return ledger.AccountRef{Code: v.code(), Subject: v.ID.Text(id.Vendor)}
}

func (v Vendor) code() ledger.Code {
	if v.Billing == Postpaid {
		return ledger.VendorReceivable
	}
	return ledger.Float
}

// NewVendor is a vendor to register.
type NewVendor struct {
	Code       string // empty: the next of V001, V002 ...
	Name       string
	Billing    Billing // empty: PrepaidFloat
	Commission money.Bps
	Credit     money.Minor
}

// Terms holds the changes of a vendor's terms; a nil field changes nothing.
type Terms struct {
	Name       *string
	Commission *money.Bps
	Credit     *money.Minor
	Blocked    *bool
}

// VendorView is a vendor with its float.
type VendorView struct {
	refusal.Refusal
	Waits    *access.Approval // the approval that the request waits for; nothing was changed
	Vendor   Vendor
	Headroom ledger.Headroom
	Currency string // empty until the tenant has one
}

// List is one page of vendors.
type List struct {
	refusal.Refusal
	Vendors  []VendorView
	Currency string
	Next     string
}

// Limits of a vendor's data.
const (
	maxVendorCode = 12
	maxVendorName = 100
)

// vendorCounter makes the codes of vendors that are registered without one.
const vendorCounter = "vendor"

// Add registers a vendor (right: vendor.manage). Its float is empty until it pays in.
func (vs *Vendors) Add(ctx context.Context, by access.Actor, n NewVendor) (VendorView, error) {
	if no := by.Needs(access.ManageVendors); no.Refused() {
		return VendorView{Refusal: no}, nil
	}
	n.Code, n.Name = strings.ToUpper(strings.TrimSpace(n.Code)), strings.TrimSpace(n.Name)
	if n.Billing == "" {
		n.Billing = PrepaidFloat
	}
	if no := n.check(); no.Refused() {
		return VendorView{Refusal: no}, nil
	}
	out, err := access.Through(ctx, vs.c.Door, by.Tenant, func(tx Tx) (VendorView, error) { return addVendor(tx, by, n, vs.moment()) })
	return out, fault.Wrap(err, "add vendor %s", refusal.Echo(n.Name))
}

func addVendor(tx Tx, by access.Actor, n NewVendor, now time.Time) (VendorView, error) {
	asked := n
	if n.Code != "" {
		if _, taken, err := tx.VendorByCode(n.Code); err != nil || taken {
			return VendorView{Refusal: refuse.VendorExists(n.Code)}, err
		}
	}
	if no, err := commissionAllowed(tx, n.Commission); err != nil || no.Refused() {
		return VendorView{Refusal: no}, err
	}
	currency, _, err := tx.Books().Currency()
	if err != nil {
		return VendorView{}, err
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActTerms, Summary: asked.words(currency), Body: vendorAct{New: &asked},
		Effect: access.Telling(func(e *access.Effect) {
			e.Fact("vendor", strings.TrimSpace(n.Code+" "+n.Name))
			e.Tells("billing", access.Named("billing", string(n.Billing)))
			e.Fact("commission", n.Commission.Percent())
			e.Sum("credit-limit", money.Amount{Minor: n.Credit, Currency: currency})
		})}, now)
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return VendorView{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
	}
	for taken := true; asked.Code == "" && taken; {
		next, err := tx.Take(vendorCounter)
		if err != nil {
			return VendorView{}, err
		}
		n.Code = fmt.Sprintf("V%03d", next)
		if _, taken, err = tx.VendorByCode(n.Code); err != nil {
			return VendorView{}, err
		}
	}
	vendor := Vendor{Code: n.Code, Name: n.Name, Billing: n.Billing, Commission: n.Commission, Credit: n.Credit}
	if vendor.ID, err = tx.NewID(); err != nil {
		return VendorView{}, err
	}
	vendor.CreatedAt = vendor.ID.Time()
	if err := tx.AddVendor(vendor); err != nil {
		return VendorView{}, err
	}
	e := by.Entry("vendor.add", vendor.ID.Text(id.Vendor))
	e.After = vendor.terms()
	if err := tx.AuditLog(eyes.Mark(e)); err != nil {
		return VendorView{}, err
	}
	return showVendor(tx, vendor)
}

func (v Vendor) terms() string {
	return fmt.Sprintf("code=%s name=%q billing=%s commission_bps=%d credit_minor=%d blocked=%t", v.Code, v.Name, v.Billing, v.Commission, v.Credit, v.Blocked)
}

// NameOf reads a vendor's name from what the audit log says about its terms.
func NameOf(terms string) (name string, ok bool) {
	_, rest, has := strings.Cut(terms, " name=")
	quoted, err := strconv.QuotedPrefix(rest)
	if !has || err != nil {
		return "", false
	}
	name, err = strconv.Unquote(quoted)
	return name, err == nil
}

func (n NewVendor) check() refusal.Refusal {
	switch {
	case n.Name == "" || len(n.Name) > maxVendorName || !access.IsLine(n.Name):
		return refuse.VendorNameOfWrongForm(maxVendorName)
	case !vendorCode(n.Code):
		return refuse.VendorCodeOfWrongForm(refusal.Echo(n.Code), maxVendorCode)
	case n.Code == strings.ToUpper(ledger.MainTill):
		return refuse.VendorCodeOfMainTill()
	case n.Billing != PrepaidFloat && n.Billing != Postpaid:
		return refuse.BillingUnknown(refusal.Echo(string(n.Billing)))
	}
	return checkTerms(n.Commission, n.Credit)
}

func vendorCode(s string) bool {
	return len(s) <= maxVendorCode && !strings.ContainsFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') })
}

func checkTerms(commission money.Bps, credit money.Minor) refusal.Refusal {
	if commission < 0 || commission > money.Whole {
		return refuse.CommissionOutOfRange(int64(commission), int64(money.Whole))
	}
	if credit < 0 || credit > money.MaxMinor {
		return refuse.CreditLimitOutOfRange(int64(credit), int64(money.MaxMinor))
	}
	return refusal.Refusal{}
}

// commissionAllowed refuses a commission above the ceiling of the settings. A vendor may keep a higher commission that it already has.
func commissionAllowed(tx Tx, commission money.Bps) (refusal.Refusal, error) {
	most, err := tx.MaxCommission()
	if err != nil || commission <= most {
		return refusal.Refusal{}, err
	}
	return refuse.CommissionTooHigh(commission.Percent(), most.Percent()), nil
}

// SetTerms changes a vendor's terms (right: vendor.manage). A lowered limit takes no money back: it stops sales until the
// vendor has paid in. Only stopping a vendor's sales needs no second person.
func (vs *Vendors) SetTerms(ctx context.Context, by access.Actor, vendor string, t Terms) (VendorView, error) {
	if no := by.Needs(access.ManageVendors); no.Refused() {
		return VendorView{Refusal: no}, nil
	}
	out, err := access.Through(ctx, vs.c.Door, by.Tenant, func(tx Tx) (VendorView, error) { return setTerms(tx, by, vendor, t, vs.moment()) })
	return out, fault.Wrap(err, "change the terms of vendor %s", refusal.Echo(vendor))
}

// setTerms is the transaction of SetTerms.
func setTerms(tx Tx, by access.Actor, vendor string, t Terms, now time.Time) (VendorView, error) {
	was, no, err := Named(tx, vendor)
	if err != nil || no.Refused() {
		return VendorView{Refusal: no}, err
	}
	next := t.apply(was)
	check := NewVendor{Code: next.Code, Name: next.Name, Billing: next.Billing, Commission: next.Commission, Credit: next.Credit}
	if no := check.check(); no.Refused() {
		return VendorView{Refusal: no}, nil
	}
	if next.Commission != was.Commission {
		if no, err := commissionAllowed(tx, next.Commission); err != nil || no.Refused() {
			return VendorView{Refusal: no}, err
		}
	}
	currency, _, err := tx.Books().Currency()
	if err != nil {
		return VendorView{}, err
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: t.act(), Object: was.ID.Text(id.Vendor), Summary: was.change(next, currency),
		Body: vendorAct{Vendor: was.ID.Text(id.Vendor), Terms: &t}, Effect: access.Telling(func(e *access.Effect) {
			e.Fact("vendor", strings.TrimSpace(was.Code+" "+was.Name))
			e.Change("name", access.Says(was.Name), access.Says(next.Name))
			e.Change("commission", access.Says(was.Commission.Percent()), access.Says(next.Commission.Percent()))
			e.Change("credit-limit", access.Pays(money.Amount{Minor: was.Credit, Currency: currency}), access.Pays(money.Amount{Minor: next.Credit, Currency: currency}))
			e.Change("blocked", access.Answers(was.Blocked), access.Answers(next.Blocked))
		})}, now)
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return VendorView{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
	}
	if err := tx.PutVendor(next); err != nil {
		return VendorView{}, err
	}
	e := by.Entry("vendor.terms", was.ID.Text(id.Vendor))
	e.Before, e.After = was.terms(), next.terms()
	if err := tx.AuditLog(eyes.Mark(e)); err != nil {
		return VendorView{}, err
	}
	return showVendor(tx, next)
}

// vendorAct is the part of a request that an approval stores: a new vendor, or a vendor's new terms.
type vendorAct struct {
	New    *NewVendor `json:"new,omitempty"`
	Vendor string     `json:"vendor,omitempty"`
	Terms  *Terms     `json:"terms,omitempty"`
}

// act returns the action of a change of terms. A change that only blocks the vendor never waits for a second person.
func (t Terms) act() access.Act {
	if t.Name == nil && t.Commission == nil && t.Credit == nil && t.Blocked != nil && *t.Blocked {
		return access.ActBlock
	}
	return access.ActTerms
}

// words describes a new vendor for the approver. The name is quoted, so that it cannot look like figures.
func (n NewVendor) words(currency string) string {
	code := n.Code
	if code == "" {
		code = "the next free code"
	}
	return fmt.Sprintf("take on vendor %s (%q): billing %s, commission %s, credit limit %s", code, n.Name, n.Billing, n.Commission.Percent(),
		money.Amount{Minor: n.Credit, Currency: currency})
}

// change describes a vendor's old and new terms for the approver. The name comes last, so that a long name cannot push a
// figure out of a shortened summary.
func (v Vendor) change(next Vendor, currency string) string {
	var parts []string
	if v.Commission != next.Commission {
		parts = append(parts, fmt.Sprintf("commission from %s to %s", v.Commission.Percent(), next.Commission.Percent()))
	}
	if v.Credit != next.Credit {
		parts = append(parts, fmt.Sprintf("credit limit from %s to %s", money.Amount{Minor: v.Credit, Currency: currency}, money.Amount{Minor: next.Credit, Currency: currency}))
	}
	if v.Blocked != next.Blocked {
		states := map[bool]string{true: "blocked", false: "active"}
		parts = append(parts, fmt.Sprintf("status from %s to %s", states[v.Blocked], states[next.Blocked]))
	}
	if v.Name != next.Name {
		parts = append(parts, fmt.Sprintf("name from %q to %q", v.Name, next.Name))
	}
	if len(parts) == 0 {
		parts = []string{"no change"}
	}
	return fmt.Sprintf("change vendor %s (%q): %s", v.Code, v.Name, strings.Join(parts, ", "))
}

func (t Terms) apply(v Vendor) Vendor {
	if t.Name != nil {
		v.Name = strings.TrimSpace(*t.Name)
	}
	if t.Commission != nil {
		v.Commission = *t.Commission
	}
	if t.Credit != nil {
		v.Credit = *t.Credit
	}
	if t.Blocked != nil {
		v.Blocked = *t.Blocked
	}
	return v
}

// Named finds a vendor by id or code and locks it.
func Named(tx Tx, text string) (Vendor, refusal.Refusal, error) {
	var v Vendor
	found := false
	i, err := id.Parse(id.Vendor, text)
	if err == nil {
		v, found, err = tx.VendorByID(i)
	} else {
		v, found, err = tx.VendorByCode(strings.ToUpper(strings.TrimSpace(text)))
	}
	if err != nil || found {
		return v, refusal.Refusal{}, err
	}
	return Vendor{}, refuse.VendorNotFound(refusal.Echo(text)), nil
}

func showVendor(tx Tx, vendor Vendor) (VendorView, error) {
	out := VendorView{Vendor: vendor}
	var err error
	if out.Headroom, err = tx.Books().Headroom(vendor.Account()); err != nil {
		return VendorView{}, err
	}
	out.Currency, _, err = tx.Books().Currency()
	return out, err
}

// ownVendor is the refusal for an actor that may not see this vendor's money: for a vendor's key, other vendors do not exist.
func ownVendor(by access.Actor, vendor Vendor, named string) refusal.Refusal {
	switch {
	case by.OfUtility():
		return by.Needs(access.ReadVendors)
	case by.Sees(vendor.ID):
		return refusal.Refusal{}
	}
	return refuse.VendorNotFound(refusal.Echo(named))
}

// Show shows a vendor with its float (right: vendor.float).
func (vs *Vendors) Show(ctx context.Context, by access.Actor, vendor string) (VendorView, error) {
	if no := by.Needs(access.ReadFloat); no.Refused() {
		return VendorView{Refusal: no}, nil
	}
	out, err := access.Look(ctx, vs.c.Door, by.Tenant, func(tx Tx) (VendorView, error) {
		found, no, err := Named(tx, vendor)
		if err == nil && !no.Refused() {
			no = ownVendor(by, found, vendor)
		}
		if err != nil || no.Refused() {
			return VendorView{Refusal: no}, err
		}
		return showVendor(tx, found)
	})
	return out, fault.Wrap(err, "show vendor %s", refusal.Echo(vendor))
}

// listVendors is the list that a cursor of List belongs to.
const listVendors = "vendors"

// List lists the vendors in the order of registration (right: vendor.read).
func (vs *Vendors) List(ctx context.Context, by access.Actor, page registry.Page) (List, error) {
	if no := by.Needs(access.ReadVendors); no.Refused() {
		return List{Refusal: no}, nil
	}
	after, max, no := page.Read(vs.c.Sealer, by.Tenant, listVendors)
	if no.Refused() {
		return List{Refusal: no}, nil
	}
	out, err := access.Look(ctx, vs.c.Door, by.Tenant, func(tx Tx) (List, error) {
		rows, err := tx.VendorPage(after, max+1)
		if err != nil {
			return List{}, err
		}
		var l List
		rows, l.Next = registry.Cut(rows, max, vs.c.Sealer, by.Tenant, listVendors, func(v Vendor) id.ID { return v.ID })
		for _, r := range rows {
			shown, err := showVendor(tx, r)
			if err != nil {
				return List{}, err
			}
			l.Vendors = append(l.Vendors, shown)
		}
		return l, nil
	})
	return out, fault.Wrap(err, "list vendors")
}
