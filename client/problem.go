package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// MoneyMoved says whether a sale that was answered with a problem has moved money.
type MoneyMoved string

// The three answers. Unknown is settled by asking again with the same idempotency key, or by [Client.VendByRef].
const (
	MoneyMovedYes     MoneyMoved = "yes"
	MoneyMovedNo      MoneyMoved = "no"
	MoneyMovedUnknown MoneyMoved = "unknown"
)

// Problem is the server's "no" (RFC 9457). Code is stable and kebab-case; branch on it, show Detail to a person.
type Problem struct {
	Type       string       `json:"type"`
	Title      string       `json:"title"`
	Status     int          `json:"status"`
	Detail     string       `json:"detail"`
	Code       string       `json:"code"`
	RequestID  string       `json:"request_id"`
	Retryable  bool         `json:"retryable"`
	MoneyMoved MoneyMoved   `json:"money_moved,omitempty"`
	Errors     []FieldError `json:"errors,omitempty"`
	// RetryAfter is the server's wish from its Retry-After header; 0 where it has none.
	RetryAfter time.Duration `json:"-"`
	// Replayed says that this is the stored answer to an earlier request with the same idempotency key.
	Replayed bool `json:"-"`
}

// FieldError names one part of a request that could not be taken.
type FieldError struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

// Error is the detail with the code, for logs.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return fmt.Sprintf("server answered %d %s", p.Status, p.Title)
	}
	return p.Detail + " (" + p.Code + ")"
}

// problemOf reads a problem document; an answer that is none (a proxy's page) becomes one without a code.
func problemOf(resp *http.Response, body []byte) *Problem {
	p := &Problem{}
	if err := json.Unmarshal(body, p); err != nil || p.Status == 0 {
		p = &Problem{Title: http.StatusText(resp.StatusCode)}
	}
	p.Status = resp.StatusCode
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s >= 0 {
		p.RetryAfter = time.Duration(s) * time.Second
	}
	p.Replayed = resp.Header.Get("Idempotency-Replayed") == "true"
	return p
}
