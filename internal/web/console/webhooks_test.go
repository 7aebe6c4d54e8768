package console_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
)

// TestWebhooksAreManagedOnPages: the secret appears once and a second one only by a rotation, the deliveries say what became of each event, and
// each act does what its button says.
func TestWebhooksAreManagedOnPages(t *testing.T) {
	w := begin(t)
	var answers atomic.Int32
	answers.Store(http.StatusInternalServerError)
	end := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(int(answers.Load())) }))
	t.Cleanup(end.Close)
	g := w.enter(ownerEmail)
	g.get("/office").is(200).says("Addresses of other programs")
	form := g.get("/webhooks").is(200).says("No webhooks yet", "paywatt webhook add").value("form")
	g.post("/webhooks", "form", form, "url", "http://127.0.0.1:1/x", "event", "vend.completed").is(422).says("not https")
	g.post("/webhooks", "form", form, "url", end.URL, "private", "1").is(422).says("event")
	g.post("/webhooks", "form", "x", "url", end.URL, "event", "vend.completed").is(422).says("The form is from another session.")
	add := []string{"form", form, "url", end.URL, "private", "1", "event", "vend.completed", "event", "vend.reversed"}
	secret := regexp.MustCompile(`whsec_[\w+/=]+`)
	first := secret.FindString(g.post("/webhooks", add...).is(201).says("shown only now").body)
	if first == "" {
		t.Fatal("the answer does not show the secret")
	}
	g.post("/webhooks", add...).leads("/webhooks")
	list := g.get("/webhooks").is(200).says(end.URL, "vend.completed", "vend.reversed", "✓ Works").omits(first)
	at := list.link(t, `/webhooks/whk_\w+`)
	if n := w.audited("webhook.add"); n != 1 {
		t.Errorf("the log has %d webhooks, want 1", n)
	}

	g.change(at, "test").leads(at + "?done=test")
	failed := w.says(g, at, "▲ Fails since")
	failed.says("webhook.test", "… Waiting", "next attempt", "500")
	answers.Store(http.StatusNoContent)
	delivery := failed.value("delivery")
	g.change(at, "resend", "delivery", delivery).leads(at + "?done=resend")
	w.says(g, at, "✓ Delivered").says("204", "✓ Works")
	g.get(at + "?state=failed").is(200).says("No deliveries")
	g.get(g.get(at).link(t, `/export/webhooks/whk_\w+/deliveries[^"]*`)).is(200).says(delivery)
	g.change(at, "resend", "delivery", "dlv_x").is(422)
	g.change(at, "recover", "since", "yesterday").is(422).says("is not a date")
	g.change(at, "recover", "since", w.clock.now().UTC().Format(time.DateOnly)).is(200).says("0 events are sent again.")
	g.change(at, "recover", "since", "2020-01-01").is(422)

	rotate := []string{"form", g.get(at).value("form"), "act", "rotate"}
	second := secret.FindString(g.post(at, rotate...).is(201).says("The secret before signs until").body)
	g.post(at, rotate...).leads(at)
	if second == "" || second == first || w.audited("webhook.rotate") != 1 {
		t.Errorf("the secrets are %q and %q", first, second)
	}
	g.get(at).is(200).omits(first, second)
	g.change(at, "disable").leads(at + "?done=disable")
	g.get(at).is(200).says("■ Disabled 20").omits("Send a test event", "Send failed events again")
	g.change(at, "test").is(422)
	g.change(at, "burn").is(422)
	g.post(at, "form", "x", "act", "enable").is(422).says("The form is from another session.")
	g.change(at, "enable").leads(at + "?done=enable")
	g.change(at, "remove").leads("/webhooks?done=remove")
	g.get(at).is(404)
	w.person("auditor@example.org", access.Auditor)
	w.enter("auditor@example.org").get("/webhooks").is(200).omits("Add a webhook")
	w.person("clerk@example.org", access.Operator)
	w.enter("clerk@example.org").get("/webhooks").is(403)
}

// says waits until a page has a text.
func (w *world) says(g *guest, path, text string) answer {
	w.t.Helper()
	return g.until(path, text)
}

// TestAWebhookWaitsForASecondPerson: the secret is shown at once, and the webhook gets nothing before somebody else agrees.
func TestAWebhookWaitsForASecondPerson(t *testing.T) {
	w := begin(t)
	w.person("other@example.org", access.Owner)
	g, other := w.enter(ownerEmail), w.enter("other@example.org")
	made := g.post("/webhooks", "form", g.get("/webhooks").value("form"), "url", "https://example.com/x", "event", "alarm.raised").is(201).says("whsec_", "No changes were made yet.")
	request := made.link(t, `/approvals/apr_\w+`)
	at := g.get("/webhooks").is(200).says("… Waits for a second person").link(t, `/webhooks/whk_\w+`)
	g.change(at, "test").is(422)
	other.post(request, "form", other.get(request).is(200).value("form"), "choice", "approve").is(200)
	g.get(at).is(200).says("✓ Works")
}
