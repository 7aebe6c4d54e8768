package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
	"github.com/paywatt/paywatt/internal/tier"
)

// seen returns the newest request as a second person sees it.
func (c *clerk) seen(second string) apiv1.Approval {
	c.t.Helper()
	newest := decode[struct{ Data []approval }](c.t, c.want(200, c.ask("GET", "/v1/approvals?state=waiting&limit=1", second, ""))).Data
	return decode[apiv1.Approval](c.t, c.want(200, c.ask("GET", "/v1/approvals/"+newest[0].ID, second, "")))
}

// TestAnApprovalIsForWhatTheSecondPersonWasShown: a row of a statement names a telephone number. Somebody alone adds a customer with that number after
// the second person looked. An approval that says what was shown is refused, and nothing is decided. After another look it is carried out. An
// approval that does not say it goes on as before.
func TestAnApprovalIsForWhatTheSecondPersonWasShown(t *testing.T) {
	tier.Slow(t)
	for name, c := range map[string]struct{ says, changes bool }{"shown and changed": {true, true}, "shown and the same": {true, false}, "not said": {false, true}} {
		t.Run(name, func(t *testing.T) {
			w := folder(t)
			w.test = true
			k := newClerk(setStageIn(w))
			const typed = "+254733444555"
			peter := k.home("prepay_wallet", "Peter Otieno", typed)
			k.do(201, "POST", "/v1/payment-providers", `{"name":"till-bank","kind":"webhook","secrets":{"signing":"`+signing+`"},"max_single_minor":1000000,"max_daily_minor":90000000}`)
			k.fourEyes(true)
			second := k.newKey(access.Owner)
			paid := time.Now().AddDate(0, 0, 1).Format(time.DateTime) // a clock that is ahead: it was paid when it became known
			file := mpesaHead + "QK1," + paid + ",Completed,900.00,,0733444555,254700000411 - GRACE\n"
			k.want(202, k.ask("POST", "/v1/payment-providers/till-bank/statements", k.key, file, "Idempotency-Key", "shown-statement"))
			shown := k.seen(second)
			if row := shown.Now.Rows[0]; row.Meter != peter || row.Fate != "sold" || shown.Shown == "" {
				t.Fatalf("shown %q: %+v", shown.Shown, row)
			}
			if again := k.seen(second); again.Shown != shown.Shown {
				t.Fatalf("the same request is shown as %s and as %s", shown.Shown, again.Shown)
			}
			if c.changes {
				customer := decode[struct{ Customer struct{ ID string } }](t, k.do(200, "GET", "/v1/meters/"+peter, "")).Customer.ID
				k.want(200, k.ask("POST", "/v1/customers/"+customer, k.key, `{"phone":"+254733444556"}`, "Idempotency-Key", "shown-change"))
				k.home("prepay_wallet", "A. Friend", typed)
			}
			body := `{}`
			if c.says {
				body = fmt.Sprintf(`{"shown":%q}`, shown.Shown)
			}
			approve := func(key string) answer {
				return k.ask("POST", "/v1/approvals/"+shown.ID+"/approve", second, body, "Idempotency-Key", key)
			}
			if c.says && c.changes {
				if code, _ := w.problem(k.want(409, approve("shown-approve-1"))); code != "approval-changed" {
					t.Errorf("refused with %s", code)
				}
				time.Sleep(300 * time.Millisecond)
				if l := k.do(200, "GET", "/v1/payments", ""); strings.Contains(string(l.body), "QK1") {
					t.Fatalf("a refused approval took the payment: %s", l.body)
				}
				again := k.seen(second)
				if again.ID != shown.ID || again.Shown == shown.Shown || again.State != "waiting" || again.Now.Rows[0].Meter == peter {
					t.Fatalf("after the refusal: %+v", again)
				}
				body = fmt.Sprintf(`{"shown":%q}`, again.Shown)
			}
			k.want(200, approve("shown-approve-2"))
		})
	}
}

// TestWhatNobodyChangedIsApproved: for each kind of request, the approval that says what was shown is not refused because of it, although the clock has
// gone on.
func TestWhatNobodyChangedIsApproved(t *testing.T) {
	tier.Slow(t)
	w := folder(t)
	w.test, w.edits = true, true
	c := newClerk(setStageIn(w))
	all, requests := lures(), map[access.Act]call{}
	for _, act := range access.Acts() {
		requests[act], _ = all[act].calls(c)
	}
	c.fourEyes(true)
	c.ceilings(access.PersonDebts, access.PersonEmergency, access.PersonShortage)
	second, done := c.newKey(access.Owner), 0
	approve := func(act access.Act) {
		c.requested(second, act, requests[act])
		shown := c.seen(second)
		c.moved.Add(int64(1100 * time.Millisecond))
		if again := c.seen(second); again.Shown != shown.Shown {
			t.Errorf("%s: nobody changed anything, but it is shown as %+v and as %+v", act, *shown.Now, *again.Now)
		}
		a := c.ask("POST", "/v1/approvals/"+shown.ID+"/approve", second, fmt.Sprintf(`{"shown":%q}`, shown.Shown), "Idempotency-Key", fmt.Sprintf("stage-%06d", c.next()))
		if strings.Contains(string(a.body), "approval-changed") {
			t.Errorf("%s: %d %s", act, a.status, a.body)
		}
		if a.status == 200 {
			done++
		} else {
			t.Logf("%s: %d %.250s", act, a.status, a.body)
		}
	}
	for _, act := range access.Acts() {
		if act != access.ActClock {
			approve(act)
		}
	}
	c.stop()
	c.ahead = 26 * time.Hour
	c.serve(true, api.Limits{})
	approve(access.ActClock)
	if done < len(access.Acts())*3/4 {
		t.Errorf("only %d of %d requests were carried out", done, len(access.Acts()))
	}
}
