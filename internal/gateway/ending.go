package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/gateway/packet"
	"github.com/paywatt/paywatt/internal/listen"
	"github.com/paywatt/paywatt/internal/logkey"
)

// ending is why a connection to a listener for meters or devices ended.
type ending uint32

// The endings. The first cause of a connection counts.
const (
	noEnding ending = iota
	byLimit
	byTLS
	byCertificate
	byConnectTime
	byConnectSize
	byConnect
	byDenial
	byStranger
	byDisconnect
	bySocket
	bySilence
	byNotReading
	bySize
	byForm
	byRule
	byTakeover
	byStore
	byElsewhere
	byRevocation
	byShutdown
	endings
)

// endingFact is what is said about an ending: its name in the metrics (docs/reference/mqtt.md#the-end-of-a-connection), its log line, and
// what a client of MQTT 5 is told. It has no reason if the client is gone, or if the error that ended the connection says it.
type endingFact struct {
	name  string
	level slog.Level
	line  string
	tells packet.Reason
}

func (e ending) fact() endingFact {
	return [endings]endingFact{
		byLimit:       {"limit", slog.LevelDebug, "connection ended: too many are open", 0},
		byTLS:         {"tls", slog.LevelDebug, "connection ended: no TLS session was agreed on", 0},
		byCertificate: {"certificate", slog.LevelWarn, "connection refused: its certificate does not count", 0},
		byConnectTime: {"connect-time", slog.LevelDebug, "connection ended: no CONNECT came in time", 0},
		byConnectSize: {"connect-size", slog.LevelWarn, "connection closed: its CONNECT is too large", 0},
		byConnect:     {"connect", slog.LevelDebug, "connection ended: it did not begin with a CONNECT that is right", 0},
		byDenial:      {"denied", slog.LevelInfo, "connection denied", 0},
		byStranger:    {"stranger", slog.LevelDebug, "connection without a login ended", 0},
		byDisconnect:  {"disconnect", slog.LevelDebug, "meter disconnected", 0},
		bySocket:      {"socket", slog.LevelDebug, "meter disconnected: its socket ended without a DISCONNECT", 0},
		bySilence:     {"silence", slog.LevelInfo, "meter disconnected: it was silent for longer than its keep-alive allows", 0},
		byNotReading:  {"not-reading", slog.LevelWarn, "meter disconnected: it does not read what is sent to it", 0},
		bySize:        {"size", slog.LevelWarn, "connection closed after invalid data", 0},
		byForm:        {"form", slog.LevelWarn, "connection closed after invalid data", 0},
		byRule:        {"rule", slog.LevelWarn, "connection closed after invalid data", 0},
		byTakeover:    {"takeover", slog.LevelInfo, "meter disconnected: another connection took its place", packet.SessionTakenOver},
		byStore:       {"store", slog.LevelWarn, "meter disconnected: its message was not stored", packet.Implementation},
		byElsewhere:   {"elsewhere", slog.LevelInfo, "meter disconnected: it has connected to another server", packet.Administrative},
		byRevocation:  {"revoked", slog.LevelInfo, "meter disconnected: its login no longer counts", packet.NotAuthorized},
		byShutdown:    {"shutdown", slog.LevelDebug, "meter disconnected: the server stops", packet.ShuttingDown},
	}[e]
}

// Ends counts connections by their end, in the order of Endings.
type Ends [endings - 1]int64

// Endings returns the names of all reasons for the end of a connection.
func Endings() []string {
	var all []string
	for e := noEnding + 1; e < endings; e++ {
		all = append(all, e.fact().name)
	}
	return all
}

// because records why a connection ends, unless a cause is known already.
func (c *conn) because(e ending) { c.cause.CompareAndSwap(uint32(noEnding), uint32(e)) }

// quit closes a connection and records why, unless a cause is known already.
func (c *conn) quit(e ending) {
	c.because(e)
	_ = c.Close()
}

// strangerEnding is why a connection ended before its login.
func strangerEnding(c *conn, err error) ending {
	var large *tooLarge
	var refused refusal
	var fault packet.Fault
	switch encrypted, is := c.Conn.(*tls.Conn); {
	case errors.As(err, &refused):
		return byDenial
	case c.accepted().Crowded():
		return byLimit
	case errors.Is(err, listen.ErrFirst):
		return byConnectSize
	case errors.Is(err, errCertificate):
		return byCertificate
	case errors.As(err, &large):
		return byConnectSize
	case errors.As(err, &fault), errors.Is(err, errNoConnect):
		return byConnect
	case errors.Is(err, os.ErrDeadlineExceeded):
		return byConnectTime
	case is && !encrypted.ConnectionState().HandshakeComplete:
		return byTLS
	}
	return byStranger
}

// meterEnding is why a meter's connection ended, if nothing else had ended it before.
func meterEnding(err error) ending {
	var large *tooLarge
	var refused refusal
	var fault packet.Fault
	switch {
	case errors.Is(err, errDisconnect):
		return byDisconnect
	case errors.As(err, &large):
		return bySize
	case errors.As(err, &fault):
		return byForm
	case errors.As(err, &refused):
		return byRule
	case errors.Is(err, os.ErrDeadlineExceeded):
		return bySilence
	case errors.Is(err, errSlow):
		return byNotReading
	}
	return bySocket
}

// deviceEnding is why a connection of an unmodified device ended: after its login, or before.
func deviceEnding(ctx context.Context, c *conn, err error, login bool) ending {
	is := func(any ...error) bool {
		return slices.ContainsFunc(any, func(target error) bool { return errors.Is(err, target) })
	}
	known := ending(c.cause.Load())
	switch {
	case known != noEnding:
		return known
	case ctx.Err() != nil:
		return byShutdown
	case c.accepted().Crowded():
		return byLimit
	case !login && is(errStranger, errNoMeter, errBadName, errPassword):
		return byDenial
	case !login && is(errLevel):
		return byConnect
	case !login:
		return strangerEnding(c, err)
	case is(errLeft):
		return byDisconnect
	case is(errNotStored):
		return byStore
	case is(errForbidden, errTwoNames, errRival, errBadName):
		return byRule
	}
	return meterEnding(err)
}

// programEnding is why the connection of a program ended. The parameter err is mochi's.
func programEnding(c *screened, err error) ending {
	known := ending(c.cause.Load())
	var code packets.Code
	coded := errors.As(err, &code)
	switch {
	case known != noEnding:
		return known
	case c.denied:
		return byDenial
	case !c.signed && code == packets.ErrServerBusy:
		return byLimit
	case !c.signed && coded:
		return byConnect
	case !c.signed:
		return strangerEnding(c.conn, err)
	case err == nil, coded && code.Code < 0x80:
		return byDisconnect
	case coded:
		return byRule
	}
	return meterEnding(err)
}

// ends returns how many connections have ended, by their end.
func (c *counters) ends() (out Ends) {
	for i := range out {
		out[i] = c.ended[i+1].Load()
	}
	return out
}

// end counts the end of a connection and returns the name of its reason.
func (c *counters) end(e ending) string {
	c.ended[e].Add(1)
	return e.fact().name
}

// ended counts and logs the end of a connection.
func (g *Gateway) ended(c net.Conn, e ending, err error, more ...any) {
	f := e.fact()
	g.log.Log(context.Background(), f.level, f.line, append(more, logkey.Reason, g.counts.end(e), logkey.Remote, c.RemoteAddr().String(), logkey.Err, err)...)
}
