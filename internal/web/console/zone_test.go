package console_test

import (
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// callAPI sends a request with the owner's key, and returns the body of a successful answer.
func (w *world) callAPI(method, path, body string) string {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.key)
	req.Header.Set("Idempotency-Key", rand.Text())
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		w.t.Fatalf("%s %s: status %d, %v: %s", method, path, resp.StatusCode, err, got)
	}
	return string(got)
}

// TestPapersHaveTheDaysOfTheUtility: a machine in Kiribati, where the next month has begun, serves a utility in New York. A sale in the last hour of
// a month is of that month and day on every surface.
func TestPapersHaveTheDaysOfTheUtility(t *testing.T) {
	const machine = "Pacific/Kiritimati"
	tier.Program(t, "pdftotext")
	if os.Getenv("TZ") != machine {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.timeout", await.Limit.String())
		again.Env = append(os.Environ(), "TZ="+machine)
		if out, err := again.CombinedOutput(); err != nil {
			t.Errorf("on a machine in Kiribati: %v\n%s", err, out)
		}
		return
	}
	w := folder(t)
	now := time.Now().UTC()
	at := time.Date(now.Year(), now.Month()+2, 1, 3, 30, 0, 0, time.UTC) // the day before in New York
	if here := at.Local(); here.Hour() != 17 || at.Day() != here.Day() {
		t.Fatalf("this machine is not in Kiribati: it is %s", here)
	}
	w.clock.move(at.AddDate(0, 0, -5).Sub(now)) // the zone is set before the month ends
	w.serve(app.Config{Passphrase: []byte(passphrase)})
	w.furnish()
	w.callAPI("POST", "/v1/settings", `{"name":"Hudson Flats","tz":"America/New_York"}`)
	w.clock.move(5 * 24 * time.Hour)

	found := func(pattern, text string) string {
		t.Helper()
		m := regexp.MustCompile(pattern).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("no %s in %s", pattern, text)
		}
		return m[1]
	}
	opened := w.callAPI("POST", "/v1/shifts", `{"till":"main","opening":{"amount_minor":0,"currency":"KES"}}`)
	sold := w.callAPI("POST", "/v1/vends", `{"meter":"`+meterNumber+`","tender":{"amount_minor":10000,"currency":"KES"}}`)
	w.callAPI("POST", "/v1/shifts/mine/close", `{"counted":{"amount_minor":10000,"currency":"KES"}}`)
	shift, sale, receipt := found(`"id":"(shf_\w+)"`, opened), found(`"id":"(vnd_\w+)"`, sold), found(`"receipt_no":"([^"]+)"`, sold)
	month, day, later := at.AddDate(0, -1, 0).Format("2006-01"), at.AddDate(0, 0, -1).Format(time.DateOnly), at.Format(time.DateOnly)

	statement, after := "/v1/accounts/"+meterNumber+"/statements/"+month, "/v1/accounts/"+meterNumber+"/statements/"+at.Format("2006-01")
	for _, p := range []struct {
		path string
		says string
	}{
		{statement + "?format=csv", day + "T"}, {statement + "?format=pdf", receipt}, {statement + "?format=pdf", day + " "},
		{"/v1/vends/" + sale + "/receipt?format=text48", day + " "}, {"/v1/vends/" + sale + "/receipt?format=html", day + " "},
		{"/v1/vends/" + sale + "/receipt?format=pdf", day + " "},
		{"/v1/shifts/" + shift + "/report?format=text48", day + " "}, {"/v1/shifts/" + shift + "/report?format=pdf", day + " "},
		{"/v1/ledger/export?from=" + day + "&to=" + day, day + ","}, {"/v1/reports/daily", `"date":"` + day + `"`},
	} {
		got := w.callAPI("GET", p.path, "")
		if strings.HasSuffix(p.path, "pdf") {
			got = pdfText(t, got)
		}
		inUTC := strings.ReplaceAll(got, later+"T", "") // a moment in UTC names the zone
		if !strings.Contains(got, p.says) || strings.Contains(inUTC, later) {
			t.Errorf("%s does not say %q, or says %s:\n%s", p.path, p.says, later, got)
		}
	}
	if got := w.callAPI("GET", statement, ""); !strings.Contains(got, `"zone":"America/New_York"`) || !strings.Contains(got, receipt) {
		t.Errorf("the statement of %s is\n%s", month, got)
	}
	for _, format := range []string{"", "?format=csv"} {
		if got := w.callAPI("GET", after+format, ""); strings.Contains(got, receipt) {
			t.Errorf("the statement of the month after has the sale too:\n%s", got)
		}
	}
	g := w.enter(ownerEmail)
	g.get("/sales").is(200).says(day+" ", receipt).omits(later + " ")
	g.get("/sales/" + sale).is(200).says(day + " ").omits(later + " ")
	if got := g.get("/tills/" + shift + "/report.pdf").is(200).header.Get("Content-Disposition"); !strings.Contains(got, "z-main-"+day) {
		t.Errorf("the file of the Z report is %s, want z-main-%s", got, day)
	}
	w.clock.move(48 * time.Hour)
	if got := w.callAPI("GET", "/v1/days/next", ""); !strings.Contains(got, `"tz":"America/New_York"`) || !strings.Contains(got, `"date":"`+day+`"`) {
		t.Errorf("the next day to close is %s, want %s", got, day)
	}
}
