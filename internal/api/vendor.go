package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/vendor"
)

func floatOf(r ledger.Headroom, currency string) apiv1.Float {
	return apiv1.Float{Currency: currency, BalanceMinor: -int64(r.Balance), HeldMinor: int64(r.Held), AvailableMinor: int64(r.Left)}
}

func vendorOf(s vendor.VendorView) apiv1.Vendor {
	v := s.Vendor
	return apiv1.Vendor{ID: v.ID.Text(id.Vendor), Code: v.Code, Name: v.Name, Billing: string(v.Billing), CommissionBps: int64(v.Commission),
		CreditLimitMinor: int64(v.Credit), Blocked: v.Blocked, Float: floatOf(s.Headroom, s.Currency), CreatedAt: v.CreatedAt.UTC()}
}

func bookedOf(b vendor.Booked) apiv1.VendorEntry {
	return apiv1.VendorEntry{ID: b.Journal.Text(id.Journal), Kind: string(b.Kind), Ref: b.Ref, At: b.At.UTC(), AmountMinor: -int64(b.Amount),
		BalanceMinor: -int64(b.Balance)}
}

func depositOf(d vendor.Deposited) apiv1.Deposit {
	return apiv1.Deposit{ID: d.Journal.Text(id.Journal), Vendor: d.Vendor.Code, Amount: amountOf(d.Amount), Reference: d.Reference,
		Bank: d.Bank, Float: floatOf(d.Headroom, d.Amount.Currency), At: d.At.UTC()}
}

// VendorPath is the vendor in a path.
type VendorPath struct {
	Vendor string `path:"id" maxLength:"64" doc:"Id or code of the vendor"`
}

func (a *API) vendorRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "add-vendor", Path: "/v1/vendors", DefaultStatus: http.StatusCreated, Tags: []string{"vendors"}, Summary: "Add a vendor with an empty float",
		Description: "Its keys (paywatt apikey create --role vendor_api --vendor CODE) sell from its float and see only its own sales. " +
			"If a second person must approve it, the answer is 202 with the approval.",
		Responses: eitherOr(r, "201", of[apiv1.Vendor](r)),
	}, a.addVendor)
	listRoute(r, apiv1.Vendors, a.vendors)
	query(r, huma.Operation{
		OperationID: "vendor", Path: "/v1/vendors/{id}", Tags: []string{"vendors"}, Summary: "Show a vendor and its float",
	}, a.vendor)
	order(r, huma.Operation{
		OperationID: "vendor-terms", Path: "/v1/vendors/{id}/terms", DefaultStatus: http.StatusOK, Tags: []string{"vendors"}, Summary: "Change a vendor's terms",
		Description: "A lower credit takes no money back: sales stop until the vendor has paid enough in. If a second person must approve a change, the " +
			"answer is 202 with the approval. A change that only blocks the vendor is made at once.",
		Responses: eitherOr(r, "200", of[apiv1.Vendor](r)),
	}, a.vendorTerms)
	order(r, huma.Operation{
		OperationID: "deposit", Path: "/v1/vendors/{id}/deposits", DefaultStatus: http.StatusCreated, Tags: []string{"vendors"},
		Summary: "Record a deposit of a vendor", Parameters: keyParam(),
		Description: "Needs the header Idempotency-Key. If a second person must approve it, the answer is 202 with the approval.",
		Responses: booked(map[string]*huma.Response{"201": bodyOf[apiv1.Deposit](r, "Booked.")},
			bodyOf[apiv1.Approval](r, "It waits for a second person.")),
	}, a.deposit)
	query(r, huma.Operation{
		OperationID: "float", Path: "/v1/vendors/{id}/float", Tags: []string{"vendors"}, Summary: "Show the float of a vendor",
	}, func(ctx context.Context, by access.Actor, in *VendorPath) (*reply[apiv1.Float], error) {
		s, err := a.c.Vendors.Show(ctx, by, in.Vendor)
		return replyOf(s.Refusal, err, func() apiv1.Float { return floatOf(s.Headroom, s.Currency) })
	})
	listRoute(r, apiv1.VendorStatement, a.vendorStatement)
	query(r, huma.Operation{
		OperationID: "vendor-settlement", Path: "/v1/vendors/{id}/settlement", Tags: []string{"vendors"}, Summary: "Export the settlement of a vendor for a month or other days",
		Description: "A CSV file: a head with the opening float, the totals and the closing float, a line for each entry in the order in which it was posted, and " +
			"a last line with the SHA-256 of all bytes before it. An amount is positive if the vendor has more by it. every_day_closed says whether entries can " +
			"still be added. The same content always gives the same bytes.",
		Responses: map[string]*huma.Response{"200": {Description: "The settlement.", Content: map[string]*huma.MediaType{csvType: {Schema: &huma.Schema{Type: huma.TypeString}}}}},
	}, a.vendorSettlement)
}

