package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
)

// AccountBalance is the sum of one account code; debits are positive, credits negative.
type AccountBalance struct {
	Code         int    `json:"code"`
	Name         string `json:"name"`
	Class        string `json:"class"`
	BalanceMinor int64  `json:"balance_minor"`
}

// TrialBalance is the sum of every account code with postings; SumMinor is 0 in a sound ledger.
type TrialBalance struct {
	Currency string           `json:"currency"`
	Accounts []AccountBalance `json:"accounts"`
	SumMinor int64            `json:"sum_minor"`
}

// Version is what runs.
type Version struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
}

// Readiness is the answer of /readyz: Failing lists the codes of what is not in order.
type Readiness struct {
	Ready   bool     `json:"ready"`
	Failing []string `json:"failing"`
}

// TrialBalance returns the balances of the ledger (right: ledger.read).
func (c *Client) TrialBalance(ctx context.Context) (TrialBalance, error) {
	return ask[TrialBalance](ctx, c, get("/v1/ledger/trial-balance", nil))
}

// Version returns what runs; no key is needed.
func (c *Client) Version(ctx context.Context) (Version, error) {
	return ask[Version](ctx, c, get("/v1/version", nil))
}

// Ready asks whether the server is ready; no key is needed. A server that is not is an answer, not an error.
func (c *Client) Ready(ctx context.Context) (Readiness, error) {
	a, err := c.do(ctx, get("/readyz", nil))
	var p *Problem
	if errors.As(err, &p) && p.Status == http.StatusServiceUnavailable && p.Code != "" {
		failing := []string{p.Code}
		for _, e := range p.Errors {
			if e.Location != p.Code {
				failing = append(failing, e.Location)
			}
		}
		return Readiness{Failing: failing}, nil
	}
	if err != nil {
		return Readiness{}, err
	}
	var r Readiness
	err = json.Unmarshal(a.body, &r)
	return r, err
}

// Head is a signed head of the sealed log.
type Head struct {
	Size      int64  `json:"size"` // leaves in the log
	Note      string `json:"note"` // what was signed, with its signature
	PublicKey string `json:"public_key"`
	Since     int64  `json:"since,omitempty"` // size of the older head that is shown to have grown into this one
	File      string `json:"file"`            // all of it as a file to keep
}

// Head returns the signed head of so many leaves, or the newest one for 0, with the proof that the log has only grown
// since an older one where since is its size (right: vend.read).
func (c *Client) Head(ctx context.Context, size, since int64) (Head, error) {
	name, q := "newest", url.Values{}
	if size != 0 {
		name = strconv.FormatInt(size, 10)
	}
	if since != 0 {
		q.Set("since", strconv.FormatInt(since, 10))
	}
	return ask[Head](ctx, c, get("/v1/heads/"+name, q))
}
