package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
)

// Explanation is a sale with every figure derived again by the server. The named fields are those that a caller
// decides on; Raw has all of them (GET /v1/vends/{id}/explain).
type Explanation struct {
	Vend        string          `json:"vend"`
	Agrees      bool            `json:"agrees"` // whether the stored sale is exactly what is derived
	Differences []string        `json:"differences"`
	TenderMinor int64           `json:"tender_minor"`
	SumMinor    int64           `json:"sum_minor"` // of the lines; equal to TenderMinor
	Currency    string          `json:"currency"`
	Lines       []Line          `json:"lines"`
	Words       []string        `json:"words"` // everything in sentences, for the customer
	Raw         json.RawMessage `json:"-"`
}

// Explain derives every figure of a sale again (right: vend.read).
func (c *Client) Explain(ctx context.Context, sale string) (Explanation, error) {
	a, err := c.do(ctx, get("/v1/vends/"+url.PathEscape(sale)+"/explain", nil))
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{Raw: a.body}
	if err := json.Unmarshal(a.body, &e); err != nil {
		return Explanation{}, fmt.Errorf("%w: the answer is not the JSON of this version: %w", ErrNoAnswer, err)
	}
	return e, nil
}
