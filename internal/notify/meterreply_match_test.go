package notify_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/unit"
)

func ok(units, balance unit.Energy) notify.MeterReply {
	return notify.MeterReply{Kind: notify.ReplyAccepted, Units: units, Balance: balance, HasBalance: true}
}

func used(balance unit.Energy) notify.MeterReply {
	return notify.MeterReply{Kind: notify.ReplyUsed, Balance: balance, HasBalance: true}
}

func rows(r ...notify.ReplyRow) notify.MeterReply {
	return notify.MeterReply{Kind: notify.ReplyTokens, Rows: r}
}

func added(first, last string, units unit.Energy) notify.ReplyRow {
	return notify.ReplyRow{First: first, Last: last, Result: notify.RowAdded, Units: units}
}

// TestWhatAReportProves checks that a keypad report counts only for the token that it names, whether a message brought that token or not.
func TestWhatAReportProves(t *testing.T) {
	first := notify.Pushed{Message: "1", First: "1111", Last: "0001", Units: 34_700, BySMS: true}
	next := notify.Pushed{Message: "2", First: "2222", Last: "0002", Units: 34_700, BySMS: true}
	typed := notify.Pushed{Message: "4", First: "4444", Last: "0004", Units: 34_700}
	for name, c := range map[string]struct {
		row  notify.ReplyRow
		want notify.Finding
	}{
		"of the one that waits":           {added("2222", "0002", 34_700), notify.Finding{About: "2", InMeter: []string{"2"}}},
		"of one before it":                {added("1111", "0001", 34_700), notify.Finding{InMeter: []string{"1"}}},
		"of one that no message brought":  {added("4444", "0004", 34_700), notify.Finding{InMeter: []string{"4"}}},
		"of one that was made elsewhere":  {added("9999", "0009", 34_700), notify.Finding{}},
		"with other units than the token": {added("2222", "0002", 50_000), notify.Finding{}},
	} {
		r := notify.MeterReply{Kind: notify.ReplyTyped, Rows: []notify.ReplyRow{c.row}, HasBalance: true}
		if got := notify.Match(&next, []notify.Pushed{first, typed}, r); got.About != c.want.About || !slices.Equal(got.InMeter, c.want.InMeter) || got.Ask || got.Stray || got.Rejected {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestWhatAnAnswerProves(t *testing.T) {
	first := notify.Pushed{Message: "1", First: "1111", Last: "0001", Units: 34_700, BySMS: true}
	loaded, okFirst := first, ok(34_700, 42_800)
	loaded.InMeter, loaded.Loaded = true, &okFirst
	known := first
	known.InMeter = true
	next := notify.Pushed{Message: "2", First: "2222", Last: "0002", Units: 34_700, BySMS: true}
	more := notify.Pushed{Message: "3", First: "3333", Last: "0003", Units: 50_000, BySMS: true}
	typed := notify.Pushed{Message: "4", First: "4444", Last: "0004", Units: 34_700}
	key := notify.Pushed{Message: "5", First: "5555", Last: "0005", Class: 2, KeyChange: true, BySMS: true}
	nextIn, over := next, next
	nextIn.InMeter, over.Over = true, true
	foreign := notify.Pushed{Message: "7", First: "7777", Last: "0007", Unread: true, BySMS: true}
	rejected := notify.MeterReply{Kind: notify.ReplyRejected}
	for name, c := range map[string]struct {
		waiting *notify.Pushed
		earlier []notify.Pushed
		reply   notify.MeterReply
		want    notify.Finding
	}{
		"the only token": {&next, nil, ok(34_700, 80_000), notify.Finding{About: "2", InMeter: []string{"2"}}},
		"used, and nothing else says that it is in":        {&next, nil, used(80_000), notify.Finding{Ask: true}},
		"used, said by one that rests after a rejection":   {nil, []notify.Pushed{next}, used(80_000), notify.Finding{Ask: true}},
		"used, of one that is not sent any more":           {nil, []notify.Pushed{over}, used(80_000), notify.Finding{About: "2", InMeter: []string{"2"}}},
		"used, and its own answer came before":             {&nextIn, nil, used(80_000), notify.Finding{About: "2", InMeter: []string{"2"}}},
		"rejected, and nothing else was sent":              {&next, nil, rejected, notify.Finding{About: "2", Rejected: true}},
		"other units":                                      {&next, nil, ok(34_800, 80_000), notify.Finding{Stray: true}},
		"nothing was sent":                                 {nil, nil, ok(34_700, 0), notify.Finding{Stray: true}},
		"a token that went by another route only":          {&next, []notify.Pushed{typed}, ok(34_700, 80_000), notify.Finding{About: "2", InMeter: []string{"2"}}},
		"late, of the one before":                          {&more, []notify.Pushed{first}, ok(34_700, 42_800), notify.Finding{About: "1", InMeter: []string{"1"}}},
		"of either, for both have as many units":           {&next, []notify.Pushed{first}, ok(34_700, 42_800), notify.Finding{Ask: true}},
		"the one before has said so in other words":        {&next, []notify.Pushed{loaded}, ok(34_700, 77_500), notify.Finding{About: "2", InMeter: []string{"2"}}},
		"a double of the one before, perhaps":              {&next, []notify.Pushed{loaded}, ok(34_700, 42_800), notify.Finding{Ask: true}},
		"the one before is known by another route only":    {&next, []notify.Pushed{known}, ok(34_700, 77_500), notify.Finding{Ask: true}},
		"used, of either":                                  {&next, []notify.Pushed{loaded}, used(77_500), notify.Finding{Ask: true}},
		"used, and it is known to be in the meter":         {&nextIn, []notify.Pushed{loaded}, used(77_500), notify.Finding{About: "2", InMeter: []string{"2"}}},
		"used, known, but the one before is open":          {&nextIn, []notify.Pushed{first}, used(77_500), notify.Finding{About: "2", InMeter: []string{"2"}, Ask: true}},
		"rejected, of either":                              {&next, []notify.Pushed{first}, rejected, notify.Finding{Ask: true}},
		"a double while nothing waits":                     {nil, []notify.Pushed{loaded, nextIn}, used(0), notify.Finding{}},
		"of two that are open, while nothing waits":        {nil, []notify.Pushed{first, next}, ok(34_700, 0), notify.Finding{Ask: true}},
		"of one from elsewhere, perhaps":                   {&foreign, []notify.Pushed{first}, ok(34_700, 42_800), notify.Finding{Ask: true}},
		"one from elsewhere was sent before":               {&next, []notify.Pushed{foreign}, ok(34_700, 42_800), notify.Finding{Ask: true}},
		"one from elsewhere, and no other has such units":  {&foreign, []notify.Pushed{more}, ok(34_700, 42_800), notify.Finding{About: "7", InMeter: []string{"7"}}},
		"one from elsewhere in the list":                   {&foreign, []notify.Pushed{more}, rows(added("7777", "0007", 100)), notify.Finding{About: "7", InMeter: []string{"7"}}},
		"half a key":                                       {&key, []notify.Pushed{loaded}, notify.MeterReply{Kind: notify.ReplyPart}, notify.Finding{About: "5", InMeter: []string{"5"}}},
		"a token without units":                            {&key, []notify.Pushed{loaded}, notify.MeterReply{Kind: notify.ReplyDone}, notify.Finding{About: "5", InMeter: []string{"5"}}},
		"the balance alone":                                {&next, nil, notify.MeterReply{Kind: notify.ReplyBalance, HasBalance: true}, notify.Finding{}},
		"something else":                                   {&next, nil, notify.MeterReply{}, notify.Finding{}},
		"more earlier tokens than were looked at":          {&next, make([]notify.Pushed, notify.MaxHistory), ok(34_700, 1), notify.Finding{Ask: true}},
		"the list shows it":                                {&next, []notify.Pushed{loaded}, rows(added("2222", "0002", 34_700), added("1111", "0001", 34_700)), notify.Finding{About: "2", InMeter: []string{"1", "2"}}},
		"the list shows only the one before":               {&next, []notify.Pushed{first}, rows(added("1111", "0001", 34_700)), notify.Finding{InMeter: []string{"1"}}},
		"the list is from before all":                      {&next, []notify.Pushed{first}, rows(), notify.Finding{}},
		"the list shows it as used":                        {&next, []notify.Pushed{first}, rows(notify.ReplyRow{First: "2222", Last: "0002", Result: notify.RowUsed}), notify.Finding{About: "2", InMeter: []string{"2"}}},
		"the list shows it refused":                        {&next, nil, rows(notify.ReplyRow{First: "2222", Last: "0002", Result: notify.RowRefused}), notify.Finding{About: "2", Rejected: true}},
		"refused first, loaded then":                       {&next, nil, rows(added("2222", "0002", 34_700), notify.ReplyRow{First: "2222", Last: "0002", Result: notify.RowRefused}), notify.Finding{About: "2", InMeter: []string{"2"}}},
		"the list has other units for its ends":            {&next, nil, rows(added("2222", "0002", 100)), notify.Finding{About: "2", Rejected: true}},
		"a row without digits":                             {&next, nil, rows(added("", "", 34_700)), notify.Finding{}},
		"a twin with the same ends: one row is not enough": {&next, []notify.Pushed{{Message: "6", First: "2222", Last: "0002", Units: 34_700}}, rows(added("2222", "0002", 34_700)), notify.Finding{}},
		"a twin: two rows are": {&next, []notify.Pushed{{Message: "6", First: "2222", Last: "0002", Units: 34_700}}, rows(added("2222", "0002", 34_700), added("2222", "0002", 34_700)),
			notify.Finding{About: "2", InMeter: []string{"2"}}},
		"a twin with other units: its row is its own": {&next, []notify.Pushed{{Message: "6", First: "2222", Last: "0002", Units: 100}}, rows(added("2222", "0002", 34_700)), notify.Finding{About: "2", InMeter: []string{"2"}}},
		"a twin that is used proves nothing":          {&next, []notify.Pushed{{Message: "6", First: "2222", Last: "0002", Units: 100}}, rows(notify.ReplyRow{First: "2222", Last: "0002", Result: notify.RowUsed}), notify.Finding{}},
	} {
		if got := notify.Match(c.waiting, c.earlier, c.reply); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestEndsOfAToken(t *testing.T) {
	if f, l := notify.EndsOf(tokenOf(t, "12345678901234565678").String()); f != "1234" || l != "5678" {
		t.Errorf("the ends are %q and %q, want 1234 and 5678", f, l)
	}
	for _, s := range []string{"", "1234", "**** **** **** **** ****", "12x4 5678"} {
		if f, l := notify.EndsOf(s); f != "" || l != "" {
			t.Errorf("%q has the ends %q and %q", s, f, l)
		}
	}
}

// world is a server that sends tokens to a meter through a network that delays, reorders, doubles and loses messages.
type world struct {
	// The state of the meter.
	loaded  [3]bool
	rows    []notify.ReplyRow
	balance unit.Energy
	// The state of the network: messages on their way up to the meter (a token's number, or ask), and down to the server.
	up   []int
	down []notify.MeterReply
	// The state of the server.
	turn    int // the token that waits; len(loaded) when all are done
	tries   int
	asked   bool
	lastAsk bool
	sent    [3]bool
	in      [3]bool
	said    [3]*notify.MeterReply
	// What may still go wrong: messages that the network may double, tokens that may be given up.
	doubles, waivers int
}

const ask = -1

// scene holds the facts of a world that do not change.
type scene struct {
	units  [3]unit.Energy
	ends   [3]string
	unread int  // the one token that the server cannot read; -1 for none
	steady bool // the customer uses as much as each token loads, so that all answers have the same balance
	match  func(*notify.Pushed, []notify.Pushed, notify.MeterReply) notify.Finding
}

func (w world) clone() world {
	w.rows, w.up, w.down = slices.Clone(w.rows), slices.Clone(w.up), slices.Clone(w.down)
	return w
}

// key identifies a state. Messages on the way are unordered, because any of them may arrive next.
func (w *world) key() string {
	up := slices.Sorted(slices.Values(w.up))
	down := make([]string, len(w.down))
	for i, r := range w.down {
		down[i] = string(appendReply(nil, r))
	}
	slices.Sort(down)
	var b []byte
	for i := range w.loaded {
		b = fmt.Append(b, w.loaded[i], w.sent[i], w.in[i])
		if w.said[i] != nil {
			b = appendReply(b, *w.said[i])
		}
	}
	b = appendReply(b, rows(w.rows...))
	b = strconv.AppendInt(b, int64(w.balance), 10)
	for _, m := range up {
		b = append(b, ' ', byte('1'+m))
	}
	for _, n := range [...]int{w.turn, w.tries, w.doubles, w.waivers} {
		b = append(b, '|', byte('0'+n))
	}
	return string(fmt.Append(b, w.asked, w.lastAsk)) + strings.Join(down, "/")
}

func appendReply(b []byte, r notify.MeterReply) []byte {
	b = append(b, byte('a'+r.Kind))
	b = strconv.AppendInt(b, int64(r.Units), 10)
	b = append(b, '=')
	b = strconv.AppendInt(b, int64(r.Balance), 10)
	for _, row := range r.Rows {
		b = append(append(append(b, row.First...), byte('0'+row.Result)), ',')
	}
	return b
}

func (w *world) pushed(s *scene, i int) notify.Pushed {
	return notify.Pushed{Message: fmt.Sprint(i), First: s.ends[i], Last: s.ends[i], Units: s.units[i], Unread: i == s.unread, BySMS: w.sent[i], InMeter: w.in[i], Loaded: w.said[i], Over: i != w.turn}
}

// send sends the next message; it returns false when the server gives up.
func (w *world) send() bool {
	switch notify.NextStep(w.tries, w.asked, w.lastAsk) {
	case notify.SendToken:
		w.up, w.lastAsk, w.sent[w.turn] = append(w.up, w.turn), false, true
	case notify.SendAsk:
		w.up, w.lastAsk = append(w.up, ask), true
	default:
		return false
	}
	w.tries++
	return true
}

func (w *world) begin(turn int) {
	w.turn, w.tries, w.asked, w.lastAsk = turn, 0, false, false
	if turn < len(w.loaded) {
		w.send()
	}
}

// arriveUp delivers a message to the meter.
func (w *world) arriveUp(s *scene, i int) {
	if i == ask {
		w.down = append(w.down, rows(slices.Clone(w.rows)...))
		return
	}
	row := notify.ReplyRow{First: s.ends[i], Last: s.ends[i], Result: notify.RowUsed}
	reply := used(w.balance)
	if !w.loaded[i] {
		w.loaded[i] = true
		if !s.steady {
			w.balance += s.units[i]
		}
		row = added(s.ends[i], s.ends[i], s.units[i])
		reply = ok(s.units[i], w.balance)
	}
	w.rows = append([]notify.ReplyRow{row}, w.rows...)
	w.rows = w.rows[:min(len(w.rows), 4)] // the rows that fit a message
	w.down = append(w.down, reply)
}

// arriveDown delivers an answer to the server. The server does not recognise repetitions, because not every route marks them.
func (w *world) arriveDown(s *scene, r notify.MeterReply) {
	var waiting *notify.Pushed
	var earlier []notify.Pushed
	for i := range w.loaded {
		p := w.pushed(s, i)
		switch {
		case i == w.turn:
			waiting = &p
		case w.sent[i]:
			earlier = append(earlier, p)
		}
	}
	f := s.match(waiting, earlier, r)
	for _, m := range f.InMeter {
		w.in[m[0]-'0'] = true
	}
	if f.About != "" && r.Kind == notify.ReplyAccepted {
		w.said[f.About[0]-'0'] = &r
	}
	switch {
	case f.About != "" && f.About == fmt.Sprint(w.turn):
		w.begin(w.turn + 1)
	case f.Ask && !w.asked && w.turn < len(w.loaded):
		w.asked = true
		w.send()
	}
}

// next returns all states that can follow.
func (w *world) next(s *scene) []world {
	var out []world
	step := func(f func(*world)) {
		c := w.clone()
		f(&c)
		if len(c.up) <= 3 && len(c.down) <= 3 {
			out = append(out, c)
		}
	}
	for i := range w.up {
		step(func(c *world) { m := c.up[i]; c.up = slices.Delete(c.up, i, i+1); c.arriveUp(s, m) })
		if w.doubles > 0 {
			step(func(c *world) { c.doubles--; c.arriveUp(s, c.up[i]) })
		}
	}
	for i := range w.down {
		step(func(c *world) { r := c.down[i]; c.down = slices.Delete(c.down, i, i+1); c.arriveDown(s, r) })
		if w.doubles > 0 {
			step(func(c *world) { c.doubles--; c.arriveDown(s, c.down[i]) })
		}
	}
	if w.turn < len(w.loaded) {
		step(func(c *world) { c.send() }) // no answer in time
		if w.waivers > 0 {
			step(func(c *world) { c.waivers--; c.begin(c.turn + 1) }) // the token is given up
		}
	}
	return out
}

// settle lets the network work well from now on and returns what the server does not know at the end. Tokens that were given up
// are sent again, as a person would do.
func (w world) settle(s *scene, lose bool) string {
	w = w.clone()
	if lose {
		w.up, w.down = nil, nil
	}
	for range 100 {
		switch {
		case len(w.up) > 0:
			m := w.up[0]
			w.up = w.up[1:]
			w.arriveUp(s, m)
		case len(w.down) > 0:
			r := w.down[0]
			w.down = w.down[1:]
			w.arriveDown(s, r)
		case w.turn < len(w.loaded):
			if !w.send() {
				return fmt.Sprintf("token %d was given up", w.turn)
			}
		default:
			i := slices.Index(w.in[:], false)
			if i < 0 {
				return ""
			}
			w.begin(i)
		}
	}
	return "it never ends"
}

// explore visits all states up to a depth, and returns the first wrong one.
func explore(s *scene, depth int, settles bool) (states int, wrong string) {
	var w world
	w.doubles, w.waivers = 2, 2
	w.begin(0)
	layer, seen := []world{w}, map[string]bool{w.key(): true}
	for range depth {
		var after []world
		for i := range layer {
			for _, n := range layer[i].next(s) {
				k := n.key()
				if seen[k] {
					continue
				}
				seen[k] = true
				after = append(after, n)
				for t := range n.in {
					if n.in[t] && !n.loaded[t] {
						return len(seen), fmt.Sprintf("token %d is said to be in the meter and is not: %s", t, k)
					}
				}
				for _, lose := range []bool{false, true} {
					if left := n.settle(s, lose); settles && left != "" {
						return len(seen), fmt.Sprintf("%s, messages on their way lost: %v, after %s", left, lose, k)
					}
				}
			}
		}
		layer = after
	}
	return len(seen), ""
}

func scenes() map[string]scene {
	same, ends := [3]unit.Energy{34_700, 34_700, 34_700}, [3]string{"1111", "2222", "3333"}
	return map[string]scene{
		"equal units, equal balances": {same, ends, -1, true, notify.Match},
		"equal units":                 {same, ends, -1, false, notify.Match},
		"different units":             {[3]unit.Energy{34_700, 50_000, 34_700}, ends, -1, true, notify.Match},
		"a token from elsewhere":      {[3]unit.Energy{34_700, 50_000, 34_700}, ends, 1, true, notify.Match},
	}
}

// TestNoOrderOfAnswersIsMisread explores every order in which messages and answers arrive, some of them doubled, late or never, with
// time-outs between any of them. The server must never count a token as loaded that is not in the meter. From every state it must find out
// the truth once messages get through.
func TestNoOrderOfAnswersIsMisread(t *testing.T) {
	tier.Slow(t)
	for name, s := range scenes() {
		deep := 7
		switch {
		case tier.Race:
			deep = 6 // each step more takes the race detector several times as long
		case name == "equal units, equal balances":
			deep = 8
		}
		for _, c := range []struct {
			depth   int
			settles bool
		}{{5, true}, {deep, false}} {
			states, wrong := explore(&s, c.depth, c.settles)
			if wrong != "" || states < 1000 {
				t.Errorf("%s, %d steps: after %d states: %s", name, c.depth, states, wrong)
			}
			t.Logf("%s, %d steps: %d states", name, c.depth, states)
		}
	}
}

// TestTokensWithEqualEndsAreNotMistaken explores the same orders with two tokens that look alike in the list. The result must never be
// wrong, but a person may be needed to find the truth.
func TestTokensWithEqualEndsAreNotMistaken(t *testing.T) {
	tier.Slow(t)
	s := scenes()["equal units, equal balances"]
	s.ends = [3]string{"1111", "1111", "1111"}
	if states, wrong := explore(&s, 8, false); wrong != "" || states < 1000 {
		t.Errorf("after %d states: %s", states, wrong)
	}
}

// TestTheExplorerFindsNaiveRules shows that the search above finds the mistakes that it looks for.
func TestTheExplorerFindsNaiveRules(t *testing.T) {
	for name, match := range map[string]func(*notify.Pushed, []notify.Pushed, notify.MeterReply) notify.Finding{
		"an answer is about what waits": func(w *notify.Pushed, _ []notify.Pushed, r notify.MeterReply) notify.Finding {
			return notify.Match(w, nil, r)
		},
		"an answer that fits one not yet answered": func(w *notify.Pushed, earlier []notify.Pushed, r notify.MeterReply) notify.Finding {
			return notify.Match(w, slices.DeleteFunc(earlier, func(p notify.Pushed) bool { return p.InMeter }), r)
		},
		"the list names units alone": func(w *notify.Pushed, earlier []notify.Pushed, r notify.MeterReply) notify.Finding {
			if r.Kind == notify.ReplyTokens && w != nil && len(r.Rows) > 0 && r.Rows[0].Units == w.Units {
				return notify.Finding{About: w.Message, InMeter: []string{w.Message}}
			}
			return notify.Match(w, earlier, r)
		},
	} {
		s := scenes()["equal units, equal balances"]
		s.match = match
		if states, wrong := explore(&s, 8, false); !strings.Contains(wrong, "is not") {
			t.Errorf("%s: nothing wrong is found in %d states", name, states)
		}
	}
}
