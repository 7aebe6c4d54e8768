package main

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/exit"
)

// TestNoAlarmEndedSaysWhy: the server is alive, or no alarm names it.
func TestNoAlarmEndedSaysWhy(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	alive := []app.AlarmedServer{{Name: "srv-a", SeenAt: at}, {Name: "srv-b", SeenAt: at}}
	for _, c := range []struct {
		servers []app.AlarmedServer
		server  string
		code    int
		says    string
	}{
		{alive, "srv-b", exit.Refused, "Server srv-b was alive at 2026-11-20T08:00:00Z."},
		{alive, "srv-c", exit.NotFound, "these servers: srv-a, srv-b."},
		{nil, "srv-c", exit.NotFound, "No alarm about a server srv-c is open."},
	} {
		if f := explainNoneEnded(c.server, c.servers); f.Code != c.code || !strings.Contains(f.Error(), c.says) {
			t.Errorf("%s: code %d, %q; want %d and %q", c.server, f.Code, f.Error(), c.code, c.says)
		}
	}
}
