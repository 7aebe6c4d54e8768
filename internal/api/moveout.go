package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/vending"
)

// moveOutBody ends the account of a customer.
type moveOutBody struct {
	Reason string `json:"reason" doc:"Why, in a few words; kept in the audit log"`
}

// movedOutBody is what moving out came to, in minor units.
type movedOutBody struct {
	Account         string     `json:"account"`
	Status          string     `json:"status" enum:"closed"`
	Currency        string     `json:"currency"`
	At              time.Time  `json:"at"`
	Journal         string     `json:"journal,omitempty" doc:"Missing where there was no money at all"`
	Meters          []string   `json:"meters" doc:"Free for another customer now"`
	WalletMinor     int64      `json:"wallet_minor" doc:"After the last use was posted"`
	DepositMinor    int64      `json:"deposit_minor"`
	CarryMinor      int64      `json:"carry_minor"`
	FinalBillMinor  int64      `json:"final_bill_minor" doc:"Used beyond the wallet; raised as a debt"`
	DebtsPaidMinor  int64      `json:"debts_paid_minor"`
	RefundDueMinor  int64      `json:"refund_due_minor" doc:"Due back to the customer; see /v1/accounts/{id}/refunds"`
	StillOwedMinor  int64      `json:"still_owed_minor" doc:"Debts and charges that nothing was left for"`
	ChargedUpToTime *time.Time `json:"charged_up_to,omitempty" doc:"Meter time of the newest reading that is charged for"`
}

func movedOutOf(m vending.MovedOut) movedOutBody {
	b := movedOutBody{Account: m.Account.Text(id.Account), Status: "closed", Currency: m.Currency, At: m.At.UTC(), Meters: append([]string{}, m.Meters...),
		WalletMinor: int64(m.Wallet), DepositMinor: int64(m.Deposit), CarryMinor: int64(m.Carry), FinalBillMinor: int64(m.FinalBill),
		DebtsPaidMinor: int64(m.Paid), RefundDueMinor: int64(m.Refund), StillOwedMinor: int64(m.Owed), ChargedUpToTime: at(m.AsOf)}
	if !m.Journal.IsZero() {
		b.Journal = m.Journal.Text(id.Journal)
	}
	return b
}

// refundOrder pays out what is due back.
type refundOrder struct {
	Amount *amountBody `json:"amount,omitempty" doc:"Default: all that is due back; 0 is refused"`
	Bank   string      `json:"bank,omitempty" doc:"The bank account that pays; default main"`
	To     string      `json:"to,omitempty" doc:"Another account instead: its id, or number or id of a meter that supplies it"`
	Reason string      `json:"reason" doc:"To whom and how; kept in the journal and the audit log"`
}

// refundBody is a refund that was booked.
type refundBody struct {
	ID        string     `json:"id" doc:"Of its journal"`
	Account   string     `json:"account"`
	To        string     `json:"to" enum:"bank,wallet,carry"`
	Subject   string     `json:"subject" doc:"The bank account, or the account that got it"`
	Amount    amountBody `json:"amount"`
	LeftMinor int64      `json:"left_minor" doc:"Still due back"`
	Reason    string     `json:"reason"`
	At        time.Time  `json:"at"`
}

// moveInBody is a customer who moves in.
type moveInBody struct {
	Tariff   string        `json:"tariff" doc:"Name or id"`
	Customer *customerBody `json:"customer,omitempty" doc:"With id: one already known"`
	Reason   string        `json:"reason"`
}

func (a *API) moveRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "move-out", Path: "/v1/accounts/{id}/move-out", DefaultStatus: http.StatusCreated, Tags: []string{"accounts"},
		Summary: "End the account of a customer whose balance is on the server", Parameters: keyParam(),
		Description: "Posts what was used, pays the debts from wallet, deposit and carry, leaves the rest as due back, switches the supply off and frees the " +
			"meters; all or nothing, once. It pays nothing out. Needs the header Idempotency-Key.",
		Responses: map[string]*huma.Response{"201": {Description: "Moved out.", Content: map[string]*huma.MediaType{jsonType: {Schema: of[movedOutBody](r)}}}},
	}, a.moveOut)
	order(r, huma.Operation{
		OperationID: "refund", Path: "/v1/accounts/{id}/refunds", DefaultStatus: http.StatusCreated, Tags: []string{"accounts"},
		Summary: "Pay out what is due back to a customer, or move it to another account", Parameters: keyParam(),
		Description: "Needs the header Idempotency-Key. Where four eyes bind it waits for a second person: 202 with the approval.",
		Responses: booked(map[string]*huma.Response{"201": {Description: "Booked.", Content: map[string]*huma.MediaType{jsonType: {Schema: of[refundBody](r)}}}},
			&huma.Response{Description: "It waits for a second person.", Content: map[string]*huma.MediaType{jsonType: {Schema: of[approvalBody](r)}}}),
	}, a.refundAccount)
	order(r, huma.Operation{
		OperationID: "move-in", Path: "/v1/meters/{meter}/move-in", DefaultStatus: http.StatusCreated, Tags: []string{"meters"},
		Summary:     "Open an account for a customer at a meter that is free",
		Description: "What the meter has counted since the last customer moved out is nobody's. The supply comes on with the first payment.",
	}, a.moveIn)
}

func (a *API) moveOut(ctx context.Context, by access.Actor, in *AccountPath, b moveOutBody) (*sent, error) {
	out, err := a.c.Vending.MoveOut(ctx, by, vending.MoveOut{Request: exchangeOf(ctx).request(), Account: in.ID, Reason: b.Reason,
		Render: func(m vending.MovedOut) (int, []byte) { return http.StatusCreated, encoded(movedOutOf(m)) }})
	return answered(ctx, a, out, err)
}

func (a *API) refundAccount(ctx context.Context, by access.Actor, in *AccountPath, b refundOrder) (*sent, error) {
	wish := vending.Refund{Request: exchangeOf(ctx).request(), Account: in.ID, Bank: b.Bank, To: b.To, Reason: b.Reason,
		Render: func(d vending.Refunded) (int, []byte) {
			if d.Waits != nil {
				return http.StatusAccepted, encoded(approvalOf(*d.Waits))
			}
			to := "bank"
			if d.To.Code != ledger.Bank {
				to = chartName(d.To.Code)
			}
			return http.StatusCreated, encoded(refundBody{ID: d.Journal.Text(id.Journal), Account: d.Account.Text(id.Account), To: to, Subject: d.To.Subject,
				Amount: amountOf(d.Amount), LeftMinor: int64(d.Left), Reason: d.Reason, At: d.At.UTC()})
		}}
	if b.Amount != nil {
		amount := b.Amount.amount()
		wish.Amount = &amount
	}
	out, err := a.c.Vending.Refund(ctx, by, wish)
	return answered(ctx, a, out, err)
}

func (a *API) moveIn(ctx context.Context, by access.Actor, in *MeterPath, b moveInBody) (*struct{ Body Meter }, error) {
	wish := registry.MovingIn{Tariff: b.Tariff, Reason: b.Reason}
	if c := b.Customer; c != nil && c.ID != "" {
		wish.CustomerID = c.ID
	} else if c != nil {
		wish.Customer = &registry.NewCustomer{Name: c.Name, Phone: c.Phone, IDNo: c.IDNo, Lang: c.Lang}
	}
	v, err := a.c.Registry.MoveIn(ctx, by, in.Meter, wish)
	if err != nil {
		return nil, err
	}
	if v.Refused() {
		return nil, refuse(v.Refusal)
	}
	return &struct{ Body Meter }{meterOf(v)}, nil
}
