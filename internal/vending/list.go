package vending

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/unit"
)

// SaleRequest narrows the list of sales, in the words of whoever asks. Empty fields do not narrow it.
type SaleRequest struct {
	From, To string // local days such as 2026-11-20, both included, or times; To excludes a time
	Meter    string // number or id
	Account  string // id, or number or id of a meter that the account has now
	Receipt  string // number of the receipt
	Seller   string // id or code of a vendor
	Till     string
	Shift    string // id
	State    string
	Page     registry.Page
}

// SaleFilter says which sales to read. Zero fields do not narrow.
type SaleFilter struct {
	From, To time.Time // priced at From or later, and before To
	Meter    int64
	Account  id.ID
	Receipt  string
	Vendor   id.ID
	Till     string
	Shift    id.ID
	State    sale.State
}

// SaleList is one page of sales, the newest first. It has no digits: [Vending.Sale] shows those of one sale.
type SaleList struct {
	refusal.Refusal
	Sales []sale.Sale
	Next  string
}

// SaleSum is what some sales come to.
type SaleSum struct {
	Sales  int64
	Tender money.Amount
	Units  unit.Energy
}

// SaleTotal is what the sales of a list come to. A sale that is being reversed counts as sold until it is reversed.
type SaleTotal struct {
	refusal.Refusal
	Sold, Held, Reversed, Failed SaleSum
}

// SalesTotal adds up all sales of a list, whatever its page (right: vend.read).
func (v *Vending) SalesTotal(ctx context.Context, by access.Actor, w SaleRequest) (SaleTotal, error) {
	if no := by.Needs(access.ReadVends); no.Refused() {
		return SaleTotal{Refusal: no}, nil
	}
	out, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (SaleTotal, error) {
		f, no, err := v.filter(tx, by, w)
		if err != nil || no.Refused() {
			return SaleTotal{Refusal: no}, err
		}
		return tx.Sold().SalesTotal(f)
	})
	return out, fault.Wrap(err, "add sales up")
}

// listSales names the list for its cursors.
const listSales = "sales"

// Sales lists sales (right: vend.read). A vendor's key sees the vendor's own.
func (v *Vending) Sales(ctx context.Context, by access.Actor, w SaleRequest) (SaleList, error) {
	if no := by.Needs(access.ReadVends); no.Refused() {
		return SaleList{Refusal: no}, nil
	}
	before, max, no := w.Page.Read(v.c.Sealer, by.Tenant, listSales)
	if no.Refused() {
		return SaleList{Refusal: no}, nil
	}
	out, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (SaleList, error) {
		f, no, err := v.filter(tx, by, w)
		if err != nil || no.Refused() {
			return SaleList{Refusal: no}, err
		}
		ids, err := tx.Sold().Sales(f, before, max+1)
		if err != nil {
			return SaleList{}, err
		}
		var l SaleList
		ids, l.Next = registry.Cut(ids, max, v.c.Sealer, by.Tenant, listSales, func(i id.ID) id.ID { return i })
		sold, err := tx.Sold().VendSales(ids)
		for _, i := range ids {
			l.Sales = append(l.Sales, sold[i])
		}
		return l, err
	})
	return out, fault.Wrap(err, "list sales")
}

// filter reads what is wanted.
func (v *Vending) filter(tx Tx, by access.Actor, w SaleRequest) (f SaleFilter, no refusal.Refusal, err error) {
	f = SaleFilter{Receipt: w.Receipt, Till: w.Till, State: sale.State(w.State), Vendor: by.Vendor}
	if f.State != "" && !slices.Contains(SaleStates(), w.State) {
		return f, refuse.SaleStateUnknown(refusal.Echo(w.State), strings.Join(SaleStates(), ", ")), nil
	}
	if w.Shift != "" {
		if f.Shift, err = id.Parse(id.Shift, w.Shift); err != nil {
			return f, refuse.ShiftNotFound(refusal.Echo(w.Shift)), nil
		}
	}
	if w.Seller != "" {
		seller, no, err := vendor.Named(tx.Vendors(), w.Seller)
		if err != nil || no.Refused() {
			return f, no, err
		}
		if !by.Sees(seller.ID) {
			return f, refuse.VendorNotFound(refusal.Echo(w.Seller)), nil // for a vendor, the others do not exist
		}
		f.Vendor = seller.ID
	}
	if f.Meter, f.Account, no, err = supplied(tx, w); err != nil || no.Refused() {
		return f, no, err
	}
	f.From, f.To, no, err = v.span(tx, w.From, w.To)
	return f, no, err
}

// SaleStates lists the states that a list can be narrowed to.
func SaleStates() []string {
	return []string{string(sale.Held), string(sale.Completed), string(sale.Failed), string(sale.Reversing), string(sale.Reversed)}
}

// supplied finds the wanted meter and account.
func supplied(tx Tx, w SaleRequest) (meter int64, account id.ID, no refusal.Refusal, err error) {
	point := func(named string) (p sale.Point, no refusal.Refusal, err error) {
		ref, no := registry.ParseRef(named)
		if no.Refused() {
			return p, no, nil
		}
		p, found, err := tx.VendPoint(ref)
		if err == nil && !found {
			no = registry.NoMeter(named)
		}
		return p, no, err
	}
	if w.Meter != "" {
		p, no, err := point(w.Meter)
		if err != nil || no.Refused() {
			return 0, account, no, err
		}
		meter = p.Meter.N
	}
	if w.Account == "" {
		return meter, account, no, nil
	}
	if account, err = id.Parse(id.Account, w.Account); err == nil {
		return meter, account, no, nil
	}
	p, no, err := point(w.Account)
	return meter, p.Account, no, err
}

// span reads the times between which sales are wanted.
func (v *Vending) span(tx Tx, from, to string) (begin, end time.Time, no refusal.Refusal, err error) {
	if from == "" && to == "" {
		return begin, end, no, nil
	}
	zone, err := v.zoneOf(tx)
	if err != nil {
		return begin, end, no, err
	}
	if from != "" {
		if begin, _, no = moment(from, zone); no.Refused() {
			return begin, end, no, nil
		}
	}
	if to != "" {
		day := false
		if end, day, no = moment(to, zone); day {
			end = localday.Next(end)
		}
	}
	return begin, end, no, nil
}

// moment reads a local day or a time.
func moment(text string, zone *time.Location) (at time.Time, day bool, no refusal.Refusal) {
	if at, err := localday.Parse(text, zone); err == nil {
		return at, true, no
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		no = refuse.MomentUnreadable(refusal.Echo(text))
	}
	return at, false, no
}
