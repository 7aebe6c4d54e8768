package api_test

import (
	"bytes"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
)

// TestAMetersPasswordIsReplacedOverHTTP: the new password is in one answer only, the meter shows that it waits, and it needs a second person,
// who is the one to see it. One person alone ends a password.
func TestAMetersPasswordIsReplacedOverHTTP(t *testing.T) {
	w := begin(t)
	w.want(201, w.post("/v1/meters", `{"number":"`+walletNumber+`","mode":"prepay_wallet","tariff":"domestic"}`))
	path := "/v1/meters/" + walletNumber
	waits := func() bool { return decode[apiv1.Meter](t, w.want(200, w.get(path))).NextPasswordSince != nil }
	start := func() []byte {
		return w.want(201, w.ask("POST", path+"/password", w.key, `{}`, "Idempotency-Key", "password-1")).body
	}
	first := decode[apiv1.MeterPassword](t, answer{body: start()})
	if len(first.Secret) != 43 || first.Meter != walletNumber || first.NextSince == nil || !waits() {
		t.Errorf("the answer is %+v; a new password waits: %t", first, waits())
	}
	again := start()
	if b := decode[apiv1.MeterPassword](t, answer{body: again}); b.Secret != "" || b.SecretGone == "" || bytes.Contains(again, []byte(first.Secret)) {
		t.Errorf("the repeated request gets %s", again)
	}
	if atOnce := decode[apiv1.MeterPassword](t, w.want(201, w.post(path+"/password", `{"at_once":true}`))); atOnce.Secret == "" || atOnce.NextSince != nil || waits() {
		t.Errorf("at once: %+v", atOnce)
	}
	w.fourEyes(true)
	second := w.newKey(access.Owner)
	old := decode[apiv1.Approval](t, w.want(202, w.post(path+"/password", `{}`)))
	other := decode[apiv1.Approval](t, w.want(202, w.post(path+"/password", `{}`)))
	a := w.want(200, w.ask("POST", "/v1/approvals/"+other.ID+"/approve", second, `{"reason":"seen"}`, "Idempotency-Key", "approve-1"))
	shown := decode[apiv1.Approval](t, a)
	if shown.Password == nil || len(shown.Password.Secret) != 43 || !waits() {
		t.Fatalf("the approval shows %s", a.body)
	}
	a = w.want(200, w.ask("POST", "/v1/approvals/"+other.ID+"/approve", second, `{"reason":"seen"}`, "Idempotency-Key", "approve-1"))
	if bytes.Contains(a.body, []byte(shown.Password.Secret)) {
		t.Errorf("the repeated approval shows %s", a.body)
	}
	// The first request was made while no new password waited.
	w.want(404, w.ask("POST", "/v1/approvals/"+old.ID+"/approve", second, `{}`))
	if end := decode[apiv1.MeterPassword](t, w.want(200, w.ask("DELETE", path+"/password", w.key, ""))); end.Secret != "" || waits() {
		t.Errorf("the end is answered with %+v", end)
	}
}
