package shoptest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/vending"
)

// soonest is how long a sale may still be refused after everything was set right. If the clock was ahead by less than a day, tokens may
// have dates in the future. The server may refuse sales until these dates have passed.
const soonest = 25 * time.Hour

// end sets everything right, then checks everything that must hold.
func (h *history) end() {
	h.t.Helper()
	r := rand.New(rand.NewPCG(1, 1))
	h.diskFree(r)
	h.keysOpen(r)
	if h.off != 0 {
		h.again(time.Minute, func() { h.off, h.synced = 0, true })
	}
	if h.clockWrong() {
		h.trusts(r)
	}
	h.changesAgain()
	for _, m := range h.homes {
		h.unlock(m)
		h.online.Store(m.number, true)
		m.booted = false
		h.tries(func(tx *storeTx) error { return wakes(tx, m.number) })
	}
	for range 3 { // messages under way when the disk filled are held for a while
		h.tick(vending.CancelLife)
		h.recovers()
		h.deliver()
		h.recovers()
	}
	for _, m := range h.homes {
		h.sellsAgain(m)
		h.enter(m, len(m.papers))
		h.cancelsAgain(m)
	}
	h.recovers()
	h.deliver()
	for _, b := range h.sales {
		h.stands(b)
	}
	h.deliver()
	h.booked()
	h.noteReversals()
	h.audit()
	if !onPostgres {
		if rep, err := sqlite.Verify(context.Background(), h.dir); err != nil || !rep.Sound() {
			h.t.Errorf("paywatt verify: %v %+v", err, rep)
		}
	}
}

// sellsAgain checks that once all is set right the server sells within a bounded time, and that the customer's token loads.
func (h *history) sellsAgain(m *home) {
	h.t.Helper()
	until := h.truth.Add(soonest)
	for {
		sold, err := h.Sell(context.Background(), h.someone(), h.newOrder(m, 5000).Purchase)
		b := h.sales[len(h.sales)-1]
		if err != nil {
			h.t.Fatal(err)
		}
		if !sold.Refused() {
			h.step++
			b.sold, b.answer = h.step, string(sold.Reply.Body)
			h.given(b, sold)
			return
		}
		h.sales = h.sales[:len(h.sales)-1]
		if h.tick(time.Hour); h.truth.After(until) {
			h.t.Fatalf("everything was set right %s ago, and the server sells nothing to meter %s: %s: %s", soonest, m.number, sold.Code, sold.Detail())
		}
		h.recovers()
	}
}

// cancelsAgain checks that commands still reach a meter. It reverses a sale and expects that the sale's token never loads.
func (h *history) cancelsAgain(m *home) {
	h.t.Helper()
	if h.truth.Before(h.dated) { // until that time a sale with a date from a wrong clock counts as the newest
		h.tick(h.dated.Sub(h.truth) + time.Second)
	}
	if !h.ask(h.newOrder(m, 4000)) {
		h.t.Fatalf("no sale to meter %s", m.number)
	}
	b, got := h.undoes(m, fmt.Sprintf("last-undo-%s", m.number))
	if got.Refused() {
		h.t.Fatalf("the newest sale to meter %s is not taken back: %s", m.number, got.Detail())
	}
	h.deliver()
	h.recovers()
	if state, token := h.state(b.sale); state != sale.Reversed || token != sale.TokenReversed {
		h.t.Fatalf("meter %s is connected and was told to forget a token: the sale is %s, the token %s", m.number, state, token)
	}
	h.sometimes.Reached("reversal confirmed by the meter")
	h.enter(m, len(m.papers))
	for _, p := range b.papers {
		if p.loads > 0 {
			h.t.Fatalf("a token of a sale that was taken back loads at meter %s", m.number)
		}
	}
}

