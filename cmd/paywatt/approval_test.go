package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
)

// TestAnApprovalIsOfWhatWasShown: the command says what the request does before it approves it, and sends what binds the approval to that. A digest that
// the person gives is sent as it is, and nothing is shown again.
func TestAnApprovalIsOfWhatWasShown(t *testing.T) {
	const id, digest = "apr_0680000001r0100000000000g0", "digest-of-now"
	var sent apiv1.Decision
	looks := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		a := apiv1.Approval{ID: id, State: "done"}
		switch r.Method + " " + r.URL.Path {
		case "GET /v1/approvals/" + id:
			looks++
			a = apiv1.Approval{ID: id, State: "waiting", Summary: "deposit of 70.00 KES", Maker: "apikey first", Shown: digest,
				Now: &apiv1.Effect{Facts: []apiv1.EffectFact{{Name: "balance", Before: "0.00 KES", After: "70.00 KES", Cautions: []string{"It is the first deposit."}}}}}
		case "POST /v1/approvals/" + id + "/approve":
			if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
				t.Error(err)
			}
		default:
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		if err := json.NewEncoder(w).Encode(a); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	approve := func(more ...string) (out, messages string) {
		t.Helper()
		var o, m bytes.Buffer
		env := map[string]string{"PAYWATT_URL": server.URL, "PAYWATT_KEY": "pk_x"}
		if code := run(append([]string{"approval", "approve", id, "--reason", "seen"}, more...), console{in: &bytes.Buffer{}, out: &o, err: &m, getenv: func(name string) string { return env[name] }}); code != 0 {
			t.Fatalf("exit %d: %s", code, m.String())
		}
		return o.String(), m.String()
	}
	out, messages := approve()
	for _, want := range []string{"deposit of 70.00 KES", "apikey first", "0.00 KES -> 70.00 KES", "It is the first deposit."} {
		if !strings.Contains(messages, want) || strings.Contains(out, want) {
			t.Errorf("the command did not show %q:\n%s", want, messages)
		}
	}
	if sent.Shown != digest || sent.Reason != "seen" {
		t.Errorf("sent %+v, want the digest of what was shown", sent)
	}
	if _, messages = approve("--shown", "digest-of-the-person"); sent.Shown != "digest-of-the-person" || looks != 1 || messages != "" {
		t.Errorf("sent %+v after %d looks, and said %q", sent, looks, messages)
	}
}
