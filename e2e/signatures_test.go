package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider"
	"github.com/paywatt/paywatt/internal/provider/outbound"
	"github.com/paywatt/paywatt/internal/provider/paystack"
	"github.com/paywatt/paywatt/internal/provider/sms"
	"github.com/paywatt/paywatt/internal/provider/stripe"
	"github.com/paywatt/paywatt/internal/provider/webhook"
	"github.com/paywatt/paywatt/internal/tier"
)

// npmSignatures are the packages from npm with which we compare our signatures; Paystack and the gateway have Node's own crypto.
func npmSignatures() []string { return []string{"standardwebhooks@1.1.1", "stripe@23.1.0"} }

// signedCall is a call for signatures.js to sign or to check.
type signedCall struct {
	Scheme  string            `json:"scheme"`
	Secret  string            `json:"secret"`
	ID      string            `json:"id,omitempty"`
	Stamp   string            `json:"stamp,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	At      string            `json:"at,omitempty"`
	Body    string            `json:"body"`
}

// signatures runs signatures.js.
func signatures(t *testing.T, sign, check []signedCall) (signed []map[string]string, fits []bool) {
	t.Helper()
	modules := npm(t, npmSignatures()...)
	in, err := json.Marshal(map[string]any{"sign": sign, "check": check})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", filepath.Join("testdata", "signatures.js"))
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, stderr.String())
	}
	var answer struct {
		Signed []map[string]string `json:"signed"`
		Fits   []bool              `json:"fits"`
	}
	if err := json.Unmarshal(out, &answer); err != nil || len(answer.Signed) != len(sign) || len(answer.Fits) != len(check) {
		t.Fatalf("%v: %.300s", err, out)
	}
	return answer.Signed, answer.Fits
}

// scheme is a scheme of signatures: what the adapter is set up with, and how we sign.
type scheme struct {
	kind, config, secrets, secret string
	sign                          func(secret, id, stamp string, body []byte) map[string]string
}

func schemes() []scheme {
	key := "whsec_" + base64.StdEncoding.EncodeToString([]byte("a key of 24 bytes or more"))
	long := "0123456789abcdef0123456789abcdef"
	return []scheme{
		{webhook.Kind, `{}`, `{"signing":"` + key + `"}`, key, func(secret, id, stamp string, body []byte) map[string]string {
			raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_")) // ours, so it decodes
			return map[string]string{"webhook-id": id, "webhook-timestamp": stamp, "webhook-signature": "v1," + base64.StdEncoding.EncodeToString(webhook.Sign(raw, id, stamp, body))}
		}},
		{stripe.Kind, `{"success_url":"https://power.example/"}`, `{"key":"k","signing":"whsec_of the endpoint"}`, "whsec_of the endpoint", func(secret, _, stamp string, body []byte) map[string]string {
			return map[string]string{"stripe-signature": "t=" + stamp + ",v1=" + hex.EncodeToString(stripe.Sign(secret, stamp, body))}
		}},
		{paystack.Kind, `{"email":"a@b.example"}`, `{"key":"sk_test_key"}`, "sk_test_key", func(secret, _, _ string, body []byte) map[string]string {
			return map[string]string{"x-paystack-signature": hex.EncodeToString(paystack.Sign(secret, body))}
		}},
		{sms.Kind, `{"senders":["MPESA"],"currency":"KES","patterns":[{"text":"x","says":"nothing"}]}`, `{"secret":"` + long + `"}`, long, func(secret, _, stamp string, body []byte) map[string]string {
			return map[string]string{"paywatt-timestamp": stamp, "paywatt-signature": "v1=" + hex.EncodeToString(sms.Sign(secret, stamp, body))}
		}},
	}
}

// TestSignaturesAgreeWithOtherPrograms: for every scheme of signatures, our adapter believes what another program signs and nothing that
// differs by one byte, and the other program believes ours.
func TestSignaturesAgreeWithOtherPrograms(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	r := rand.New(rand.NewPCG(tier.Seed(t), 1))
	now := time.Now() // standardwebhooks reads the clock itself
	stamp := strconv.FormatInt(now.Unix(), 10)
	var sign, check []signedCall
	const each = 25
	for _, s := range schemes() {
		for i := range each {
			text, err := json.Marshal(map[string]any{"object": "event", "text": randomText(r), "n": r.Int64()})
			if err != nil {
				t.Fatal(err)
			}
			id := "msg_" + strconv.Itoa(i)
			sign = append(sign, signedCall{Scheme: s.kind, Secret: s.secret, ID: id, Stamp: stamp, Body: string(text)})
			check = append(check, signedCall{Scheme: s.kind, Secret: s.secret, At: stamp, Body: string(text), Headers: s.sign(s.secret, id, stamp, text)},
				signedCall{Scheme: s.kind, Secret: s.secret, At: stamp, Body: string(text) + " ", Headers: s.sign(s.secret, id, stamp, text)})
		}
	}
	signed, fits := signatures(t, sign, check)
	for i, fit := range fits {
		if altered := i%2 == 1; fit == altered {
			t.Fatalf("%s: the other program believes ours: %t, altered: %t: %+v", check[i].Scheme, fit, altered, check[i])
		}
	}
	for n, s := range schemes() {
		a, err := provider.Open(s.kind, payment.Setup{Config: []byte(s.config), Secrets: []byte(s.secrets)}, outbound.New(http.DefaultClient, func() time.Time { return now }))
		if err != nil {
			t.Fatal(err)
		}
		for i := range each {
			in := payment.Incoming{Header: map[string][]string{}, Body: []byte(sign[n*each+i].Body)}
			for name, value := range signed[n*each+i] {
				http.Header(in.Header).Set(name, value)
			}
			if err := a.Prove(in); err != nil {
				t.Fatalf("%s: %v: %+v", s.kind, err, in.Header)
			}
			in.Body[r.IntN(len(in.Body))] ^= 1 << r.IntN(8)
			if a.Prove(in) == nil {
				t.Fatalf("%s: an altered body was believed", s.kind)
			}
		}
	}
}
