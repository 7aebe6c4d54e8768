package access_test

import (
	"context"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
)

// TestAChangeWhileAnApprovalIsCarriedOutIsRefused: what an action does is compared with what was shown once more in the transaction that does it.
func TestAChangeWhileAnApprovalIsCarriedOutIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		says bool   // the approval says what was shown
		last string // the meter that gets it when the action is done
		want refusal.Code
	}{"another meter": {true, "04140001019", refusal.ApprovalChanged}, "the same meter": {true, "04140001001", ""}, "not said": {false, "04140001019", ""}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			maker, checker := w.opened(t, access.NewKey{Role: access.TariffManager}), w.opened(t, access.NewKey{Role: access.Owner, Name: "finance"})
			wish := func(meter string) access.ActRequest {
				return access.ActRequest{Act: access.ActTariff, Body: struct{}{}, Effect: access.Telling(func(e *access.Effect) { e.Fact("meter", meter) })}
			}
			w.Serve(access.Executors{access.ActTariff: func(ctx context.Context, by access.Actor, _ []byte) (access.Done, error) {
				meter := c.last
				if access.Rehearsing(ctx) {
					meter = "04140001001"
				}
				return access.Done{Refusal: w.tries(t, by, wish(meter)).Refusal}, nil
			}})
			a := w.asks(t, maker)
			d := access.Decision{Allow: true}
			if c.says {
				shown, err := w.Approval(t.Context(), checker, a.ID.Text(id.Approval))
				if err != nil || shown.Now == nil || shown.Now.Shown == "" {
					t.Fatalf("%+v %v", shown, err)
				}
				d.Shown = shown.Now.Shown
			}
			out, err := w.Decide(t.Context(), checker, a.ID.Text(id.Approval), d)
			if err != nil || out.Refused() || out.Done.Code != c.want {
				t.Errorf("%q %q %v, want %q", out.Code, out.Done.Code, err, c.want)
			}
			if used := w.approval(t, a.ID).State == access.ApprovalUsed; used != (c.want == "") {
				t.Errorf("used: %t", used)
			}
		})
	}
}
