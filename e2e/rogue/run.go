package rogue

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/meter"
)

// Step is one move of a history. Its seed decides everything that is random about it, so that a history can be shortened.
type Step struct {
	Move string
	Seed uint64
}

// sold is a sale that the game must remember: who bought from whom, and whether the buyer wanted it back.
type sold struct {
	id, hand, meter string
	minor           int64
	wanted          bool     // the buyer asked the seller to reverse it
	bought          bool     // a customer paid money for it, instead of P selling to a meter
	digits          []string // that the buyer got
}

// Run is one history on a server of its own.
type Run struct {
	t          *Utility
	role       string
	srv        Server
	c          *api
	places     []*place
	houses     map[string]*house // by number
	lines      map[string]*line
	ahead      time.Duration
	unheard    time.Time // when a request was done that no meter has had an order for
	sales      []*sold
	seen       map[string]bool            // digits that P saw
	shown      map[string]map[string]bool // digits that one of P's keys was shown, by hand
	held       map[string][]string        // digits that customers have bought and not entered, by meter
	waiting    []string                   // approvals that P asked for or saw
	accounts   map[string]string          // every account that a party had, by id
	cornerPaid int64
	deposits   int64           // of P's shop, booked with money that the others received
	alone      int64           // deposits that P booked without a second person
	paidOut    int64           // refunds that P had paid out to P
	asked      int             // P's requests
	move       string          // the move under way
	may        map[string]bool // by move: whether P's role was ever allowed to ask for it
	log        []string
	hands      []string            // further hands of P: keys that P made, and keys of people whom P invited or reset
	keys       map[string]string   // of those hands
	emails     []string            // e-mail addresses of people whom P invited or reset
	browsers   map[string]*browser // of those people
	phones     *phones
	texted     map[string]string // digits that a telephone of P's got too early, with its number
	paths      []string          // addresses of providers that P added
	pins       []string          // of vouchers
	sold       int64             // vouchers that were sold so far
	printed    bool              // P has asked for cards for doors
	gained     []string          // what P got on pages without the right to it
	dark       string            // the meter whose antenna P has off; its line is locked
	err        error
	trust
}

// begin starts a server and connects the meters.
func (t *Utility) begin(role string) (*Run, error) {
	phones, err := newPhones()
	if err != nil {
		return nil, err
	}
	srv, err := t.site.Start(phones.Gateway)
	if err != nil {
		phones.close()
		return nil, err
	}
	http, mqtt := srv.Addresses()
	r := &Run{t: t, role: role, srv: srv, c: newAPI(http, "rogue"), houses: map[string]*house{}, lines: map[string]*line{},
		seen: map[string]bool{}, shown: map[string]map[string]bool{}, held: map[string][]string{}, accounts: map[string]string{}, may: map[string]bool{}, keys: map[string]string{}, browsers: map[string]*browser{}, phones: phones, texted: map[string]string{},
		trust: trust{bank: map[string]bool{}, banked: map[string]int64{}, agreed: map[string]bool{}}}
	for _, p := range t.places {
		one := *p
		r.places = append(r.places, &one)
		h := p.h.clone()
		h.at = max(h.at, time.Now().Unix())
		r.houses[p.number], r.accounts[p.account] = h, p.owner
		if p.online {
			if r.lines[p.number], err = connect(mqtt, p.password, p.link, h); err != nil {
				r.end()
				return nil, err
			}
		}
	}
	return r, nil
}

func (r *Run) end() {
	for _, l := range r.lines {
		if l != nil {
			l.close()
		}
	}
	r.srv.Stop()
	r.phones.close()
	if r.owned.Listener != nil {
		_ = r.owned.Close()
	}
}