func (a *API) addVendor(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.NewVendor) (*sent, error) {
	s, err := a.c.Vendors.Add(ctx, by, vendor.NewVendor{Code: body.Code, Name: body.Name, Billing: vendor.Billing(body.Billing),
		Commission: money.Bps(clamp(body.CommissionBps)), Credit: money.Minor(body.CreditLimitMinor)})
	return vendorChanged(http.StatusCreated, s, err)
}

// vendorChanged answers a change: done, or stored for a second person.
func vendorChanged(status int, s vendor.VendorView, err error) (*sent, error) {
	return doneOrWaits(status, s.Refusal, s.Waits, err, func() any { return vendorOf(s) })
}

func (a *API) vendors(ctx context.Context, by access.Actor, in *apiv1.Page) (*listed[apiv1.Vendor], error) {
	l, err := a.c.Vendors.List(ctx, by, pageAt(*in))
	return pageOf(l.Refusal, err, l.Vendors, l.Next, vendorOf)
}

func (a *API) vendor(ctx context.Context, by access.Actor, in *VendorPath) (*reply[apiv1.Vendor], error) {
	s, err := a.c.Vendors.Show(ctx, by, in.Vendor)
	return replyOf(s.Refusal, err, func() apiv1.Vendor { return vendorOf(s) })
}

func (a *API) vendorTerms(ctx context.Context, by access.Actor, in *VendorPath, body apiv1.VendorTerms) (*sent, error) {
	t := vendor.Terms{Name: body.Name, Blocked: body.Blocked}
	if body.CommissionBps != nil {
		t.Commission = new(money.Bps(clamp(*body.CommissionBps)))
	}
	if body.CreditLimitMinor != nil {
		t.Credit = new(money.Minor(*body.CreditLimitMinor))
	}
	s, err := a.c.Vendors.SetTerms(ctx, by, in.Vendor, t)
	return vendorChanged(http.StatusOK, s, err)
}

func (a *API) deposit(ctx context.Context, by access.Actor, in *VendorPath, body apiv1.NewDeposit) (*sent, error) {
	out, err := a.c.Vendors.Deposit(ctx, by, vendor.Paid{Request: exchangeOf(ctx).request(), Vendor: in.Vendor, Amount: moneyOf(body.Amount),
		Bank: body.Bank, Reference: body.Reference,
		Render:      func(d vendor.Deposited) (int, []byte) { return http.StatusCreated, encoded(depositOf(d)) },
		RenderWaits: encodeWaits})
	return answered(ctx, a, out, err)
}

func (a *API) vendorStatement(ctx context.Context, by access.Actor, in *apiv1.VendorFilter) (*listed[apiv1.VendorEntry], error) {
	s, err := a.c.Vendors.Statement(ctx, by, in.Vendor, pageAt(in.Page))
	return pageOf(s.Refusal, err, s.Lines, s.Next, bookedOf)
}

// SettlementDays are the vendor and the local days of a settlement.
type SettlementDays struct {
	VendorPath
	Month string `query:"month" maxLength:"16" example:"2026-11" doc:"Local month; without it and without from and to, the present month"`
	From  string `query:"from" maxLength:"10" doc:"First local day; needs to, and no month"`
	To    string `query:"to" maxLength:"10" doc:"Last local day"`
}

func (a *API) vendorSettlement(ctx context.Context, by access.Actor, in *SettlementDays) (*paper, error) {
	s, err := a.c.Vendors.Settlement(ctx, by, in.Vendor, vendor.Days{Month: in.Month, From: in.From, To: in.To})
	switch {
	case err != nil:
		return nil, err
	case s.Refused():
		return nil, problemOf(s.Refusal)
	}
	b, err := s.CSV()
	return &paper{ContentType: csvType + "; charset=utf-8", Body: b}, err
}
