package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Version returns the version of the server; no key is needed.
func (c *Client) Version(ctx context.Context) (apiv1.Version, error) {
	return ask[apiv1.Version](ctx, c, get("/v1/version", nil))
}

// Ready asks whether the server is ready; no key is needed. If the server is not ready, Ready returns the codes of the reasons and
// no error.
func (c *Client) Ready(ctx context.Context) (ready apiv1.Ready, failing []string, err error) {
	ready, err = ask[apiv1.Ready](ctx, c, get("/readyz", nil))
	var p *Problem
	if !errors.As(err, &p) || p.Status != http.StatusServiceUnavailable || p.Code == "" {
		return ready, nil, err
	}
	failing = []string{p.Code}
	for _, e := range p.Errors {
		if e.Location != p.Code {
			failing = append(failing, e.Location)
		}
	}
	return ready, failing, nil
}

// Head returns a signed head of the log (right: vend.read). The parameter size selects the head by its number of leaves; 0 selects the
// newest head. The parameter since is the number of leaves of an older head, or 0. If it is not 0, the answer includes the proof that the
// log has only grown after the older head.
func (c *Client) Head(ctx context.Context, size, since int64) (apiv1.Head, error) {
	name, q := "newest", url.Values{}
	if size != 0 {
		name = strconv.FormatInt(size, 10)
	}
	if since != 0 {
		q.Set("since", strconv.FormatInt(since, 10))
	}
	return ask[apiv1.Head](ctx, c, get("/v1/heads/"+name, q))
}

// Settings shows the utility's settings (right: settings.read).
func (c *Client) Settings(ctx context.Context) (apiv1.Settings, error) {
	return ask[apiv1.Settings](ctx, c, get("/v1/settings", nil))
}

// ChangeSettings changes the named settings (right: settings.write). It returns *Waiting if a second person must approve the change.
func (c *Client) ChangeSettings(ctx context.Context, s apiv1.SettingsChange) (apiv1.Settings, error) {
	return ask[apiv1.Settings](ctx, c, post("/v1/settings", s))
}

// DailyReport reports a local day (right: ledger.read); an empty date is today.
func (c *Client) DailyReport(ctx context.Context, date string) (apiv1.DailyReport, error) {
	q := url.Values{}
	if date != "" {
		q.Set("date", date)
	}
	return ask[apiv1.DailyReport](ctx, c, get("/v1/reports/daily", q))
}
