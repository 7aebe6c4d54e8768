package api_test

import (
	"bytes"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
)

// TestALinkKeyIsReplacedOverHTTP: the next link key is in one answer only, the meter shows that two keys are in use, and every step that
// takes a key away needs a second person, who reads what it is about.
func TestALinkKeyIsReplacedOverHTTP(t *testing.T) {
	w := begin(t)
	w.want(201, w.post("/v1/meters", `{"number":"`+walletNumber+`","mode":"prepay_wallet","tariff":"domestic"}`))
	path := "/v1/meters/" + walletNumber
	since := func() bool { return decode[apiv1.Meter](t, w.want(200, w.get(path))).TwoKeys != nil }
	start := func() []byte {
		return w.want(201, w.ask("POST", path+"/link-key", w.key, `{}`, "Idempotency-Key", "link-key-1")).body
	}
	first := decode[apiv1.LinkKey](t, answer{body: start()})
	if len(first.Secret) != 64 || first.Meter != walletNumber || first.TwoKeys == nil || !since() {
		t.Errorf("the start is answered with %+v; two keys: %t", first, since())
	}
	again := start()
	if b := decode[apiv1.LinkKey](t, answer{body: again}); b.Secret != "" || b.SecretGone == "" || bytes.Contains(again, []byte(first.Secret)) {
		t.Errorf("the repeated request gets %s", again)
	}
	if done := decode[apiv1.LinkKey](t, w.want(200, w.post(path+"/link-key/finish", `{}`))); done.Secret != "" || done.TwoKeys != nil || since() {
		t.Errorf("the end is answered with %+v; two keys: %t", done, since())
	}
	w.fourEyes(true)
	second := w.newKey(access.Owner)
	w.want(201, w.post(path+"/link-key", `{}`)) // takes no key away
	finish := decode[apiv1.Approval](t, w.want(202, w.post(path+"/link-key/finish", `{}`)))
	other := decode[apiv1.Approval](t, w.want(202, w.post(path+"/link-key", `{}`)))
	approve := "/v1/approvals/" + other.ID + "/approve"
	w.want(403, w.post(approve, `{}`))
	a := w.want(200, w.ask("POST", approve, second, `{"reason":"seen"}`, "Idempotency-Key", "approve-1"))
	shown := decode[apiv1.Approval](t, a)
	if shown.LinkKey == nil || len(shown.LinkKey.Secret) != 64 || shown.LinkKey.Secret == first.Secret {
		t.Fatalf("the approval shows %s", a.body)
	}
	a = w.want(200, w.ask("POST", approve, second, `{"reason":"seen"}`, "Idempotency-Key", "approve-1"))
	if bytes.Contains(a.body, []byte(shown.LinkKey.Secret)) {
		t.Errorf("the repeated approval shows %s", a.body)
	}
	// The end was requested for the next key that is gone.
	w.want(404, w.ask("POST", "/v1/approvals/"+finish.ID+"/approve", second, `{}`))
	if !since() {
		t.Error("an approval about another key ended the replacement")
	}
	drop := decode[apiv1.Approval](t, w.want(202, w.ask("DELETE", path+"/link-key", w.key, "")))
	w.want(200, w.ask("POST", "/v1/approvals/"+drop.ID+"/approve", second, `{}`))
	if since() {
		t.Error("two keys are in use after the next one was dropped")
	}
}
