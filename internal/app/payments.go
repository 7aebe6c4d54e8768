package app

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/listen"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider"
	"github.com/paywatt/paywatt/internal/provider/outbound"
	"github.com/paywatt/paywatt/internal/reach"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/upload"
	"github.com/paywatt/paywatt/internal/voucher"
)

// payWorkers is how many payments the server handles at the same time.
const payWorkers = 32

// maxCall is the longest word, in characters, that may follow a provider's address.
const maxCall = 200

// openPayments makes the use cases of payments, and the worker that carries out their steps.
func (a *App) openPayments() {
	clients := a.openOutbound()
	a.payments = payment.New(payment.Config{Seller: a.vending, Sealer: a.data, Rand: a.c.Rand, Now: a.c.Now, MayDate: a.vending.MayDate, Log: a.log,
		Door: store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) payment.Tx { return tx }),
		Adapter: func(kind string, s payment.Setup) (payment.Adapter, error) {
			return provider.Open(kind, s, clients[s.Reach])
		},
		CheckTyped: provider.CheckTyped,
		Draw:       func(kind string, given []byte) ([]byte, string, error) { return provider.Draw(kind, given, a.c.Rand) },
		SameProof:  provider.SameProof,
		Hooks:      hooksAt(a.c.PublicURL), PayerPhone: a.c.PayByPhone, Server: a.name,
		Deliver: func(tx payment.Tx, meter string) ([]string, error) { return a.deliverPaid(tx, meter) }})
	a.vouchers = voucher.New(voucher.Config{Seller: a.vending, Sealer: a.data, Rand: a.c.Rand, MayDate: a.vending.MayDate, Sound: a.soundness,
		Door:    store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) voucher.Tx { return tx }),
		Deliver: func(tx voucher.Tx, meter string) ([]string, error) { return a.deliverPaid(tx, meter) }})
	a.uploads = upload.NewGate()
	a.statements = reconcile.New(reconcile.Config{Payments: a.payments, Sealer: a.data, Uploads: a.uploads, Now: a.c.Now, Log: a.log,
		Door: store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) reconcile.Tx { return tx })})
	a.paying = job.NewOutbox(job.OutboxConfig{Lane: job.LanePayment, Owner: a.holder, Sender: payment.NewWorker(a.payments), Workers: payWorkers, Now: a.c.Now, Log: a.log,
		Door: store.DoorTo(a.engine, store.Job, func(tx *store.Tx) job.OutboxTx { return tx })})
}

// openOutbound makes the clients that ask payment providers, one for each reach.
func (a *App) openOutbound() map[reach.Reach]*outbound.Client {
	out := map[reach.Reach]*outbound.Client{}
	for _, r := range []reach.Reach{reach.Nowhere, reach.Internet, reach.Anywhere} {
		out[r] = outbound.New(outbound.HTTP(r), a.c.Now)
	}
	return out
}

// hooksAt returns the beginning of the addresses that providers call; empty for a server without a public address.
func hooksAt(public string) string {
	if public == "" {
		return ""
	}
	return strings.TrimRight(public, "/") + payment.HookPath
}

// deliverPaid returns how the tokens of a payment reach their meter: by the meter's connection, and by SMS if the customer can get one.
func (a *App) deliverPaid(tx interface{ Payments() payment.PaymentTx }, meter string) ([]string, error) {
	routes := []string{sale.RouteMQTT}
	if !a.sends(sale.RouteSMS) {
		return routes, nil
	}
	can, err := tx.Payments().CanText(meter)
	if can {
		routes = append(routes, sale.RouteSMS)
	}
	return routes, err
}

// hearProvider answers a payment provider's call. It answers with success only after the call is durable.
func (a *App) hearProvider(w http.ResponseWriter, r *http.Request) {
	path, what, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, payment.HookPath), "/")
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if !access.OneLine(what, maxCall) { // it is stored with the call, and no provider is given such an address
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, payment.MaxBody))
	if err != nil {
		status := http.StatusBadRequest
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, "the body cannot be read", status)
		return
	}
	from, _, _ := net.SplitHostPort(r.RemoteAddr)
	heard, err := a.payments.Receive(r.Context(), tenant, path, payment.Incoming{What: what, Header: r.Header, Body: body, From: from})
	switch {
	case err != nil:
		if !access.ClientGone(r.Context(), err) { // the provider calls again
			a.log.Error("call of a payment provider not stored", logkey.Err, err)
		}
		http.Error(w, "not stored; send it again", http.StatusServiceUnavailable)
	case !heard.Found:
		http.NotFound(w, r)
	case heard.Refuse != nil:
		http.Error(w, "not proved to come from the provider", http.StatusUnauthorized)
	default:
		listen.SignedIn(r.Context()) // it knows the secret address and, where the provider signs, has its signature
		if heard.Reply.ContentType != "" {
			w.Header().Set("Content-Type", heard.Reply.ContentType)
		}
		w.WriteHeader(heard.Reply.Status)
		_, _ = w.Write(heard.Reply.Body)
	}
}

// sweepPayments finds payments that no call told of, and meters that have appeared for parked payments, until ctx ends.
func (a *App) sweepPayments(ctx context.Context) error {
	worker := payment.NewWorker(a.payments)
	return every(ctx, payment.SweepEvery, nil, func() {
		a.warn(ctx, "payments not looked for", worker.Sweep(ctx, tenant))
		a.paying.Kick()
	})
}
