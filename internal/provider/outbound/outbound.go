// Package outbound is what adapters need to ask a provider: requests with limits, and one cache of access tokens.
package outbound

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	neturl "net/url"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/bounded"
	"github.com/paywatt/paywatt/internal/dial"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/reach"
)

// Limits of a request.
const (
	askTime  = 20 * time.Second // for the whole answer
	dialTime = 10 * time.Second
	idleTime = 90 * time.Second // how long a connection is kept for the next request
	maxIdle  = 32               // connections to one provider that are kept

	maxElements = 50_000 // of an answer; the longest honest ones, lists of 100 events, have about 15,000
)

// HTTP returns the HTTP client that asks providers. It dials what a reach allows, and follows no redirect.
func HTTP(r reach.Reach) *http.Client {
	t := dial.New(r, dialTime, nil).ProxiedTransport()
	t.ForceAttemptHTTP2, t.IdleConnTimeout, t.MaxIdleConnsPerHost = true, idleTime, maxIdle
	return &http.Client{Timeout: askTime, Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Client sends the requests of all adapters. Make one with [New].
type Client struct {
	http   *http.Client
	now    func() time.Time
	mu     sync.Mutex
	tokens map[string]*token
}

// New makes a Client.
func New(client *http.Client, now func() time.Time) *Client {
	return &Client{http: client, now: now, tokens: map[string]*token{}}
}

// Now returns the present time.
func (c *Client) Now() time.Time { return c.now() }

// Answer is the whole answer to a request.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Into reads the answer's body as JSON.
func (a Answer) Into(to any) error {
	if err := json.Unmarshal(a.Body, to); err != nil {
		return fmt.Errorf("the provider's answer with status %d is not the JSON that it promises", a.Status) // the cause could show a secret
	}
	return nil
}

// DoJSON sends a request with a body in JSON, or without a body if it is nil: a body that says null is none of a GET request's, and some
// gateways refuse it. See [Client.Do].
func (c *Client) DoJSON(ctx context.Context, method, url string, header http.Header, body any) (Answer, error) {
	if body == nil {
		return c.Do(ctx, method, url, header, nil)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return Answer{}, fmt.Errorf("write a request to the provider: %w", err)
	}
	header = header.Clone()
	header.Set("Content-Type", "application/json")
	return c.Do(ctx, method, url, header, text)
}

// Do sends a request. An error means that there is no answer; what the request asked for may be done all the same.
func (c *Client) Do(ctx context.Context, method, url string, header http.Header, body []byte) (Answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body)) // an empty reader is no body
	if err != nil {
		return Answer{}, errors.New("the provider's address is not one") // the cause could show a secret
	}
	for name, values := range header {
		r.Header[name] = values
	}
	got, err := c.http.Do(r)
	if err != nil {
		if whole := (*neturl.Error)(nil); errors.As(err, &whole) {
			err = whole.Err // without the address, which is long
		}
		return Answer{}, fmt.Errorf("ask the provider: %w", err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(io.LimitReader(got.Body, payment.MaxAnswer+1))
	switch {
	case err != nil:
		return Answer{}, fmt.Errorf("read the provider's answer: %w", err)
	case len(text) > payment.MaxAnswer:
		return Answer{}, fmt.Errorf("the provider's answer is longer than %d bytes", payment.MaxAnswer)
	}
	if err := bounded.CheckJSON(text, maxElements); err != nil {
		return Answer{}, fmt.Errorf("read the provider's answer: %w", err)
	}
	return Answer{Status: got.StatusCode, Header: got.Header, Body: text}, nil
}
