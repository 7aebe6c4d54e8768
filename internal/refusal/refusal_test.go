package refusal_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/refusal"
)

func TestRefusalSaysWhatHappenedWhatDidNotAndWhatToDo(t *testing.T) {
	r := refusal.Refusal{Code: refusal.VendTooSmall, What: "0.28 buys less than 0.1 kWh.", Not: "No money was taken.", Try: "Pay at least 0.29."}
	if got, want := r.Detail(), "0.28 buys less than 0.1 kWh. No money was taken. Pay at least 0.29."; got != want {
		t.Errorf("Detail() = %q, want %q", got, want)
	}
	if !r.Refused() || (refusal.Refusal{}).Refused() {
		t.Error("a refusal with a code must be refused, the zero value must not")
	}
}

func TestCodesMapToStatusAndExit(t *testing.T) {
	for _, c := range []struct {
		code         refusal.Code
		status, exit int
	}{
		{refusal.IdempotencyKeyMissing, 400, 2}, {refusal.MeterNotFound, 404, 3}, {refusal.IdempotencyKeyReused, 422, 4},
		{refusal.ClientRefReused, 409, 4}, {refusal.KeystoreLocked, 503, 4}, {refusal.OutcomeUnknown, 503, 1},
		{refusal.BaseDateExpired, 409, 4}, {refusal.Internal, 500, 1}, {refusal.RateLimited, 429, 4},
	} {
		if c.code.Status() != c.status || c.code.Exit() != c.exit {
			t.Errorf("%s: status %d exit %d, want %d and %d", c.code, c.code.Status(), c.code.Exit(), c.status, c.exit)
		}
	}
}
