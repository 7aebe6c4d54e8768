package app

import (
	"context"
	"io"
	"net/url"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
)

// exporting lets the console write the lists of the API as CSV.
func exporting(v1 *api.API) func(ctx context.Context, w io.Writer, by access.Actor, path string, q url.Values) (int, string, error) {
	return func(ctx context.Context, w io.Writer, by access.Actor, path string, q url.Values) (int, string, error) {
		no, err := v1.Export(ctx, w, by, path, q)
		return no.Status, no.Detail, err
	}
}
