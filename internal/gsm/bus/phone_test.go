package bus_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// page fetches a page of the bus, or posts a form, and returns the status and the page it ends on.
func page(t *testing.T, address string, form url.Values, header ...string) (int, string, http.Header) {
	t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, strings.ReplaceAll(string(b), "&#43;", "+"), answer.Header
}

func TestATelephoneIsAPageThatNeedsNoScript(t *testing.T) {
	c, ctx := serve(t), t.Context()
	if _, err := c.Messages(ctx, bob, 0, 0); err != nil { // this call creates the telephone
		t.Fatal(err)
	}
	here := c.URL + "/phone/" + alice + "/"
	status, got, header := page(t, here, nil)
	if status != http.StatusOK || !strings.Contains(got, "TEST") || !strings.Contains(got, `value="`+modem+`"`) || !strings.Contains(got, "None yet.") {
		t.Fatalf("a new telephone: %d\n%s", status, got)
	}
	if csp := header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'self'; script-src 'self';") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
	for _, bad := range []string{"style=", "<style", "onclick", "<script>"} {
		if strings.Contains(got, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if status, got, _ = page(t, here+"send", url.Values{"to": {bob}, "text": {"hello <b>"}}); status != http.StatusOK ||
		!strings.Contains(got, "hello &lt;b&gt;") || !strings.Contains(got, `http-equiv="refresh"`) || !strings.Contains(got, `value="`+bob+`"`) {
		t.Fatalf("after sending: %d\n%s", status, got)
	}
	if m, err := c.Messages(ctx, bob, 0, 10*time.Second); err != nil || len(m) == 0 || m[0].From != alice || m[0].Text != "hello <b>" || m[0].Got.IsZero() {
		t.Fatalf("bob got %+v, %v", m, err)
	}
	if err := c.Send(ctx, bob, alice, "and to you"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Messages(ctx, alice, 1, 10*time.Second); err != nil { // message 1 is the report about her own message
		t.Fatal(err)
	}
	_, got, _ = page(t, here, nil)
	if in, out := strings.Index(got, "and to you"), strings.Index(got, "hello &lt;b&gt;"); in < 0 || out < in || !strings.Contains(got, `<span class="state">delivered</span>`) {
		t.Errorf("want the answer above what was sent, and that it was delivered:\n%s", got)
	}
}

func TestATelephoneSaysWhyItDidNotSend(t *testing.T) {
	c := serve(t)
	here := c.URL + "/phone/" + alice + "/"
	if status, got, _ := page(t, here+"send", url.Values{"to": {""}, "text": {"to nobody"}}); status != http.StatusUnprocessableEntity ||
		!strings.Contains(got, "Not sent:") || !strings.Contains(got, `value="to nobody"`) {
		t.Errorf("to no number: %d\n%s", status, got)
	}
	if status, got, _ := page(t, here+"send", url.Values{"to": {""}, "text": {"x"}}, "X-Page", "1"); status != http.StatusUnprocessableEntity || strings.Contains(got, "<") {
		t.Errorf("by the script: %d %q", status, got)
	}
	if status, _, _ := page(t, here+"send", url.Values{"to": {bob}, "text": {"x"}}, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("from another site: %d, want 403", status)
	}
	if status, _, _ := page(t, here+"send", url.Values{"to": {bob}, "text": {strings.Repeat("x", 9000)}}); status != http.StatusBadRequest {
		t.Errorf("a form above its limit: %d, want 400", status)
	}
	if status, got, _ := page(t, c.URL+"/phone/"+modem+"/", nil); status != http.StatusConflict {
		t.Errorf("the number of a modem: %d\n%s", status, got)
	}
	if status, got, _ := page(t, c.URL+"/phone/?number=%2B255711000001", nil); status != http.StatusOK || !strings.Contains(got, "Phone <span") {
		t.Errorf("opened by its number: %d\n%s", status, got)
	}
	if status, got, _ := page(t, c.URL+"/phone/", nil); status != http.StatusOK || !strings.Contains(got, `href="`+alice+`/"`) || !strings.Contains(got, modem) {
		t.Errorf("the list: %d\n%s", status, got)
	}
	for _, name := range []string{"phone.css", "phone.js"} {
		if status, got, _ := page(t, c.URL+"/phone/"+name, nil); status != http.StatusOK || got == "" {
			t.Errorf("%s: %d", name, status)
		}
	}
}

// TestATelephoneIsLive checks that repeated requests for the list of a telephone bring its new message. The list must not contain a message
// to another telephone.
func TestATelephoneIsLive(t *testing.T) {
	c, ctx := serve(t), t.Context()
	here := c.URL + "/phone/" + alice + "/list?after="
	if _, _, header := page(t, c.URL+"/phone/"+alice+"/", nil); header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", header)
	}
	type news struct {
		status int
		text   string
		after  string
	}
	got := make(chan news, 1)
	go func() {
		status, text, header := page(t, here+"0", nil)
		got <- news{status, text, header.Get("X-After")}
	}()
	if err := c.Send(ctx, bob, "+255711000003", "not hers"); err != nil {
		t.Fatal(err)
	}
	if err := c.Send(ctx, bob, alice, "hers"); err != nil {
		t.Fatal(err)
	}
	n := <-got
	for n.status == http.StatusOK && !strings.Contains(n.text, "hers") { // submitted, and not delivered yet
		var header http.Header
		n.status, n.text, header = page(t, here+n.after, nil)
		n.after = header.Get("X-After")
	}
	if n.status != http.StatusOK || strings.Contains(n.text, "not hers") || strings.Contains(n.text, "<html") {
		t.Errorf("news %+v, want the list with her message", n)
	}
	if status, _, _ := page(t, here+"x", nil); status != http.StatusBadRequest {
		t.Errorf("after x: %d, want 400", status)
	}
}
