package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/pagelink"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
)

// ErrRoute is wrapped by errors in the configuration of a message route.
var ErrRoute = errors.New("message route")

// messageRoute is a route as the server runs it.
type messageRoute struct {
	notify.Route
	run        func(context.Context) error // nil if nothing has to run
	in, report http.Handler                // for messages and reports over HTTP, at /hooks/sms/{route}/in and …/report; nil without them
}

// openMessages makes the routes and the dispatcher that uses them.
func (a *App) openMessages() error {
	late := &lateInbox{} // the routes need an inbox before the dispatcher exists
	var routes []notify.Configured
	for _, c := range a.c.Routes {
		r, err := a.openRoute(c, late)
		if err != nil {
			return fmt.Errorf("%w %s: %w", ErrRoute, c.Name, err)
		}
		a.routes = append(a.routes, r)
		routes = append(routes, notify.Configured{Route: r.Route, Kind: string(c.Kind), Cost: c.Cost, Prefixes: c.Prefixes, Meters: c.Meters})
	}
	a.links = pagelink.New(pagelink.Config{Maker: pagelink.Maker{Sealer: a.data, Rand: a.c.Rand, Now: a.c.Now}, PublicURL: a.c.PublicURL,
		Door: store.DoorTo(a.engine, store.Job, func(tx *store.Tx) pagelink.Tx { return tx })})
	a.messages = notify.New(notify.Config{Door: store.DoorTo(a.engine, store.Job, func(tx *store.Tx) notify.Tx { return tx }), Opener: a.data, Hasher: a.data,
		Routes: routes, Owner: a.holder, Server: a.name, Alone: a.engine.shared == nil, Answer: a.c.AnswerWait, Pages: a.links, Shop: shop{a},
		Now: a.c.Now, Log: a.log})
	late.Inbox = a.messages.Inbox(tenant)
	return nil
}

// openRoute makes one route.
func (a *App) openRoute(c config.Route, in notify.Inbox) (messageRoute, error) {
	switch c.Kind {
	case config.RouteModem:
		return a.openModem(c, in)
	case config.RouteLog:
		return messageRoute{Route: logRoute{name: c.Name, log: a.log}}, nil
	case config.RouteKannel:
		return a.openKannel(c, in)
	case config.RouteSMPP:
		return a.openSMPP(c, in)
	case config.RouteHTTP:
		return a.openGateway(c, in)
	}
	return messageRoute{}, fmt.Errorf("this version has no route of kind %s", c.Kind)
}

// noticeSender brings wallets' notices to customers: by the routes, or into the log if there are none.
func (a *App) noticeSender() job.Sender {
	if len(a.c.Routes) == 0 {
		return notify.NewLog(store.DoorTo(a.engine, store.Job, func(tx *store.Tx) notify.LogTx { return tx }))
	}
	return notify.NewNotices(store.DoorTo(a.engine, store.Job, func(tx *store.Tx) notify.NoticeTx { return tx }), a.c.Now, a.messages.Kick)
}

// serveMessages runs the dispatcher and its routes until ctx ends.
func (a *App) serveMessages(ctx context.Context) error {
	var parts sync.WaitGroup
	defer parts.Wait()
	for _, r := range a.routes {
		if r.run == nil {
			continue
		}
		parts.Go(func() {
			if err := r.run(ctx); err != nil && ctx.Err() == nil {
				a.log.Error("route ended", logkey.Route, r.Name(), logkey.Err, err)
			}
		})
	}
	parts.Go(func() {
		_ = every(ctx, notify.EarlyEvery, nil, func() { // it ends with ctx
			a.warn(ctx, "reports that waited in vain not shown", a.messages.EndEarly(ctx, tenant))
		})
	})
	return a.messages.Run(ctx)
}

// lateInbox is an inbox that is set after the routes were made and before any of them runs.
type lateInbox struct{ notify.Inbox }

// secretOf reads the secret from the first line of a file that a route names.
func secretOf(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxSecret {
		err = errors.New("it is too long for a secret")
	}
	if private := keystore.CheckPrivate(path); err == nil && errors.Is(private, keystore.ErrNotPrivate) {
		err = private
	}
	if err != nil {
		return "", fmt.Errorf("read the secret in %s: %w", path, err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the secret in %s: %w", path, err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line), nil
}

// maxSecret is the longest file of a secret in bytes.
const maxSecret = 4096

// firstReference is the first reference that joins the parts of a modem's messages: a different one at each start, so that
// references do not repeat soon.
func firstReference() byte {
	var b [1]byte
	_, _ = rand.Read(b[:]) // never fails, as its documentation says
	return b[0]
}

// sends reports whether a route exists for the deliveries that a sale requests.
func (a *App) sends(route string) bool {
	customers, meters := a.messages.Serves()
	return route == sale.RouteSMS && customers || route == sale.RouteMeterSMS && meters
}
