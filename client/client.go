// Package client talks to a Paywatt server over its HTTP interface, /v1.
//
// Start at [New]. Every call takes a context, returns typed values and one of four kinds of error:
//
//   - [*Problem]: the server answered "no" or reported a fault; branch on Code, read Detail to a person
//   - [ErrUnreachable]: no connection could be made, so the server was not asked and nothing happened
//   - [ErrNoAnswer]: the request was sent and no answer came back; a sale then returns [*Unresolved]
//   - the context's own error
//
// The answer to [Client.Vend] may get lost without harm. Vend repeats the request with the same idempotency key for as long
// as [Config] allows. If the outcome stays unknown, it returns that key, so that a later request gives the same sale and
// never a second one.
//
// Bodies and the filters of lists have the types of package apiv1. The package uses only apiv1 and the standard library, and
// may be used outside this module.
package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Limits of the client. The server promises none of them.
const (
	// MaxAnswer is the largest answer that is read, in bytes.
	MaxAnswer = 8 << 20
	// DefaultTimeout bounds one attempt of one call.
	DefaultTimeout = 30 * time.Second
	// DefaultAttempts is the number of attempts at a sale. If all of them fail, the sale is returned as unresolved.
	DefaultAttempts = 4
	// DefaultPause is the wait before the second attempt; it doubles from there.
	DefaultPause = 200 * time.Millisecond
	// MaxPause bounds the wait between attempts, whatever the server asks for.
	MaxPause = 5 * time.Second
)

// Network errors.
var (
	// ErrUnreachable: no connection could be made; the server was not asked.
	ErrUnreachable = errors.New("server unreachable")
	// ErrNoAnswer: a connection was made and the answer did not arrive completely; the server may have acted.
	ErrNoAnswer = errors.New("no answer from the server")
)

// Config holds the optional settings of a client; its zero value works.
type Config struct {
	// HTTP carries the requests; nil means a new client that follows no redirects.
	HTTP *http.Client
	// Timeout bounds one attempt; 0 means DefaultTimeout.
	Timeout time.Duration
	// Attempts bounds the attempts of one sale; 0 means DefaultAttempts.
	Attempts int
	// Pause is the wait before the second attempt; 0 means DefaultPause.
	Pause time.Duration
	// UserAgent names the caller in the server's log; empty means "paywatt-client".
	UserAgent string
	// Wait waits between attempts until d has passed or ctx ends; nil means the machine's clock. Tests replace it.
	Wait func(ctx context.Context, d time.Duration) error
}

// Client asks one server with one key. It is safe for use by several goroutines at once.
type Client struct {
	base *url.URL
	key  string
	cfg  Config
}

// New makes a client of the server at base ("http://127.0.0.1:8080", also with a path) that authenticates with an API key
// ("pk_…"). Without a key only the open pages work ([Client.Version], [Client.Ready]).
func New(base, key string, cfg Config) (*Client, error) {
	u, err := url.Parse(strings.TrimRight(base, "/"))
	if err != nil {
		return nil, fmt.Errorf("server address %q: %w", base, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("server address %q: want http://host:port or https://host", base)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = ownHTTP()
	}
	cfg.Timeout = cmp.Or(cfg.Timeout, DefaultTimeout)
	cfg.Attempts = cmp.Or(cfg.Attempts, DefaultAttempts)
	cfg.Pause = cmp.Or(cfg.Pause, DefaultPause)
	cfg.UserAgent = cmp.Or(cfg.UserAgent, "paywatt-client")
	if cfg.Wait == nil {
		cfg.Wait = wait
	}
	return &Client{base: u, key: key, cfg: cfg}, nil
}

// ownHTTP follows no redirect: a redirected sale is not the requested sale.
func ownHTTP() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second,
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     60 * time.Second,
			ForceAttemptHTTP2:   true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// call is one request to the server; its path is escaped.
type call struct {
	method, path string
	query        url.Values
	header       http.Header
	body         any    // nil, or the value sent as JSON
	file         []byte // or the bytes that are sent as they are
}

// answer is a complete answer with a status below 400.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends one request and returns an answer, a *Problem, ErrUnreachable, ErrNoAnswer or the context's error.
func (c *Client) do(ctx context.Context, q call) (answer, error) {
	bounded, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	req, err := c.request(bounded, q)
	if err != nil {
		return answer{}, err
	}
	resp, err := c.cfg.HTTP.Do(req)
	if err != nil {
		return answer{}, c.lost(ctx, q, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	if err != nil {
		return answer{}, c.lost(ctx, q, err)
	}
	if len(body) > MaxAnswer {
		return answer{}, fmt.Errorf("%s %s: answer longer than %d bytes", q.method, q.path, MaxAnswer)
	}
	if resp.StatusCode >= 300 {
		return answer{}, problemOf(resp, body)
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// copy sends one request and copies the body of its answer, which may be of any length. Each part of it must arrive within the time limit of
// a request.
func (c *Client) copy(ctx context.Context, q call, out io.Writer) error {
	bounded, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(c.cfg.Timeout, cancel)
	defer late.Stop()
	req, err := c.request(bounded, q)
	if err != nil {
		return err
	}
	resp, err := c.cfg.HTTP.Do(req)
	if err != nil {
		return c.lost(ctx, q, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		body, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer))
		if err != nil {
			return c.lost(ctx, q, err)
		}
		return problemOf(resp, body)
	}
	for part := make([]byte, 32<<10); ; {
		n, err := resp.Body.Read(part)
		late.Reset(c.cfg.Timeout)
		if _, no := out.Write(part[:n]); no != nil {
			return no
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return c.lost(ctx, q, err)
		}
	}
}

func (c *Client) request(ctx context.Context, q call) (*http.Request, error) {
	plain, err := url.PathUnescape(q.path)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", q.method, q.path, err)
	}
	u := *c.base
	u.Path, u.RawPath = u.Path+plain, u.EscapedPath()+q.path
	u.RawQuery = q.query.Encode()
	var body io.Reader
	if q.file != nil {
		body = bytes.NewReader(q.file)
	}
	if q.body != nil {
		b, err := json.Marshal(q.body)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", q.method, q.path, err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", q.method, q.path, err)
	}
	for name, values := range q.header {
		req.Header[name] = values
	}
	if q.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if q.file != nil {
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	return req, nil
}

// lost classifies a network error. A failed dial proves that the server was not asked; any later error proves nothing.
func (c *Client) lost(ctx context.Context, q call, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s %s: %w: %w", q.method, q.path, ErrNoAnswer, ctx.Err())
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("%s: %w: %w", c.base.Host, ErrUnreachable, err)
	}
	return fmt.Errorf("%s %s: %w: %w", q.method, q.path, ErrNoAnswer, err)
}

// ask sends q and reads the answer's JSON into a T.
func ask[T any](ctx context.Context, c *Client, q call) (T, error) {
	var out T
	a, err := c.do(ctx, q)
	if err != nil {
		return out, err
	}
	if err := waits(a); err != nil {
		return out, err
	}
	if err := json.Unmarshal(a.body, &out); err != nil {
		return out, fmt.Errorf("%s %s: answer is not the JSON of this version: %w", q.method, q.path, err)
	}
	return out, nil
}

func get(path string, query url.Values) call {
	return call{method: http.MethodGet, path: path, query: query}
}

func remove(path string) call { return call{method: http.MethodDelete, path: path} }

func post(path string, body any) call {
	return call{method: http.MethodPost, path: path, body: body}
}