// fail ends a history for a reason that is not P's.
func (r *Run) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// ask sends a request of one hand. What P's hands are answered, P has seen.
func (r *Run) ask(hand, method, path string, body any) reply {
	if r.err != nil {
		return reply{}
	}
	key, extra := r.keys[hand]
	if !extra {
		key = r.t.keys[hand]
	}
	a, err := r.c.ask(key, method, path, body)
	if err != nil {
		r.fail(fmt.Errorf("%s %s %s: %w", hand, method, path, err))
		return a
	}
	if a.status >= 500 {
		r.fail(fmt.Errorf("%s %s %s: %d %s", hand, method, path, a.status, a.body))
	}
	if method != "GET" {
		if book, is := body.(workbook); is {
			body = fmt.Sprintf("a workbook of %d bytes", len(book))
		}
		line := fmt.Sprintf("%-14s %s %s %s → %d %s%s", hand, method, path, mustJSON(body), a.status, a.code, a.approval())
		r.log = append(r.log, line)
	}
	if isP(hand) {
		r.asked++
		if method != "GET" {
			r.may[r.move] = r.may[r.move] || a.status != 403
		}
		for _, digits := range tokensIn(a.body) {
			r.seen[digits] = true
			if r.shown[hand] == nil {
				r.shown[hand] = map[string]bool{}
			}
			r.shown[hand][digits] = true
		}
		if id := a.approval(); id != "" {
			r.waiting = append(r.waiting, id)
		}
	}
	return a
}

func isP(hand string) bool { return strings.HasPrefix(hand, P+"/") }

// p is P's hand of the role that this history is about.
func (r *Run) p() string {
	if r.role == "vendor_api" {
		return "P/shop"
	}
	return P + "/" + r.role
}

// order remembers a sale.
func (r *Run) order(hand, meter string, minor int64, a reply) *sold {
	var s apiv1.Sale
	a.into(&s)
	one := &sold{id: s.ID, hand: hand, meter: meter, minor: minor}
	r.sales = append(r.sales, one)
	return one
}

// touch works on a meter, connected or not, and waits until the server has its records.
func (r *Run) touch(number string, work func(*house)) {
	l := r.lines[number]
	if l == nil {
		work(r.houses[number])
		r.houses[number].reports = nil
		return
	}
	l.do(work)
	r.settle()
}

// settle waits until the server has every record of the meters that are connected.
func (r *Run) settle() {
	for number, l := range r.lines {
		if number == r.dark {
			continue
		}
		const once = 5 * time.Second
		for tries := 1; r.err == nil && !l.wait(once, l.settled); tries++ {
			if time.Duration(tries)*once >= hangs {
				r.fail(l.errSlow())
			}
			l.again()
		}
	}
}

// reach waits for the order or token that a request has just sent to a meter.
func (r *Run) reach(number string, before int, within time.Duration) {
	if l := r.lines[number]; l != nil && r.err == nil {
		l.wait(within, func() bool { return l.told() > before && l.settled() })
		r.settle()
	}
}

// patience is how long a history waits for an order. Some requests cause none, and a late one arrives during a later move. But no hour may
// pass, and no verdict may be given, while the server has something to send: see [Run.drain]. What it has sent reaches a meter within lastly.
// A text message gets the time enough.
const (
	patience = 15 * time.Millisecond
	enough   = 100 * time.Millisecond
	lastly   = 50 * time.Millisecond
	glance   = 2 * time.Millisecond // two looks at what the server has to send
)

// hangs ends a wait that hangs, and notInTime begins its message. They are those of package await: a stranger to the server imports none of
// its packages.
const (
	hangs     = 2 * time.Minute
	notInTime = "NOT IN TIME"
)

// awaitTrue waits until the server has done something, and yes reports it. The run fails if that never happens.
func (r *Run) awaitTrue(done string, yes func() bool) {
	for end := time.Now().Add(hangs); r.err == nil && !yes(); time.Sleep(glance) {
		if time.Now().After(end) {
			r.fail(fmt.Errorf("%s: after %v the server has not %s", notInTime, hangs, done))
		}
	}
}

