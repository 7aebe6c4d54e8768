package notify_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
)

// TestAWarningCountsAsGivenWhenARouteHasIt checks that a warning is recorded when a route has accepted it, with everything that the notice
// said.
func TestAWarningCountsAsGivenWhenARouteHasIt(t *testing.T) {
	h, a, b := newHall(t)
	a.answers, b.answers = []notify.Sent{{Outcome: notify.NotSent}}, []notify.Sent{{Outcome: notify.NotSent}}
	m := h.queues(notify.Draft{Purpose: notify.PurposeCutSoon, Number: meterA, Meter: 1, Args: notify.Args{Meter: meterA, Account: (id.ID{15: 28}).Text(id.Account), Balance: -5, Currency: "KES",
		Press: true, Test: true}})
	h.want("no route has it", h.serves(), "")
	h.now = h.now.Add(time.Minute)
	h.want("one has", h.serves(), "message.sent purpose="+string(notify.PurposeCutSoon)+" route=a meter="+meterA+"; "+firstA+`total 2026-11 a 2 200; given notice.wallet-used-up `+
		"available_minor=-5 KES press_key TEST; warned "+(id.ID{15: 28}).Text(id.Account))
	if err := h.dispatcher.Inbox(1).Report(t.Context(), notify.Report{Route: "a", ID: m.Text(id.Message), State: notify.Delivered}); err != nil {
		t.Fatal(err)
	}
	h.want("delivered", h.says(), "message.delivered purpose="+string(notify.PurposeCutSoon)+" route=a meter="+meterA)
}

// isNoticeSent is a hall's transaction that records a sent notice. It notes each audit entry, and the account of a notice that is recorded.
type isNoticeSent struct {
	wallet.NoticeTx
	*hall
	given *bool // the notice is recorded
}

func (g isNoticeSent) Scope() (access.Tenant, int64) { return 1, 1 }
func (g isNoticeSent) MeterByNumber(number string) (registry.Meter, bool, error) {
	return g.hall.MeterByNumber(number)
}

func (g isNoticeSent) WalletOf(int64) ([]wallet.Row, error) { return g.hall.wallets, nil }

func (g isNoticeSent) WalletsOf(account id.ID) ([]wallet.Row, error) {
	if *g.given {
		g.writes("warned %s", account.Text(id.Account))
	}
	return g.hall.wallets, nil
}

func (g isNoticeSent) SuppliesOf([]wallet.Row) (map[int64]wallet.Supplied, error) {
	return g.hall.supplies, nil
}

func (g isNoticeSent) SuppliesPut([]wallet.MeterSupply) error { return nil }
func (g isNoticeSent) Moment() time.Time                      { return g.now }

func (g isNoticeSent) AuditLog(e access.Entry) error {
	*g.given = true
	g.writes("given %s %s", e.Action, e.After)
	return nil
}

func (h *hall) Notices() wallet.NoticeTx { return isNoticeSent{hall: h, given: new(bool)} }
