package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/vending"
)

// newVendor is a vendor to be taken on.
type newVendor struct {
	Name             string `json:"name" example:"Corner shop"`
	Code             string `json:"code,omitempty" example:"V001" doc:"1 to 12 letters and digits; begins the numbers of its receipts. Default: the next of V001, V002 …"`
	Billing          string `json:"billing,omitempty" enum:"float,postpaid" doc:"float (default): pays in first. postpaid: owes what it sold, up to its credit"`
	CommissionBps    int64  `json:"commission_bps,omitempty" example:"150" doc:"Of the tender, tax included: 150 is 1.5 %"`
	CreditLimitMinor int64  `json:"credit_limit_minor,omitempty" doc:"How far it may sell beyond what it has paid in"`
}

// vendorTerms is what of a vendor is to change.
type vendorTerms struct {
	Name             *string `json:"name,omitempty"`
	CommissionBps    *int64  `json:"commission_bps,omitempty"`
	CreditLimitMinor *int64  `json:"credit_limit_minor,omitempty"`
	Blocked          *bool   `json:"blocked,omitempty" doc:"true: its keys sell nothing"`
}

// vendorBody is a vendor with what it has.
type vendorBody struct {
	ID               string    `json:"id" example:"ven_01jd00000000000000000000000"`
	Code             string    `json:"code" example:"V001"`
	Name             string    `json:"name"`
	Billing          string    `json:"billing" enum:"float,postpaid"`
	CommissionBps    int64     `json:"commission_bps"`
	CreditLimitMinor int64     `json:"credit_limit_minor"`
	Blocked          bool      `json:"blocked"`
	Float            floatBody `json:"float"`
	CreatedAt        time.Time `json:"created_at"`
}

// floatBody is what a vendor has.
type floatBody struct {
	Currency       string `json:"currency" doc:"Empty while the tenant has none"`
	BalanceMinor   int64  `json:"balance_minor" doc:"What it has paid in and not sold; negative: what it owes"`
	HeldMinor      int64  `json:"held_minor" doc:"Reserved by sales whose token is still being made"`
	AvailableMinor int64  `json:"available_minor" doc:"What it can sell for now, credit included"`
}

// newDeposit is money that a vendor paid in.
type newDeposit struct {
	Amount    amountBody `json:"amount"`
	Reference string     `json:"reference" example:"BANK-000123" doc:"The bank's own name of the payment; one is never booked twice, in whatever case it is written"`
	Bank      string     `json:"bank,omitempty" doc:"Which of the utility's bank accounts; default main"`
}

// depositBody is a booked deposit.
type depositBody struct {
	ID        string     `json:"id" example:"jrn_01jd00000000000000000000000" doc:"Of its journal"`
	Vendor    string     `json:"vendor"`
	Amount    amountBody `json:"amount"`
	Reference string     `json:"reference"`
	Bank      string     `json:"bank"`
	Float     floatBody  `json:"float"`
	At        time.Time  `json:"at"`
}

// bookedBody is a line of a statement.
type bookedBody struct {
	ID           string    `json:"id" doc:"Of the journal"`
	Kind         string    `json:"kind" example:"vend" doc:"vend, top_up (the recharge of a wallet), commission, deposit, reversal"`
	Ref          string    `json:"ref" doc:"The sale or payment it is for; of a reversal the kind of what it undoes stands before that"`
	At           time.Time `json:"at"`
	AmountMinor  int64     `json:"amount_minor" doc:"What the vendor got (positive) or spent (negative)"`
	BalanceMinor int64     `json:"balance_minor" doc:"After it; negative: what the vendor owes"`
}

func floatOf(r vending.Room, currency string) floatBody {
	return floatBody{Currency: currency, BalanceMinor: -int64(r.Balance), HeldMinor: int64(r.Held), AvailableMinor: int64(r.Left)}
}

func vendorOf(s vending.VendorShown) vendorBody {
	v := s.Vendor
	return vendorBody{ID: v.ID.Text(id.Vendor), Code: v.Code, Name: v.Name, Billing: string(v.Billing), CommissionBps: int64(v.Commission),
		CreditLimitMinor: int64(v.Credit), Blocked: v.Blocked, Float: floatOf(s.Room, s.Currency), CreatedAt: v.CreatedAt.UTC()}
}

func bookedOf(b vending.Booked) bookedBody {
	return bookedBody{ID: b.Journal.Text(id.Journal), Kind: string(b.Kind), Ref: b.Ref, At: b.At.UTC(), AmountMinor: -int64(b.Amount),
		BalanceMinor: -int64(b.Balance)}
}

func encodeDeposit(d vending.Deposited) []byte {
	b, err := json.Marshal(depositBody{ID: d.Journal.Text(id.Journal), Vendor: d.Vendor.Code, Amount: amountOf(d.Amount), Reference: d.Reference,
		Bank: d.Bank, Float: floatOf(d.Room, d.Amount.Currency), At: d.At.UTC()})
	if err != nil {
		panic(fmt.Sprintf("encode deposit %s: %v", d.Journal.Text(id.Journal), err)) // strings, integers and a time within years 0 to 9999
	}
	return append(b, '\n')
}

// VendorPath is the vendor that a path names.
type VendorPath struct {
	Vendor string `path:"id" maxLength:"64" doc:"Its id or code"`
}

