package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
)

// api is a plain HTTP caller with a key, as an integrator writes it on the first day, without any of our code.
type api struct {
	url, key string
	http     http.Client
}

func newAPI(addr, key string) *api {
	return &api{url: "http://" + addr, key: strings.TrimSpace(key), http: http.Client{Timeout: await.Limit}}
}

// answer is a response as it arrived.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// field returns a value from the JSON body: field("tokens", 0, "digits").
func (a answer) field(t testing.TB, path ...any) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("status %d, body is no JSON: %v\n%s", a.status, err, a.body)
	}
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok || m[p] == nil {
				t.Fatalf("no %v in status %d %s", path, a.status, a.body)
			}
			v = m[p]
		case int:
			l, ok := v.([]any)
			if !ok || p >= len(l) {
				t.Fatalf("no %v in status %d %s", path, a.status, a.body)
			}
			v = l[p]
		}
	}
	return v
}

// says reports whether the answer holds a text. A test waits with it for a field that is missing while it is empty.
func (a answer) says(text string) bool { return bytes.Contains(a.body, []byte(text)) }

func (a answer) text(t testing.TB, path ...any) string {
	t.Helper()
	return fmt.Sprint(a.field(t, path...))
}

func (a answer) num(t testing.TB, path ...any) int64 {
	t.Helper()
	n, ok := a.field(t, path...).(json.Number)
	if !ok {
		t.Fatalf("%v is no number in %s", path, a.body)
	}
	i, err := n.Int64()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// do sends one request; body may be nil, a string (sent as it is) or anything that marshals.
func (c *api) do(method, path string, body any, header ...string) (answer, error) {
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		j, err := json.Marshal(b)
		if err != nil {
			return answer{}, err
		}
		r = bytes.NewReader(j)
	}
	req, err := http.NewRequest(method, c.url+path, r)
	if err != nil {
		return answer{}, err
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, b}, err
}

// must sends one request and fails the test unless the answer has the given status.
func (c *api) must(t testing.TB, status int, method, path string, body any, header ...string) answer {
	t.Helper()
	a, err := c.do(method, path, body, header...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if a.status != status {
		t.Fatalf("%s %s: status %d, want %d\n%s", method, path, a.status, status, a.body)
	}
	return a
}

// tariff publishes a tariff of 2.50 a unit with 15 % VAT.
func (c *api) tariff(t testing.TB) {
	t.Helper()
	c.must(t, 201, "POST", "/v1/tariffs", map[string]any{"name": "domestic", "currency": "KES", "vat_bps": 1500, "flat_micro": 2_500_000})
}

// secrets are the values that POST /v1/meters shows only once.
type secrets struct{ number, password, linkKey, decoderKey string }

// meter adds a simulated token meter.
func (c *api) meter(t testing.TB, number string) secrets {
	t.Helper()
	a := c.must(t, 201, "POST", "/v1/meters", map[string]any{"number": number, "mode": "prepay_token", "sgc": "123456", "krn": 1,
		"kt": 2, "ti": "01", "tariff": "domestic", "simulated": true, "customer": map[string]any{"name": "Amina A.", "phone": "+254700000001"}})
	return secrets{number, a.text(t, "mqtt_password"), a.text(t, "link_key"), a.text(t, "decoder_key")}
}

// vend makes one sale; the idempotency key is also the client reference.
func (c *api) vend(number string, minor int64, key string, deliver ...string) (answer, error) {
	body := map[string]any{"meter": number, "tender": map[string]any{"amount_minor": minor, "currency": "KES"}}
	if len(deliver) > 0 {
		body["deliver"] = deliver
	}
	return c.do("POST", "/v1/vends", body, "Idempotency-Key", key)
}

func (c *api) mustVend(t testing.TB, number string, minor int64, key string, deliver ...string) answer {
	t.Helper()
	a, err := c.vend(number, minor, key, deliver...)
	if err != nil {
		t.Fatal(err)
	}
	if a.status != 201 {
		t.Fatalf("vend: status %d\n%s", a.status, a.body)
	}
	return a
}

// number makes a valid 11-digit meter number from a serial number.
func number(n int) string {
	body := fmt.Sprintf("0414%06d", n)
	sum, twice := 0, true
	for i := len(body) - 1; i >= 0; i-- {
		d := int(body[i] - '0')
		if twice {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		twice = !twice
		sum += d
	}
	return fmt.Sprintf("%s%d", body, (10-sum%10)%10)
}
