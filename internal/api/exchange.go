package api

import (
	"context"
	"net/netip"
	"time"

	"github.com/paywatt/paywatt/internal/access"
)

// exchange is the state of one request and its answer. The context of the request holds it.
type exchange struct {
	requestID string
	remote    netip.Addr
	route     string // the mux's pattern, "" if none matched
	target    string // path and query, as requested
	started   time.Time
	sale      bool   // the request may move money: problems carry money_moved
	refuse    Refuse // answers what the chain does not pass on; nil for a problem

	actor access.Actor
	body  []byte      // the whole body, at most MaxBody bytes
	once  access.Once // set on routes that take an Idempotency-Key
	again any         // what a repetition of the request gets instead of the answer; nil for the answer itself
}

type exchangeKey struct{}

func withExchange(ctx context.Context, x *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

// exchangeOf returns the request's exchange. Outside a request, such as in a test, it returns an empty exchange.
func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{}
}