// stands checks that an answered sale is in the books with its token, and that the token is in the meter or was cancelled.
func (h *history) stands(b *bought) {
	h.t.Helper()
	if b.sold == 0 && !h.ask(b) {
		h.t.Fatalf("request %s has no answer", b.Once.Key)
	}
	h.enter(b.home, len(b.home.papers))
	shown, err := h.SaleByRef(context.Background(), h.someone(), b.Once.Key)
	if err != nil || shown.Refused() {
		h.t.Fatalf("%s was sold and is not in the books: %v %s", b.Once.Key, err, shown.Detail())
	}
	for i, p := range b.papers {
		t := shown.Sale.Tokens[i]
		if shown.Issued.Reveal(i) != p.digits {
			h.t.Fatalf("%s has other digits now", b.Once.Key)
		}
		switch {
		case shown.Sale.State == sale.Reversed && t.State == sale.TokenReversed && p.loads > 0:
			h.t.Fatalf("the reversal of %s was confirmed, and its token is in meter %s", b.Once.Key, b.home.number)
		case shown.Sale.State == sale.Completed && p.loads == 0 && !p.cancelled:
			h.t.Fatalf("%s stands, and its token is not in meter %s", b.Once.Key, b.home.number)
		case t.State == sale.TokenRejected && p.loads > 0 && !h.doubtful(b.home):
			h.t.Fatalf("the token of %s is in meter %s, and the books call it rejected", b.Once.Key, b.home.number)
		case shown.Sale.State != sale.Completed && shown.Sale.State != sale.Reversed:
			h.t.Fatalf("%s is %s in the end", b.Once.Key, shown.Sale.State)
		}
		if shown.Sale.State == sale.Completed && p.loads == 0 {
			h.replaced(b, t)
		}
	}
}

// replaced checks a sale that remains although its meter has cancelled the token: another token must bring the units. If the replacement
// was pushed before the customer entered a key change, the meter rejected it, and an alarm asks for a person.
func (h *history) replaced(b *bought, t sale.Token) {
	h.t.Helper()
	n := h.number(`SELECT COUNT(*) FROM token t JOIN token_job j ON j.tenant_id = t.tenant_id AND j.id = t.job_id
		WHERE j.replaces = $1 AND (t.state = 'accepted' OR t.state = 'rejected' AND $2)`, t.ID, b.home.changed)
	if n != 1 && !h.doubtful(b.home) {
		h.t.Fatalf("meter %s was told to forget the token of %s, which stands, and %d others have replaced it", b.home.number, b.Once.Key, n)
	}
	h.sometimes.Reached("cancelled token replaced")
}

// noteReversals records how the reversals that waited for a meter ended.
func (h *history) noteReversals() {
	for state, sql := range map[string]string{
		"reversal ran out of time":           `SELECT COUNT(*) FROM reversal WHERE state = 'refused' AND failure = 'meter-offline'`,
		"reversal refused, token was loaded": `SELECT COUNT(*) FROM reversal WHERE state = 'refused' AND failure = 'not-reversible'`,
		"reversal answered late": `SELECT COUNT(*) FROM reversal_token rt JOIN reversal r ON r.tenant_id = rt.tenant_id AND r.id = rt.reversal_id JOIN command c ON
			c.tenant_id = rt.tenant_id AND c.id = rt.command_id WHERE r.state = 'refused' AND r.failure = 'meter-offline' AND c.state IN ('done', 'failed')`,
		"meter's word held for a person to decide": `SELECT COUNT(*) FROM quarantine`,
	} {
		h.sometimes.Add(state, int(h.number(sql)))
	}
}

// doubtful reports whether records of a meter are held for review because it sent them while the server's clock was wrong.
func (h *history) doubtful(m *home) bool {
	return h.number(`SELECT COUNT(*) FROM quarantine WHERE meter = $1 AND state = 'open'`, m.n) > 0
}

// booked checks that the books have every answered request and nothing else.
func (h *history) booked() {
	h.t.Helper()
	var want int64
	for _, b := range h.sales {
		want += int64(b.Tender.Minor)
	}
	if got := h.number(`SELECT COALESCE(SUM(tender), 0) FROM vend WHERE state IN ('completed', 'reversed')`); got != want {
		h.t.Errorf("the books have sales of %d, customers have paid %d", got, want)
	}
	if n := h.number(`SELECT COUNT(*) FROM vend WHERE state NOT IN ('completed', 'reversed', 'failed')`); n != 0 {
		h.t.Errorf("%d sales are still open", n)
	}
}
