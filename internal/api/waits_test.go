package api_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tier"
)

// strict makes every act that may wait for a second person wait for one, or undoes that.
func (s *stage) strict(on bool) {
	s.t.Helper()
	err := s.folder.Engine.Run(s.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) {
		set, err := tx.TenantSettings()
		if err != nil {
			return false, err
		}
		set.FourEyes, set.Ceilings = &on, map[access.Ceiling]int64{}
		for _, c := range access.Ceilings() {
			if set.Ceilings[c] = access.MaxCeiling; on {
				set.Ceilings[c] = 0
			}
		}
		return false, tx.PutTenantSettings(set)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// neverWaits says of operations that can wait why the request of the matrix is carried out, or refused, all the same.
func neverWaits() map[string]string {
	return map[string]string{
		"add-payment-provider": "a new provider is not heard before somebody else enables it",
		"add-webhook":          "a new endpoint gets no events before it is enabled",
		"enable-webhook":       "its address was agreed to before",
		"trust-clock":          "the clock is not in doubt any more",
		"send-command":         "reading a meter moves no value",
		"add-meter":            "the tariff of the matrix is the only one",
		"import":               "the file has meters on the only tariff",
		"start-link-key":       "a new key beside the old one is meter.add",
		"reject-payment":       "the payment is not confirmed",
		"close-shift":          "the till has all its cash",
		"move-out":             "the customer owes nothing",
		"undo-import":          "the file had no money",
		"toggle-device":        "the device is switched off",

		"reissue-voucher-codes": "the same key took the PINs, and nobody who did may ask",
	}
}

// TestAnActThatWaitsAnswersWithItsApproval: whatever a second person must approve is answered with 202 and the approval, never with an empty
// object that looks like a success.
func TestAnActThatWaitsAnswersWithItsApproval(t *testing.T) {
	tier.Slow(t)
	s := setStage(t)
	s.owner = s.key
	may := access.Acts()
	ops := operations()
	for _, name := range slices.Sorted(maps.Keys(access.APIOperations())) {
		op := access.APIOperations()[name]
		v, has := ops[name]
		if !has || !slices.ContainsFunc(op.Acts, func(a access.Act) bool { return slices.Contains(may, a) }) {
			continue
		}
		s.strict(false)
		c := v.call(s, false)
		s.strict(true)
		a := s.send(c, s.owner)
		var got struct{ ID, State, Act string }
		_ = json.Unmarshal(a.body, &got) // an answer of another form has no approval
		waits := strings.HasPrefix(got.ID, "apr_") && got.State == string(access.ApprovalWaiting)
		switch why, excused := neverWaits()[name]; {
		case waits && a.status != 202:
			t.Errorf("%s: the approval came with %d", name, a.status)
		case !waits && !excused:
			t.Errorf("%s (%v): got %d, want 202 with the approval: %.300s", name, op.Acts, a.status, a.body)
		case waits && excused:
			t.Errorf("%s waits, although %s", name, why)
		}
	}
}
