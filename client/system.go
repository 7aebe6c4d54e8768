package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
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
