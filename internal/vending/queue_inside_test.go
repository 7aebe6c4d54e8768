package vending

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
)

// plainDoor gives every closure the same transaction.
type plainDoor struct{ tx Tx }

func (d plainDoor) Do(_ context.Context, _ access.Tenant, fn func(Tx) (bool, error)) error {
	_, err := fn(d.tx)
	return err
}

func (d plainDoor) View(_ context.Context, _ access.Tenant, fn func(Tx) error) error { return fn(d.tx) }

var (
	errUnread   = errors.New("a row cannot be read")
	errUnlisted = errors.New("a list cannot be read")
)

// queue is a transaction in which one list has a full page and a short one. Reading any row of these pages fails.
type queue struct {
	Tx
	list  string   // name of that list
	after []id.ID  // the beginning of each page of that list
	fails int      // number of the page that fails, from 1; 0: no page fails
	read  func()   // called after each page
	found []id.ID  // identities on the page read last
	noted []string // calls on other lists
}

const shortPage = 3

func (q *queue) page(list string, after id.ID, most int) ([]id.ID, error) {
	if list != q.list {
		q.noted = append(q.noted, list)
		return nil, nil
	}
	q.after = append(q.after, after)
	if len(q.after) == q.fails {
		return nil, errUnlisted
	}
	if len(q.after) > 1 {
		most = shortPage
	}
	q.found = make([]id.ID, most)
	for i := range q.found {
		q.found[i] = id.ID{byte(len(q.after)), byte(i + 1)}
	}
	if q.read != nil {
		q.read()
	}
	return q.found, nil
}

func (q *queue) tokens(list string, after id.ID, most int) ([]sale.Token, error) {
	ids, err := q.page(list, after, most)
	out := make([]sale.Token, len(ids))
	for i, id := range ids {
		out[i] = sale.Token{ID: id, Sale: id}
	}
	return out, err
}

func (q *queue) VendClock() (sale.Times, error) { return sale.Times{}, nil }

func (q *queue) VendSale(i id.ID) (sale.Sale, bool, error) {
	return sale.Sale{ID: i, ClientRef: i.Text(id.Vend), State: sale.Held}, true, nil
}

func (q *queue) Sold() SoldTx           { return queueSold{q: q} }
func (q *queue) Jobs() JobTx            { return queueJobs{q: q} }
func (q *queue) Reversals() ReversalTx  { return queueReversals{q: q} }
func (q *queue) Cancelling() CancelTx   { return queueCancels{q: q} }
func (q *queue) Moment() (at time.Time) { return at }

type queueSold struct {
	SoldTx
	q *queue
}

func (s queueSold) VendOpen(_ time.Time, after id.ID, most int) ([]id.ID, error) {
	return s.q.page("sales", after, most)
}

func (s queueSold) VendKey(id.ID) (k registry.Key, found bool, err error) { return k, false, errUnread }

type queueJobs struct {
	JobTx
	q *queue
}

func (j queueJobs) JobsHeld(_ time.Time, after id.ID, most int) ([]id.ID, error) {
	return j.q.page("jobs", after, most)
}

func (j queueJobs) JobByID(id.ID) (job sale.Job, found bool, err error) { return job, false, errUnread }

type queueReversals struct {
	ReversalTx
	q *queue
}

func (r queueReversals) ReversalsWaiting(after id.ID, most int) ([]id.ID, error) {
	return r.q.page("reversals", after, most)
}

func (r queueReversals) ReversedUsed(most int) ([]sale.Token, error) {
	return r.q.tokens("used tokens", id.ID{}, most)
}

func (r queueReversals) VendMeter(id.ID) (meter id.ID, found bool, err error) {
	return meter, false, errUnread
}

type queueCancels struct {
	CancelTx
	q *queue
}

func (c queueCancels) CancelsLate(after id.ID, most int) ([]id.ID, error) {
	return c.q.page("late answers", after, most)
}

func (c queueCancels) CancelsOwed(after id.ID, most int) ([]sale.Token, error) {
	return c.q.tokens("owed units", after, most)
}

// dull is a random source that always returns the same byte.
type dull struct{}

func (dull) Read(b []byte) (int, error) { return len(b), nil }

func (q *queue) recover(ctx context.Context) (int, error) {
	v := New(Config{Door: plainDoor{q}, Now: time.Now, Rand: dull{}})
	return v.Recover(ctx, access.Actor{})
}

// TestTheRecoveryReadsOn: a sale that cannot be finished does not keep the recovery from the next sale or the next page. Each page begins
// where the previous page ended. The recovery stops when the context ends, and no failure is lost.
func TestTheRecoveryReadsOn(t *testing.T) {
	lists := map[string]int{"sales": 2, "reversals": 2, "late answers": 2, "owed units": 2, "jobs": 1, "used tokens": 1} // pages of one run
	for list, pages := range lists {
		q := &queue{list: list}
		n, err := q.recover(t.Context())
		rows := maxRecover
		if pages == 2 {
			rows += shortPage
		}
		if got := strings.Count(errorText(err), errUnread.Error()); n != 0 || len(q.after) != pages || got != rows || len(q.noted) != len(lists)-1 {
			t.Errorf("%s: finished %d, %d pages, %d failures, %d other lists; want 0, %d, %d and %d", list, n, len(q.after), got, len(q.noted), pages, rows, len(lists)-1)
			continue
		}
		if last := (id.ID{1, maxRecover}); pages == 2 && (!q.after[0].IsZero() || q.after[1] != last) {
			t.Errorf("%s: the pages began after %v, want the beginning and %v", list, q.after, last)
		}
		q = &queue{list: list, fails: 1}
		if _, err := q.recover(t.Context()); !errors.Is(err, errUnlisted) {
			t.Errorf("%s: a list that cannot be read gives %v", list, err)
		}
		if pages == 1 {
			continue
		}
		q = &queue{list: list, fails: 2}
		if _, err := q.recover(t.Context()); !errors.Is(err, errUnlisted) || strings.Count(errorText(err), errUnread.Error()) != maxRecover {
			t.Errorf("%s: of a list whose second page cannot be read the failures of the first are lost: %.100s", list, errorText(err))
		}
		ctx, stop := context.WithCancel(t.Context())
		q = &queue{list: list, read: stop}
		if _, err := q.recover(ctx); len(q.after) != 1 || err == nil {
			t.Errorf("%s: %d pages were read after the end of the context, %v", list, len(q.after), err)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestATokenNeedsItsRandomPart: without random bits no token is made, and the error is returned.
func TestATokenNeedsItsRandomPart(t *testing.T) {
	v := New(Config{Door: plainDoor{&queue{list: "owed units"}}, Now: time.Now, Rand: strings.NewReader("1234567")}) // a token uses one byte of eight
	by := access.Actor{Role: access.Owner}
	if _, err := v.nibbles(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("nibbles: %v", err)
	}
	if _, err := v.Sell(t.Context(), by, Purchase{Meter: MagicBlocked, ClientRef: "1", Tender: money.Amount{Minor: 100, Currency: "KES"}}); !errors.Is(err, io.EOF) {
		t.Errorf("a sale: %v", err)
	}
	if _, err := v.GiveTokens(t.Context(), by, wish(sale.ClearTamper, nil)); !errors.Is(err, io.EOF) {
		t.Errorf("a management token: %v", err)
	}
	if n, err := v.replaceOwed(t.Context(), by); n != 0 || strings.Count(errorText(err), "EOF") != maxRecover+shortPage {
		t.Errorf("replacements: %d, %.100s", n, errorText(err))
	}
}
