package access_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
)

// TestTheAuditLogSaysWhatAnApprovalIsFor: with the digest of what was shown, or that nobody said it.
func TestTheAuditLogSaysWhatAnApprovalIsFor(t *testing.T) {
	for shown, want := range map[string]string{"": " shown=unknown", "digest": ""} {
		r := newRows(t)
		a := r.asksFor(access.ActDeposit, access.ApprovalWaiting, kes(5_000))
		if shown != "" {
			shown = r.sees(a, kes(5_000)).Shown
			want = " shown=" + shown
		}
		all := r.access(rand.Reader)
		all.Serve(access.Executors{a.Act: func(_ context.Context, by access.Actor, body []byte) (access.Done, error) {
			eyes, err := access.SecondPerson(r, by, access.ActRequest{Act: a.Act, Summary: "asked", Body: json.RawMessage(body), Effect: access.Telling(kes(5_000))}, r.now)
			return access.Done{Refusal: eyes.Refusal}, err
		}})
		if d, err := all.Decide(t.Context(), finance(), a.ID.Text(id.Approval), access.Decision{Allow: true, Shown: shown}); err != nil || d.Refused() {
			t.Fatalf("%+v, %v", d, err)
		}
		at := slices.IndexFunc(r.log, func(e access.Entry) bool { return e.Action == "approval.approved" })
		if at < 0 || !strings.HasSuffix(r.log[at].After, want) {
			t.Errorf("with %q: %+v, want the end %q", shown, r.log, want)
		}
	}
}
