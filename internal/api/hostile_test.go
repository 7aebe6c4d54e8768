package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/hostile"
	"github.com/paywatt/paywatt/internal/tier"
)

// TestHostileFilesThroughTheDoor sends files that are meant to cost much over HTTP. Server and client together take at most a second of processor
// time and 100 MB for each, without the file itself, which the test holds as well. The answer is a refusal. Two files can be read, and have so many
// rows that trying them is the work: their answer is what each row would do.
func TestHostileFilesThroughTheDoor(t *testing.T) {
	tier.Slow(t)
	w := begin(t)
	w.want(http.StatusCreated, w.post("/v1/payment-providers", `{"name":"bank","kind":"webhook","secrets":{"signing":"`+signing+`"},"max_single_minor":100,"max_daily_minor":1000}`))
	tried := 0
	sent := map[hostile.Kind]int{} // each kind has a door of its own; what a file costs behind it, internal/hostile measures
	for _, f := range hostile.Of(false, hostile.Workbook, hostile.CSV, hostile.Camt, hostile.Swift, hostile.MPesa) {
		path, kind, want := "/v1/payment-providers/bank/statements?format="+string(f.Kind), "application/octet-stream", "statement-invalid"
		if f.Kind == hostile.Workbook || f.Kind == hostile.CSV {
			path, want = "/v1/imports?kind=meters&mode=dry_run", "import-unreadable"
		}
		rows := f.Name == "merged cells over all rows" || f.Name == "20,000 equal customers"
		if rows {
			path = "/v1/imports?kind=customers&mode=dry_run"
		}
		if sent[f.Kind]++; sent[f.Kind] > 2 && !rows && !tier.IsLong() {
			continue
		}
		file := string(f.Make())
		var cost hostile.Cost
		var got answer
		for range 3 { // another program may disturb a measurement
			cost = hostile.Measure(func() {
				got = w.ask("POST", path, w.key, file, "Content-Type", kind, "Idempotency-Key", fmt.Sprintf("hostile-file-%d", tried))
			})
			cost.Memory -= int64(len(file))
			if !cost.TooMuch() {
				break
			}
		}
		tried++
		if rows {
			w.want(http.StatusCreated, got)
		} else if code, _ := w.problem(w.want(http.StatusUnprocessableEntity, got)); code != want {
			t.Errorf("%s, %s: %s", f.Kind, f.Name, got.body)
		}
		report := t.Logf
		if cost.TooMuch() {
			report = t.Errorf
		}
		report("%-9s %-50s %9d bytes %6.2f s %6.1f MB: %.300s", f.Kind, f.Name, len(file), cost.Time.Seconds(), float64(cost.Memory)/(1<<20), got.body)
	}
	if tried < 9 {
		t.Errorf("only %d files were sent", tried)
	}
}

// TestAPersonSendsOneFileAtATime: while a file is on its way, the server takes no other one of the same person, whichever key sends it.
// Other people's files and small requests go on. The file is read when its last byte has come.
func TestAPersonSendsOneFileAtATime(t *testing.T) {
	w := begin(t)
	keys := w.newKeys(access.Owner, 2)
	stranger := w.newKey(access.Owner)
	list := "number,tariff\n04140001019,domestic\n"
	first, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	_, err = fmt.Fprintf(first, "POST /v1/imports?kind=meters&mode=dry_run HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nIdempotency-Key: slow-file-0001\r\n"+
		"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n", keys[0], len(list))
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(first)
	if begun, err := http.ReadResponse(answers, nil); err != nil || begun.StatusCode != http.StatusContinue { // the server reads the file now
		t.Fatalf("the first file: %v, %v", begun, err)
	}
	if _, err := io.WriteString(first, list[:20]); err != nil {
		t.Fatal(err)
	}
	files := 0
	send := func(key string) answer { // each is a file of its own: the answer to a repeated one is kept
		files++
		return w.ask("POST", "/v1/imports?kind=meters&mode=dry_run", key, "number,tariff\n04140001027,domestic\n", "Idempotency-Key", fmt.Sprintf("second-file-%04d", files))
	}
	for _, second := range []answer{send(keys[0]), send(keys[1])} {
		if code, _ := w.problem(w.want(http.StatusTooManyRequests, second)); code != "rate-limited" {
			t.Errorf("a second file: %s", second.body)
		}
	}
	w.want(http.StatusCreated, send(stranger))
	w.want(http.StatusOK, w.get("/v1/meters"))
	if _, err := io.WriteString(first, list[20:]); err != nil {
		t.Fatal(err)
	}
	answered, err := http.ReadResponse(answers, nil)
	if err != nil || answered.StatusCode != http.StatusCreated {
		t.Errorf("the first file: %v, %v", answered, err)
	}
	w.want(http.StatusCreated, send(keys[1]))
}

// TestOnlyWhoMaySendAFileHoldsAPlace: files on their way of people who may not send any, and of a seller whose key an owner made, keep nobody from
// sending one.
func TestOnlyWhoMaySendAFileHoldsAPlace(t *testing.T) {
	w := begin(t)
	owner := w.newKey(access.Owner)
	vendor := decode[struct{ ID string }](t, w.want(http.StatusCreated, w.ask("POST", "/v1/vendors", owner, `{"name":"Corner shop","code":"V9"}`, "Idempotency-Key", "corner-shop-0001"))).ID
	shop := decode[struct{ Key string }](t, w.want(http.StatusCreated, w.ask("POST", "/v1/keys", owner, `{"role":"vendor_api","name":"shop","vendor":"`+vendor+`"}`,
		"Idempotency-Key", "corner-shop-0002"))).Key
	for _, key := range []string{shop, w.newKey(access.Auditor), w.newKey(access.Auditor), w.newKey(access.Auditor), w.newKey(access.Auditor)} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST /v1/imports?kind=meters&mode=dry_run HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nIdempotency-Key: no-right-000001\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n", key)
		if err != nil {
			t.Fatal(err)
		}
		answered, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || answered.StatusCode != http.StatusForbidden {
			t.Errorf("a file that never ends of somebody who may not send one: %v, %v", answered, err)
		}
	}
	w.want(http.StatusCreated, w.ask("POST", "/v1/imports?kind=meters&mode=dry_run", owner, "number,tariff\n04140001019,domestic\n", "Idempotency-Key", "owners-file-0001"))
}
