package app

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/store/headlog"
)

// copyEvery is the time between two copies of the signed heads.
const copyEvery = 15 * time.Minute

// copyHeads copies the signed heads to a folder elsewhere until ctx ends. A copy that fails stops nothing: the next one brings the same heads
// and more. Each new cause is logged once.
func (a *App) copyHeads(ctx context.Context) error {
	if a.c.HeadsTo == "" {
		return nil
	}
	said := ""
	return every(ctx, a.c.HeadsEvery, nil, func() {
		_, err := headlog.Copy(a.c.Data, a.c.HeadsTo, a.c.Now())
		switch {
		case err == nil:
			said = ""
		case err.Error() != said:
			said = err.Error()
			a.log.Error("signed heads not copied to the folder elsewhere; paywatt goes on and tries again", logkey.Err, err)
		}
	})
}
