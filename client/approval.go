package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Approval is an act that waits for a second person, or how it was decided.
type Approval struct {
	ID        string          `json:"id"`
	Act       string          `json:"act"`
	Summary   string          `json:"summary"`
	Request   json.RawMessage `json:"request"` // what was asked for, whole, as it will be carried out
	State     string          `json:"state"`   // waiting, approved, rejected, done
	Maker     string          `json:"maker"`
	Checker   string          `json:"checker,omitempty"`
	Reason    string          `json:"reason,omitempty"`
	Result    string          `json:"result,omitempty"`
	Meter     *AddedMeter     `json:"meter,omitempty"` // that was registered, with its secrets; only in the answer to Decide
	CreatedAt time.Time       `json:"created_at"`
	ExpiresAt time.Time       `json:"expires_at"`
	DecidedAt *time.Time      `json:"decided_at,omitempty"`
}

// Approvals lists acts in a state (empty: all), newest first: those that the caller asked for or could allow. A page may
// hold less than was asked for and still have a NextCursor.
func (c *Client) Approvals(ctx context.Context, state string, p Page) (List[Approval], error) {
	q := p.query()
	if state != "" {
		q.Set("state", state)
	}
	return ask[List[Approval]](ctx, c, get("/v1/approvals", q))
}

// Decide allows or rejects an act. What is allowed is done at once.
func (c *Client) Decide(ctx context.Context, approval string, allow bool, reason string) (Approval, error) {
	verb := "/reject"
	if allow {
		verb = "/approve"
	}
	body := struct {
		Reason string `json:"reason,omitempty"`
	}{reason}
	return ask[Approval](ctx, c, post("/v1/approvals/"+url.PathEscape(approval)+verb, body))
}

// TrustClock says that the server's clock is right as it stands (right: settings.write), or returns *Waiting where four eyes
// bind: the clock is then still in doubt. Where it is not in doubt, the answer is the refusal clock-trusted.
func (c *Client) TrustClock(ctx context.Context, reason string) error {
	body := struct {
		Reason string `json:"reason"`
	}{reason}
	a, err := c.do(ctx, post("/v1/clock/trust", body))
	if err != nil {
		return err
	}
	return waits(a)
}

// Reprint returns the receipt of a sale once more, marked as a copy, in a format.
func (c *Client) Reprint(ctx context.Context, sale, format string) ([]byte, error) {
	q := post("/v1/vends/"+url.PathEscape(sale)+"/reprints", struct{}{})
	q.query = url.Values{"format": {format}}
	a, err := c.do(ctx, q)
	return a.body, err
}

// Act is a sensitive action that one person did alone.
type Act struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Action string    `json:"action"`
	Object string    `json:"object"`
	After  string    `json:"after"`
	Reason string    `json:"reason,omitempty"`
}

// UnconfirmedReversal is a sale whose money was given back while its meter had not confirmed that its token will never load.
type UnconfirmedReversal struct {
	At         time.Time `json:"at"`
	Vend       string    `json:"vend"`
	Meter      string    `json:"meter"`
	Vendor     string    `json:"vendor,omitempty"` // code; empty where the utility sold itself
	Amount     Amount    `json:"amount"`
	SoldBy     string    `json:"sold_by"`
	By         string    `json:"by"`
	ApprovedBy string    `json:"approved_by,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	Used       bool      `json:"used"` // the meter has a token of the sale all the same; its value became a debt
}

// Day is the report of one local day.
type Day struct {
	Date           string                `json:"date"`
	TZ             string                `json:"tz"`
	Currency       string                `json:"currency"`
	Sales          int64                 `json:"sales"`
	TenderedMinor  int64                 `json:"tendered_minor"`
	UnitsWh        int64                 `json:"units_wh"`
	Reversals      int64                 `json:"reversals"`
	GivenBackMinor int64                 `json:"given_back_minor"`
	UnitsBackWh    int64                 `json:"units_back_wh"`
	FreeTokens     int64                 `json:"free_tokens"`
	UnitsFreeWh    int64                 `json:"units_free_wh"`
	SinglePerson   []Act                 `json:"single_person"`
	Unconfirmed    []UnconfirmedReversal `json:"unconfirmed_reversals"`
	Head           string                `json:"head"`
}

// DailyReport reports a local day (right: ledger.read); an empty date is today.
func (c *Client) DailyReport(ctx context.Context, date string) (Day, error) {
	q := url.Values{}
	if date != "" {
		q.Set("date", date)
	}
	return ask[Day](ctx, c, get("/v1/reports/daily", q))
}

// Waiting is the answer to an act that a second person has to allow first: it was taken down and nothing was done.
type Waiting struct {
	Approval Approval
}

// Error says that nothing was done yet.
func (w *Waiting) Error() string {
	return fmt.Sprintf("%s waits for a second person as %s", w.Approval.Act, w.Approval.ID)
}

// waits returns the *Waiting that an answer says, or nil. A command to a meter and a reversal on its way are accepted
// with 202 too, so the identity tells.
func waits(a answer) error {
	var w Waiting
	if a.status != http.StatusAccepted || json.Unmarshal(a.body, &w.Approval) != nil || !strings.HasPrefix(w.Approval.ID, "apr_") {
		return nil
	}
	return &w
}
