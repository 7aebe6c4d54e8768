package console_test

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/wire"
)

// boxed returns the token in the box of a page.
func boxed(t *testing.T, a answer) string {
	t.Helper()
	m := regexp.MustCompile(`id="digits"[^>]*value="([0-9 ]+)"`).FindStringSubmatch(string(a.body))
	if m == nil {
		t.Fatalf("no token in the box:\n%s", a.body)
	}
	return m[1]
}

// The test follows the application platform: generate, recharge (the token goes into the box), send, watch.
func TestATokenIsGeneratedBoxedSentAndWatched(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	path := "/meters/" + meterNumber
	g.get(path).is(200).says("Generate or send a token")
	box := g.get(path+"/recharge").is(200).says("Send a token", "Free units or a replacement", "Amina A.", "the SIM number of this meter is not known", "TEST")
	form := box.value("form")
	g.post(path+"/tokens", "form", form, "kind", "free", "figure", "12.34", "code", "test", "reason", "trial").is(422).says("at most one decimal")
	g.post(path+"/tokens", "form", "console-x", "kind", "free", "figure", "12.3", "code", "test", "reason", "trial").is(422).says("another session")
	made := g.post(path+"/tokens", "form", form, "kind", "free", "figure", "12.3", "code", "test", "reason", "trial").leads(path + "/recharge?token=tok_")
	again := g.post(path+"/tokens", "form", form, "kind", "free", "figure", "12.3", "code", "test", "reason", "trial").leads(path + "/recharge?token=tok_")
	if made != again {
		t.Errorf("the same form made %s and %s, want one token", made, again)
	}
	filled := g.get(made).is(200).says("In the form: 12.3 kWh")
	token := boxed(t, filled)
	if len(strings.ReplaceAll(token, " ", "")) != 20 {
		t.Fatalf("the box has %q, want 20 digits", token)
	}
	g.post(path+"/recharges", "form", filled.value("form"), "digits", token, "by", "sms").is(409).says("no route for messages to meters", "was not sent")
	g.post(path+"/recharges", "form", filled.value("form"), "digits", "12345678901234567890", "by", "mqtt").is(409).says("was not sent")
	g.post(path+"/recharges", "form", "console-x", "digits", token, "by", "mqtt").is(400).says("another session")
	track := g.post(path+"/recharges", "form", filled.value("form"), "digits", "*02#"+token, "by", "mqtt").leads(path + "/recharges/tok_")
	watched := g.get(track).is(200).says("12.3 kWh", "queued", "delivered", "accepted", "The meter's connection", "Refresh", "TEST").omits(token)
	g.get(track + "/ways").is(200).says("Ways it was sent")
	if watched.value("token") != strings.TrimPrefix(track, path+"/recharges/") {
		t.Errorf("the page sends token %q again, want the one of %s", watched.value("token"), track)
	}
	if n := w.audited("token.recharge"); n != 1 {
		t.Errorf("%d recharges in the audit log, want 1", n)
	}
	g.get(path + "/recharges/tok_01jd00000000000000000000000").is(404)
}

// A role without the right to see digits can still send the token.
func TestATokenIsSentByWhoMayNotSeeIt(t *testing.T) {
	w := begin(t)
	owner := w.enter(ownerEmail)
	made := owner.post("/meters/"+meterNumber+"/tokens", "form", owner.get("/meters/"+meterNumber+"/recharge").value("form"), "kind", "free", "figure", "5", "code", "test", "reason", "trial").
		leads("/meters/" + meterNumber + "/recharge?token=tok_")
	w.person("help@example.org", access.Support)
	g := w.enter("help@example.org")
	box := g.get(made).is(200).says("Your role may not see the digits").omits("Free units or a replacement")
	g.post("/meters/"+meterNumber+"/recharges", "form", box.value("form"), "token", box.value("token"), "by", "mqtt").leads("/meters/" + meterNumber + "/recharges/tok_")
	w.person("books@example.org", access.Auditor)
	w.enter("books@example.org").get("/meters/" + meterNumber + "/recharge").is(403)
}

