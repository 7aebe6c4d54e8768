package e2e

import (
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
)

// TestChromiumFollowsATokenBySMS: a token is sold at the console for a meter that has only a modem, put into the box and sent
// by SMS. The page shows sent, delivered, answered and heard with their times, the meter's text and the balance, and so does
// the meter's page afterwards, all without a reload.
func TestChromiumFollowsATokenBySMS(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	w := newSMSWorld(t, 1, "10s")
	m := w.meters[0]
	d := w.signIn(t, openBrowser(t))
	d.visit("/sell?meter=" + m.number)
	d.fill("#amount", "100")
	d.keys(enterKey)
	d.at("/sell/check")
	d.keys(enterKey)
	d.at("/sales/vnd_")
	sale := d.path()
	d.click(`main a[href*="/recharge?token="]`, 1)
	d.at("/meters/" + m.number + "/recharge")
	if ask[bool](d, `document.querySelector("[name=by]:checked").value !== "sms"`) {
		d.click(`[name=by][value=sms]`, 1)
	}
	d.click("main form button.primary", 1)
	d.at("/meters/" + m.number + "/recharges/tok_")
	track := d.path()
	cell := func(name string) string { return d.text("#track [data-cell=" + name + "]") }
	d.until(`document.querySelector("#track [data-cell=state]").textContent.includes("loaded according to a text message")`)
	stamp := regexp.MustCompile(`^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d \S+$`)
	last := ""
	for _, step := range []string{"queued", "sent", "delivered", "answered", "heard"} {
		d.until(`/^20\d\d-/.test(document.querySelector("#track [data-cell=` + step + `]").textContent)`)
		at := cell(step)
		if !stamp.MatchString(at) || at < last {
			t.Errorf("step %s is at %q, after one at %q", step, at, last)
		}
		last = at
	}
	const answer = "Recharge OK. 34.7 kWh added. Balance 34.7 kWh"
	if got := cell("answered-note"); !strings.Contains(got, answer) {
		t.Errorf("the answer is shown as %q, want %q", got, answer)
	}
	if balance, asof := cell("balance"), cell("asof"); balance != "34.7 kWh" || !strings.HasPrefix(asof, "as of 20") || !strings.Contains(asof, "according to a text message") {
		t.Errorf("the balance is shown as %q %q", balance, asof)
	}
	d.until(`document.querySelector("#ways").innerText.includes("SMS to the meter's SIM") && document.querySelector("#ways").innerText.includes("` + answer + `")`)
	d.visit(sale)
	if got := d.text("main"); !strings.Contains(got, "Loaded according to a text message; the meter has not confirmed it") {
		t.Errorf("the sale does not say that a text message says that the token is in the meter:\n%s", got)
	}
	d.visit("/meters/" + m.number)
	if got := d.text(`[aria-label=Balance]`); !strings.Contains(got, "34.7 kWh") || !strings.Contains(got, "by SMS, which is not proof") {
		t.Errorf("the meter's page shows:\n%s", got)
	}
	d.clean()
	w.typedMeanwhile(t, d, m)
	w.messageMoves(t, d, m)
	d.visit(track)
	d.clean()
}

// typedMeanwhile types a token on the meter and asks the meter; the open page shows the new balance.
func (w *smsWorld) typedMeanwhile(t *testing.T, d *tab, m textMeter) {
	t.Helper()
	d.until(`document.getElementById("live-state").textContent === "● Live"`)
	digits := w.mustVend(t, m.number, 10_000, "typed-sale").text(t, "tokens", 0, "digits")
	held := m.must(t, "key "+digits+"#").BalanceWh
	if held < 69_000 {
		t.Fatalf("the meter holds %d Wh after the keypad", held)
	}
	w.must(t, 202, "POST", "/v1/messages", map[string]any{"phone": m.sim, "text": "*01#"})
	d.until(`document.querySelector("[aria-label=Balance]").innerText.includes("69.5 kWh")`)
	got := w.must(t, 200, "GET", "/v1/meters/"+m.number, nil)
	if wh, source := got.num(t, "said_balance", "wh"), got.text(t, "said_balance", "source"); wh != held/100*100 || source != "sms answer" {
		t.Errorf("said_balance is %d by %q, want %d by sms answer", wh, source, held/100*100)
	}
}

// messageMoves opens the page of a message with a token while the meter stands still. When the meter goes on, the page shows its answer without a reload.
func (w *smsWorld) messageMoves(t *testing.T, d *tab, m textMeter) {
	t.Helper()
	if err := m.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	sold := w.mustVend(t, m.number, 10_000, "moving-sale")
	w.must(t, 202, "POST", "/v1/meters/"+m.number+"/recharges", map[string]any{"digits": sold.text(t, "tokens", 0, "digits"), "by": "sms"})
	d.visit("/messages/" + w.must(t, 200, "GET", "/v1/messages?meter="+m.number, nil).text(t, "data", 0, "id"))
	ask[any](d, `window.here = true`)
	d.until(`document.getElementById("live-state").textContent === "● Live" && document.querySelector("#message [data-cell=sent]").textContent.startsWith("20")`)
	if got := d.text("#message [data-cell=answered]"); got != "–" {
		t.Errorf("a meter that stands still answered at %s", got)
	}
	if err := m.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	d.until(`window.here && document.querySelector("#message [data-cell=answered]").textContent.startsWith("20") && document.querySelector("#message [data-cell=state]").className.includes("ok")`)
	d.until(`document.querySelector("#attempts tbody tr")`)
}

// signIn creates the owner with the one-time link and signs in.
func (w *smsWorld) signIn(t *testing.T, chrome *browser) *tab {
	t.Helper()
	d := chrome.open(t, "http://"+w.server.http)
	link := regexp.MustCompile(`http://\S+/setup\?code=\S+`).FindString(w.server.log.String())
	d.visit(strings.TrimPrefix(link, d.origin))
	d.keys("Olu" + tabKey + consoleOwner + tabKey + consolePassword + enterKey)
	d.at("/signin")
	d.fill("#email", consoleOwner)
	d.fill("#password", consolePassword)
	d.keys(enterKey)
	(&factor{}).pass(t, d)
	d.at("/overview")
	return d
}
