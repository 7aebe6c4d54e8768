package access

import (
	"context"
	"errors"
)

// ClientGone reports whether an error may come from a client that did not wait for its answer, rather than from this server. The context is the
// request's: a server of net/http ends it when the connection is lost, or when it cannot write the answer.
func ClientGone(ctx context.Context, err error) bool {
	return err != nil && errors.Is(ctx.Err(), context.Canceled)
}
