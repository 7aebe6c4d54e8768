package api

import (
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/paywatt/paywatt/internal/listen"
)

// Limits of every HTTP connection (docs/reference/http.md#limits).
const (
	MaxBody           = 1 << 20 // bytes of a request body
	MaxHeader         = 32 << 10
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	idleTimeout       = 2 * time.Minute
	writeTimeout      = 30 * time.Second // from the beginning of an answer to its end; streams extend it themselves
	answerTimeout     = 2 * time.Minute  // from a request to the beginning of its answer; longer than a sale waits for its database
	maxGzip           = 64               // answers that are compressed at a time
)

// NewServer wraps a handler in a server with the limits of this package. There is no server-wide write timeout, because it
// would cut event streams; every answer sets its own deadline.
//
// It speaks HTTP/1.1 only, because one connection of HTTP/2 can make the server do the work of many (docs/decisions/0011-http1.md).
func NewServer(h http.Handler, n Network, log *slog.Logger) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	open := newConnections(maxConnections, maxPerAddress, n.Trusts)
	return &http.Server{
		Handler:           listen.Limited(h),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    MaxHeader,
		ConnContext:       listen.Context,
		ConnState: func(c net.Conn, s http.ConnState) {
			open.state(c, s)
			listen.State(c, s)
		},
		Protocols: &protocols,
		ErrorLog:  slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
