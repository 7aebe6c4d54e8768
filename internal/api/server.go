package api

import (
	"log/slog"
	"net/http"
	"time"
)

// Limits of every HTTP connection (docs/reference/http.md#limits).
const (
	MaxBody           = 1 << 20 // bytes of a request body
	MaxHeader         = 32 << 10
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	idleTimeout       = 2 * time.Minute
	writeTimeout      = 30 * time.Second // per answer; streams extend it themselves
)

// NewServer wraps a handler in a server with the limits of this package. There is no server-wide write timeout, because it
// would cut event streams; every answer sets its own deadline.
func NewServer(h http.Handler, n Network, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    MaxHeader,
		ConnState:         newConnections(maxConnections, maxPerAddress, n.trusts).state,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
