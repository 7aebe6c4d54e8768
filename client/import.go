package client

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// ImportFile is a file with meters, customers, debts or opening balances.
type ImportFile struct {
	Kind     string // meters, customers, debts or balances
	Content  []byte // CSV or XLSX
	Sheet    string // of a workbook; empty if only one visible sheet has rows
	Hidden   bool   // also import hidden rows and columns of the sheet
	DryRun   bool   // only say what would happen
	Map      map[string]string
	Defaults map[string]string
}

// Import imports a file (right: meter.write, customer.write, debt.write or ledger.adjust, as its kind needs). If no answer comes, it sends the file again with the same key: rows that were
// imported are not imported twice. An empty key means a random one.
func (c *Client) Import(ctx context.Context, f ImportFile, key string) (out apiv1.Import, err error) {
	q := call{method: http.MethodPost, path: "/v1/imports", query: url.Values{"kind": {f.Kind}}, file: f.Content}
	if f.DryRun {
		q.query.Set("mode", "dry_run")
	}
	if f.Sheet != "" {
		q.query.Set("sheet", f.Sheet)
	}
	if f.Hidden {
		q.query.Set("hidden", "true")
	}
	for name, pairs := range map[string]map[string]string{"map": f.Map, "default": f.Defaults} {
		for column, value := range pairs {
			q.query.Add(name, column+"="+value)
		}
	}
	q.header = http.Header{"Idempotency-Key": {cmp.Or(key, rand.Text())}}
	for attempt := 1; ; attempt++ {
		a, err := c.do(ctx, q)
		if err == nil {
			if err = json.Unmarshal(a.body, &out); err != nil {
				return out, fmt.Errorf("POST /v1/imports: answer is not the JSON of this version: %w", err)
			}
			return out, nil
		}
		if p := (*Problem)(nil); errors.As(err, &p) || attempt >= c.cfg.Attempts || ctx.Err() != nil {
			return out, err
		}
	}
}

// Imports lists imports, newest first (right: meter.read).
func (c *Client) Imports(ctx context.Context, p apiv1.Page) (apiv1.List[apiv1.ImportSummary], error) {
	return list(ctx, c, apiv1.Imports, p)
}

// ImportResult shows an import with its rows (right: meter.read).
func (c *Client) ImportResult(ctx context.Context, name string) (apiv1.Import, error) {
	return ask[apiv1.Import](ctx, c, get("/v1/imports/"+url.PathEscape(name), nil))
}

// UndoImport takes back what an import made (right: that of the import; ledger.adjust for debts and balances). Rows that were used since stay.
func (c *Client) UndoImport(ctx context.Context, name string) (apiv1.Import, error) {
	return ask[apiv1.Import](ctx, c, post("/v1/imports/"+url.PathEscape(name)+"/undo", apiv1.ImportNothing{}))
}