func (a *API) vendorRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "add-vendor", Path: "/v1/vendors", DefaultStatus: http.StatusCreated, Tags: []string{"vendors"}, Summary: "Take a vendor on",
		Description: "Its keys (paywatt apikey create --role vendor_api --vendor CODE) sell from its float and see only its own sales. " +
			"Where four eyes bind, it waits for a second person: 202 with the approval.",
		Responses: eitherOr(r, "201", of[vendorBody](r)),
	}, a.addVendor)
	query(r, huma.Operation{
		OperationID: "vendors", Path: "/v1/vendors", Tags: []string{"vendors"}, Summary: "List the vendors",
	}, a.vendors)
	query(r, huma.Operation{
		OperationID: "vendor", Path: "/v1/vendors/{id}", Tags: []string{"vendors"}, Summary: "Show a vendor and its float",
	}, a.vendor)
	order(r, huma.Operation{
		OperationID: "vendor-terms", Path: "/v1/vendors/{id}/terms", DefaultStatus: http.StatusOK, Tags: []string{"vendors"}, Summary: "Change a vendor's terms",
		Description: "A lower limit takes no money back: sales stop until the vendor has paid in. Where four eyes bind, a change waits for a " +
			"second person: 202 with the approval. A change that only blocks the vendor is done at once.",
		Responses: eitherOr(r, "200", of[vendorBody](r)),
	}, a.vendorTerms)
	order(r, huma.Operation{
		OperationID: "deposit", Path: "/v1/vendors/{id}/deposits", DefaultStatus: http.StatusCreated, Tags: []string{"vendors"},
		Summary: "Book what a vendor paid in", Description: "Needs the header Idempotency-Key.", Parameters: keyParam(),
		Responses: map[string]*huma.Response{
			"201": {Description: "Booked.", Content: map[string]*huma.MediaType{jsonType: {Schema: of[depositBody](r)}}}},
	}, a.deposit)
	query(r, huma.Operation{
		OperationID: "float", Path: "/v1/vendors/{id}/float", Tags: []string{"vendors"}, Summary: "Show what a vendor can sell for",
	}, func(ctx context.Context, by access.Actor, in *VendorPath) (*struct{ Body floatBody }, error) {
		s, err := a.c.Vending.Vendor(ctx, by, in.Vendor)
		if err != nil {
			return nil, err
		}
		if s.Refused() {
			return nil, refuse(s.Refusal)
		}
		return &struct{ Body floatBody }{floatOf(s.Room, s.Currency)}, nil
	})
	query(r, huma.Operation{
		OperationID: "vendor-statement", Path: "/v1/vendors/{id}/statement", Tags: []string{"vendors"}, Summary: "List what was booked on a vendor's account, newest first",
	}, a.vendorStatement)
}

func (a *API) addVendor(ctx context.Context, by access.Actor, _ *struct{}, body newVendor) (*sent, error) {
	s, err := a.c.Vending.AddVendor(ctx, by, vending.NewVendor{Code: body.Code, Name: body.Name, Billing: vending.Billing(body.Billing),
		Commission: money.Bps(clamp(body.CommissionBps)), Credit: money.Minor(body.CreditLimitMinor)})
	return vendorChanged(http.StatusCreated, s, err)
}

func vendorAnswer(s vending.VendorShown, err error) (*struct{ Body vendorBody }, error) {
	if err != nil {
		return nil, err
	}
	if s.Refused() {
		return nil, refuse(s.Refusal)
	}
	return &struct{ Body vendorBody }{vendorOf(s)}, nil
}

// vendorChanged answers a change: done, or written down for a second person.
func vendorChanged(status int, s vending.VendorShown, err error) (*sent, error) {
	return doneOrWaits(status, s.Refusal, s.Waits, err, func() any { return vendorOf(s) })
}

func (a *API) vendors(ctx context.Context, by access.Actor, in *Page) (*listed[vendorBody], error) {
	l, err := a.c.Vending.Vendors(ctx, by, registry.Page{Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, err
	}
	if l.Refused() {
		return nil, refuse(l.Refusal)
	}
	return listOf(l.Vendors, l.Next, vendorOf), nil
}

func (a *API) vendor(ctx context.Context, by access.Actor, in *VendorPath) (*struct{ Body vendorBody }, error) {
	s, err := a.c.Vending.Vendor(ctx, by, in.Vendor)
	return vendorAnswer(s, err)
}

func (a *API) vendorTerms(ctx context.Context, by access.Actor, in *VendorPath, body vendorTerms) (*sent, error) {
	t := vending.VendorTerms{Name: body.Name, Blocked: body.Blocked}
	if body.CommissionBps != nil {
		bps := money.Bps(clamp(*body.CommissionBps))
		t.Commission = &bps
	}
	if body.CreditLimitMinor != nil {
		limit := money.Minor(*body.CreditLimitMinor)
		t.Credit = &limit
	}
	s, err := a.c.Vending.SetTerms(ctx, by, in.Vendor, t)
	return vendorChanged(http.StatusOK, s, err)
}

func (a *API) deposit(ctx context.Context, by access.Actor, in *VendorPath, body newDeposit) (*sent, error) {
	out, err := a.c.Vending.Deposit(ctx, by, vending.Paid{Request: exchangeOf(ctx).request(), Vendor: in.Vendor, Amount: body.Amount.amount(),
		Bank: body.Bank, Reference: body.Reference,
		Render:      func(d vending.Deposited) (int, []byte) { return http.StatusCreated, encodeDeposit(d) },
		RenderWaits: encodeWaits})
	return answered(ctx, a, out, err)
}

func (a *API) vendorStatement(ctx context.Context, by access.Actor, in *struct {
	VendorPath
	Page
}) (*listed[bookedBody], error) {
	s, err := a.c.Vending.VendorStatement(ctx, by, in.Vendor, registry.Page{Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, err
	}
	if s.Refused() {
		return nil, refuse(s.Refusal)
	}
	return listOf(s.Lines, s.Next, bookedOf), nil
}
