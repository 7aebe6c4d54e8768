package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/gsm/network"
)

// maxAnswer is the largest answer that a client reads, in bytes.
const maxAnswer = 16 << 20

// Client uses a bus in another process. URL is its address, such as http://127.0.0.1:8900.
type Client struct {
	URL  string
	HTTP *http.Client // nil: http.DefaultClient
}

// NewClient takes an address as `paywatt modem serve` prints it, with or without "http://".
func NewClient(addr string) *Client {
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	return &Client{URL: strings.TrimRight(addr, "/")}
}

// Send sends a text from a phone.
func (c *Client) Send(ctx context.Context, from, to, text string) error {
	return c.Do(ctx, http.MethodPost, "/phones/"+url.PathEscape(from)+"/messages", Outgoing{to, text}, nil)
}

// Messages returns a phone's messages with numbers above the parameter after. If there are none yet, it waits for the first one, at most
// for the given time.
func (c *Client) Messages(ctx context.Context, number string, after uint64, wait time.Duration) ([]network.Message, error) {
	var out []network.Message
	err := c.Do(ctx, http.MethodGet, fmt.Sprintf("/phones/%s/messages?after=%d&wait=%s", url.PathEscape(number), after, wait), nil, &out)
	return out, err
}

// Modems lists the modems.
func (c *Client) Modems(ctx context.Context) ([]Modem, error) {
	var out []Modem
	err := c.Do(ctx, http.MethodGet, "/modems", nil, &out)
	return out, err
}

// Do sends a request to the bus, with a body and an answer in JSON; either may be nil.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("bus %s: %w", path, err)
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.URL+path, body)
	if err != nil {
		return fmt.Errorf("bus %s: %w", path, err)
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	h := c.HTTP
	if h == nil {
		h = http.DefaultClient
	}
	resp, err := h.Do(r)
	if err != nil {
		return fmt.Errorf("bus: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("bus %s: %w", path, err)
	}
	if resp.StatusCode >= 300 {
		var p problem
		_ = json.Unmarshal(b, &p) // without a reason, the status is reported
		return fmt.Errorf("bus %s: %s: %s", path, resp.Status, p.Detail)
	}
	if out == nil {
		return nil
	}
	return fault.Wrap(json.Unmarshal(b, out), "bus %s", path)
}
