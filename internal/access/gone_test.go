package access_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
)

// TestAClientThatIsGoneIsNoFault: only an error of a request whose connection has ended may come from its client.
func TestAClientThatIsGoneIsNoFault(t *testing.T) {
	gone, end := context.WithCancel(t.Context())
	end()
	late, stop := context.WithTimeout(t.Context(), -time.Second)
	defer stop()
	broke := errors.New("broken pipe")
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error
		want bool
	}{
		"the client waits":          {t.Context(), broke, false},
		"the client is gone":        {gone, broke, true},
		"the client got its answer": {gone, nil, false},
		"the server took too long":  {late, broke, false},
	} {
		if got := access.ClientGone(c.ctx, c.err); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}