// drain waits until the server has nothing more to send to the meters that are connected.
func (r *Run) drain() {
	var numbers []string
	for number := range r.lines {
		if number != r.dark {
			numbers = append(numbers, number)
		}
	}
	r.awaitTrue("sent its messages to meters", func() bool {
		n, err := r.srv.Waiting(numbers, r.now())
		if err != nil {
			r.fail(err)
		}
		if n > 0 {
			r.settle()
		}
		return n == 0
	})
}

// quiet waits until the server has nothing to send, and no meter has had a message of it for a while.
func (r *Run) quiet() {
	for before := -1; r.err == nil; {
		r.drain()
		r.settle()
		sum := 0
		for number := range r.lines {
			sum += r.told(number)
		}
		if sum == before {
			r.mail()
			return
		}
		before = sum
		time.Sleep(lastly)
	}
}

// told is how many messages the meter had from the server.
func (r *Run) told(number string) int {
	if l := r.lines[number]; l != nil {
		return l.told()
	}
	return 0
}

// send sends a request that may lead to a message to a meter, and waits for the message.
func (r *Run) send(hand, number, path string, body any) reply {
	before := r.told(number)
	a := r.ask(hand, "POST", path, body)
	if a.under() {
		r.reach(number, before, patience)
		if l := r.lines[number]; l != nil && l.told() == before {
			r.unheard = time.Now()
		}
	}
	return a
}

// pass lets hours pass for the server and all meters. Loads run. Whoever is at home presses the key of a meter that waits for it.
func (r *Run) pass(hours int64) {
	r.mail()
	if r.err != nil || !r.srv.Ahead(r.ahead+time.Duration(hours)*time.Hour) {
		return
	}
	if time.Since(r.unheard) < enough {
		r.drain()
		time.Sleep(patience) // what was sent arrives
	}
	r.ahead += time.Duration(hours) * time.Hour
	r.log = append(r.log, fmt.Sprintf("%-14s %d hours pass", "", hours))
	for _, p := range r.places {
		work := func(h *house) {
			h.give(meter.Event{Kind: meter.EventConfirm})
			h.run(hours * 3600)
			h.give(meter.Event{Kind: meter.EventRead})
		}
		if l := r.lines[p.number]; l != nil && p.number != r.dark {
			l.do(work)
		} else if l != nil {
			work(l.h)
		} else {
			work(r.houses[p.number])
			r.houses[p.number].reports = nil
		}
	}
	r.settle()
}

// now is the server's time.
func (r *Run) now() time.Time { return time.Now().Add(r.ahead) }

// of lists the meters of a party that satisfy a condition.
func (r *Run) of(owner string, which func(*place) bool) (out []*place) {
	for _, p := range r.places {
		if (owner == "" || p.owner == owner || owner == "others" && p.owner != P) && (which == nil || which(p)) {
			out = append(out, p)
		}
	}
	return out
}

// one draws an element; the zero value of an empty list.
func one[T any](d *rand.Rand, list []T) (v T) {
	if len(list) > 0 {
		v = list[d.IntN(len(list))]
	}
	return v
}

// place finds a meter by its number.
func (r *Run) place(number string) *place {
	i := slices.IndexFunc(r.places, func(p *place) bool { return p.number == number })
	if i < 0 {
		return nil
	}
	return r.places[i]
}

// latest draws an element, mostly one of the newest.
func latest[T any](d *rand.Rand, list []T) (v T) {
	for i := len(list) - 1; i > 0; i-- {
		if d.IntN(2) == 0 {
			return list[i]
		}
	}
	if len(list) > 0 {
		v = list[0]
	}
	return v
}

// play runs the steps in order.
func (r *Run) play(steps []Step) {
	all := table()
	for _, s := range steps {
		if m, ok := all[s.Move]; ok && r.err == nil && r.down == "" {
			r.move = s.Move
			m.do(r, newDice(s.Seed))
		}
	}
	r.move = ""
}
