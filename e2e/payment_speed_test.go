package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// This test measures the time from a payment to the meter's signed answer to its token. In between are the provider in a process of its own, its
// signed call, the server's question, the sale, MQTT, and the meter in another process. The bar is a p99
// of 2 s; the figure depends on the load of the machine, so the test only shows it.
func TestFromAPaymentToTheTokenInTheMeter(t *testing.T) {
	tier.Long(t)
	const meters, each = 3, 34
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	simulated := "http://" + p.running(t, `http=(\S+)`, "provider", "simulate")[1]
	secret := "whsec_" + strings.Repeat("QUJD", 8)
	path := a.must(t, 201, "POST", "/v1/payment-providers", map[string]any{"name": "bank", "kind": "webhook",
		"config": map[string]any{"allow_private": true, "ask_url": simulated + "/webhook/payments/{id}"}, "secrets": map[string]any{"signing": secret, "bearer": "webhook-key"}}).text(t, "path")
	control := func(call string, body map[string]any) []byte {
		t.Helper()
		sent, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := http.Post(simulated+"/control/"+call, "application/json", bytes.NewReader(sent))
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		var out bytes.Buffer
		if _, err := out.ReadFrom(got.Body); err != nil || got.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s %v", call, got.Status, out.Bytes(), err)
		}
		return out.Bytes()
	}
	control("endpoint", map[string]any{"provider": "webhook", "url": "http://" + srv.http + path + "in", "secret": secret})
	var numbers []string
	for n := range meters {
		m := a.meter(t, number(2100+n))
		numbers = append(numbers, m.number)
		p.meterProcess(t, filepath.Join(t.TempDir(), "meter"), srv.mqtt, m)
	}
	began := map[string]time.Time{}
	for n := range meters * each {
		at := time.Now()
		var paid struct{ ID string }
		if err := json.Unmarshal(control("pay", map[string]any{"provider": "webhook", "currency": "KES", "amount_minor": 5_000 + n, "reference": numbers[n%meters]}), &paid); err != nil || paid.ID == "" {
			t.Fatal(err, paid)
		}
		began[paid.ID] = at
		<-time.After(50 * time.Millisecond)
	}
	took := p.untilLoaded(t, began)
	p50, p99 := took[len(took)/2], took[len(took)*99/100]
	t.Logf("figures: from a payment to the meter's answer: %d payments of %d meters, p50 %v, p99 %v, longest %v", len(took), meters, p50.Round(time.Millisecond),
		p99.Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
}

// untilLoaded waits until the tokens of all payments are in their meters, and returns how long each took, shortest first.
func (p *place) untilLoaded(t *testing.T, began map[string]time.Time) (took []time.Duration) {
	t.Helper()
	db := openDatabase(t, p.dir)
	defer db.Close()
	await.True(t, fmt.Sprintf("%d tokens are in their meters", len(began)), func() bool {
		took = nil
		rows(t, db, `SELECT p.provider_txn, k.answered_at FROM payment p JOIN vend v ON v.payment_id = p.id JOIN token k ON k.vend_id = v.id WHERE k.state = 'accepted'`,
			func(r *sqlite.Stmt) {
				took = append(took, time.UnixMicro(r.ColumnInt64(1)).Sub(began[r.ColumnText(0)]))
			})
		return len(took) == len(began)
	})
	slices.Sort(took)
	return took
}