// If an SMS says that a token is loaded, the token has a special word and colour on the pages, and a special state in the API.
func TestAHeardTokenIsShownAsHeard(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	path := "/meters/" + meterNumber
	made := g.post(path+"/tokens", "form", g.get(path+"/recharge").value("form"), "kind", "free", "figure", "5", "code", "test", "reason", "trial").leads(path + "/recharge?token=tok_")
	name := strings.TrimPrefix(made, path+"/recharge?token=")
	w.hears(name)
	track := g.get(path+"/recharges/"+name).is(200).says("◐ loaded according to a text message", "Only a text message says that the meter loaded the token.", "answered")
	meter := g.get(path).is(200).says("◐ Loaded according to a text message; the meter has not confirmed it")
	for _, a := range []answer{track, meter} {
		if !regexp.MustCompile(`class="badge warn"[^>]*>[^<]*◐`).MatchString(a.body) {
			t.Errorf("%s shows it in another colour:\n%s", a.what, a.body)
		}
	}
	api, err := client.New(w.url, w.key, client.Config{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := api.RechargeState(t.Context(), meterNumber, name)
	if err != nil || r.State != "heard" || len(r.Steps) != 1 || r.Steps[0].State != "heard" {
		t.Errorf("the API says %+v, %v; want it heard", r, err)
	}
	list, err := api.Tokens(t.Context(), apiv1.MeterFilter{Meter: meterNumber, Page: apiv1.Page{Limit: 1}})
	if err != nil || len(list.Data) != 1 || list.Data[0].State != "heard" {
		t.Errorf("the meter's tokens are %+v, %v; want the one heard", list.Data, err)
	}
}

// hears records an SMS in the meter's name which says that a token is loaded.
func (w *world) hears(name string) {
	w.t.Helper()
	err := w.beside().Engine.Run(w.t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		m, _, err := tx.MeterByNumber(meterNumber)
		if err != nil {
			return false, err
		}
		own, found, err := tx.ReportedToken(m.N, &wire.Token{Request: name})
		if err != nil || !found {
			return false, errors.Join(err, fmt.Errorf("token %s: found %t", name, found))
		}
		return false, tx.TokenAnswered(own, metering.HearToken(own, "accept").State, metering.ResultHeard, w.clock.now())
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestAChangeOfTheNameEntersNoTelephoneNumber: a page still shows the number that somebody put into the database. Meanwhile a clerk enters the right one.
// Whoever then changes the name on that page brings the wrong one back only by typing it.
func TestAChangeOfTheNameEntersNoTelephoneNumber(t *testing.T) {
	const right = "+254799000001"
	w := begin(t)
	g := w.enter(ownerEmail)
	path := g.get("/customers").is(200).link(t, `/customers/cus_[^"]*`)
	page := g.get(path).is(200).omits("--phone")
	wrong := page.value("phone")
	change := func(name, phone string) []string {
		return []string{"form", page.value("form"), "name", name, "phone", phone, "phone_shown", page.value("phone_shown"), "lang", "en"}
	}
	wants := func(phone string) {
		t.Helper()
		if got := g.get(path).is(200).value("phone"); got != phone {
			t.Errorf("the customer has the number %s, want %s", got, phone)
		}
	}
	g.post(path, change("Amina A.", right)...).leads(path)
	g.post(path, change("Amina Achieng", wrong)...).leads(path)
	wants(right)
	refused := g.post(path, change("Amina", "call me")...).is(400).says("phone must have 6 to 15 digits", "--phone")
	if got := refused.value("phone_shown"); got != wrong {
		t.Errorf("after a refusal the form says that the page showed %q, want %s", got, wrong)
	}
	page = g.get(path).is(200)
	g.post(path, change("Amina", "")...).leads(path)
	wants("")
}

// TestANameIsErasedOnlyByItsBox: a form without a name is refused. A page that was opened before an erasure does not bring the name back.
func TestANameIsErasedOnlyByItsBox(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	path := g.get("/customers").is(200).link(t, `/customers/cus_[^"]*`)
	page := g.get(path).is(200).omits("--name", "--erase-name")
	change := func(name string, more ...string) []string {
		phone := page.value("phone")
		return append([]string{"form", page.value("form"), "name", name, "name_shown", "Amina A.", "phone", phone, "phone_shown", phone,
			"lang", "en"}, more...)
	}
	g.post(path, change("")...).is(400).says("also from copies of earlier papers", "--name ''")
	g.post(path, change("Eve", "erase_name", "1")...).is(400).says("not both", "--erase-name")
	g.get(path).is(200).says("Amina A.")
	g.post(path, change("Amina A.", "erase_name", "1")...).leads(path)
	g.get(path).is(200).omits("Amina A.", "erase_name")
	g.post(path, change("Amina A.")...).leads(path)
	g.get(path).is(200).omits("Amina A.")
}

func TestTheConsumerDatabase(t *testing.T) {
	w := begin(t)
	w.meter("04140001019", "Kwame M.")
	g := w.enter(ownerEmail)
	all := g.get("/customers").is(200).says("Amina A.", "Kwame M.", "0414 0001 001")
	g.get("/customers?find=kwame").is(200).says("Kwame M.").omits("Amina A.")
	g.get("/customers?find=" + url.QueryEscape("04140001001")).is(200).says("Amina A.").omits("Kwame M.")
	g.get("/customers?find=nobody").is(200).says("No customers found")
	path := regexp.MustCompile(`/customers/cus_[0-9a-z]+`).FindString(string(all.body))
	one := g.get(path).is(200).says("Amina A.", "0414 0001 001", "English (en)", "Swahili (sw), draft", "Hausa (ha), draft", "A draft has not been read by somebody who speaks the language well")
	g.post(path, "form", one.value("form"), "name", "Amina Achieng", "phone", "+254 799 000 001", "lang", "sw").leads(path + "?kept=1")
	g.get("/customers").is(200).says("Amina Achieng", "+254799000001", "not wanted")
	g.post(path, "form", one.value("form"), "name", "Amina", "phone", "call me", "lang", "sw").is(400).says("phone must have 6 to 15 digits")
	g.post(path, "form", "console-x", "name", "Amina").is(400).says("another session")
	g.get("/customers/cus_x").is(404)
	g.get("/messages").is(200).says("No SMS route is configured.", "No messages here")
	g.get("/messages?state=nonsense").is(400)
	w.person("rates@example.org", access.TariffManager)
	w.enter("rates@example.org").get("/customers").is(403)
}
