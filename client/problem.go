package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Problem is a refusal or a fault of the server. Code is stable and kebab-case; branch on it, show Detail to a person.
type Problem struct {
	apiv1.Problem
	// RetryAfter is the pause that the server asks for in its Retry-After header; 0 without one.
	RetryAfter time.Duration `json:"-"`
	// Replayed says that this is the stored answer to an earlier request with the same idempotency key.
	Replayed bool `json:"-"`
}

// Error is the detail with the code, for logs.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return fmt.Sprintf("server answered %d %s", p.Status, p.Title)
	}
	return p.Detail + " (" + p.Code + ")"
}

// problemOf reads a problem document. Any other answer, such as a proxy's page, becomes a problem without a code.
func problemOf(resp *http.Response, body []byte) *Problem {
	p := &Problem{}
	if err := json.Unmarshal(body, p); err != nil || p.Status == 0 {
		p = &Problem{Problem: apiv1.Problem{Title: http.StatusText(resp.StatusCode)}}
	}
	p.Status = resp.StatusCode
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s >= 0 {
		p.RetryAfter = time.Duration(s) * time.Second
	}
	p.Replayed = resp.Header.Get("Idempotency-Replayed") == "true"
	return p
}
