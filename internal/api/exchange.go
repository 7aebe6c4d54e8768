package api

import (
	"context"
	"net/netip"
	"time"

	"github.com/paywatt/paywatt/internal/access"
)

// exchange is what is known of one request and its answer; it travels in the request's context.
type exchange struct {
	requestID string
	remote    netip.Addr
	route     string // the mux's pattern, "" where none matched
	target    string // path and query, as asked
	started   time.Time
	sale      bool // the request may move money: problems carry money_moved

	actor access.Actor
	body  []byte      // whole, within MaxBody
	once  access.Once // set on routes that need an Idempotency-Key
}

type exchangeKey struct{}

func withExchange(ctx context.Context, x *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

// exchangeOf returns the request's exchange. Outside of a request (a context of a test) it is an empty one.
func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{}
}
