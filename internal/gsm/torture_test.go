package gsm_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/gsm"
	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/gsm/sim900"
	"github.com/paywatt/paywatt/internal/tier"
)

var firstSeed = flag.Uint64("seed", 1, "first seed of the modem's faults")

// storm chooses faults by a seed, until its end, and counts them.
type storm struct {
	mu       sync.Mutex
	rnd      *rand.Rand
	over     bool
	commands int
	faults   map[string]int  // faults by class
	between  map[string]bool // commands, without their values, that had a notice before their answer
	asked    map[string]int  // how often each command ran, without its values
	message  int             // number of faults after which the answer to a message may be lost
}

// classes are the faults that a run must have, each with its smallest number.
var classes = map[string]int{"notice before": 1000, "notice between": 1000, "garbage": 200, "silence": 50, "no prompt": 3, "answer lost": 5, "reset": 30,
	"half answer": 10, "half prompt": 3, "late answer": 20, "late prompt": 30, "error": 30, "false alarm": 5}

func (s *storm) strike(m sim900.Moment) sim900.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := nameOf(m.Command)
	if !m.After {
		s.commands++
		s.asked[name]++
	}
	if s.over {
		return sim900.Fault{}
	}
	class, f := s.choose(m, m.After && name == "AT+CMGS=")
	if class == "notice between" {
		s.between[name] = true
	}
	if class != "" {
		s.faults[class]++
	}
	if m.Command == "message" && (f.Silent || f.Reset || f.Half || f.Late > 0 || f.Noise != "" || class == "false alarm") {
		s.message++
	}
	return f
}

// choose draws a fault and names its class. If prompt is true, the fault would hit the prompt for a message.
func (s *storm) choose(m sim900.Moment, prompt bool) (string, sim900.Fault) {
	pick := func(list ...string) string { return list[s.rnd.IntN(len(list))] }
	which := func(now bool, then, otherwise string) string {
		if now {
			return then
		}
		return otherwise
	}
	switch n := s.rnd.IntN(1000); {
	case n < 300:
		return which(m.After, "notice between", "notice before"), sim900.Fault{Notice: pick("RING", "+CREG: 1", `+CREG: 1,"1A2B","00C3"`, `+CMTI: "SM",3`, "UNDER-VOLTAGE WARNNING", "+CIEV: 2,1",
			"+CDS: 25\r\n079144775810065006010C91527500000010001010000000000010100000000043", "+CUSD: 0,\"balance, 3\",15", "+CDS: 25")}
	case n < 350:
		return "garbage", sim900.Fault{Noise: pick("\xff\xfe\x00", "\r\n?!\r\n", "\r\n+CMTI: \"S", "\r\n>\r\n", string(make([]byte, 300)))}
	case n < 360:
		return which(m.After, which(prompt, "no prompt", which(m.Command == "message", "answer lost", "silence")), "silence"), sim900.Fault{Silent: true}
	case n < 366:
		return "reset", sim900.Fault{Reset: true}
	case n < 372 && m.After:
		return which(prompt, "half prompt", "half answer"), sim900.Fault{Half: true}
	case n < 378 && m.After:
		return which(prompt, "late prompt", "late answer"), sim900.Fault{Late: time.Duration(s.rnd.IntN(80)) * time.Second}
	case n < 388 && !m.After:
		f := sim900.Fault{Error: pick("+CMS ERROR: 38", "+CMS ERROR: 500", "ERROR", "+CME ERROR: 14")}
		if m.Command == "message" {
			f.Error = "\r\n" + f.Error + "\r\n"
		}
		return "error", f
	case n < 389:
		return "false alarm", sim900.Fault{Notice: pick("Call Ready", "RDY")}
	case n < 400 && prompt: // prompts are rare; after a late prompt the first octets of a message must not become the next command
		return "no prompt", sim900.Fault{Silent: true}
	case n < 415 && prompt:
		return "half prompt", sim900.Fault{Half: true}
	case n < 490 && prompt:
		return "late prompt", sim900.Fault{Late: time.Duration(s.rnd.IntN(20)) * time.Second}
	case n < 410 && m.After && m.Command == "message":
		return "answer lost", sim900.Fault{Silent: true}
	}
	return "", sim900.Fault{}
}

// nameOf returns a command without its values.
func nameOf(command string) string {
	if i := strings.IndexByte(command, '='); i >= 0 {
		return command[:i+1]
	}
	return command
}

// end ends the storm.
func (s *storm) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// check requires every class of fault. Each command that ran often must have had a notice before its answer.
func (s *storm) check(t *testing.T) (struck int) {
	t.Helper()
	for class, least := range classes {
		if n := s.faults[class]; n < least {
			t.Errorf("%s struck %d times, want %d at least", class, n, least)
		}
	}
	for class, n := range s.faults {
		struck += n
		if classes[class] == 0 {
			t.Errorf("%q is no class of fault", class)
		}
	}
	for name, n := range s.asked {
		if n >= 50 && !s.between[name] {
			t.Errorf("%s was asked %d times and never had a notice before its answer", name, n)
		}
	}
	return struck
}

// The driver runs about ten thousand commands, four in ten with a fault. No message may be lost, deleted before it is durable, or sent
// twice. Unknown outcomes must be reported as unknown, and no goroutine may be left running.
func TestTheDriverSurvivesAnything(t *testing.T) {
	for i := range uint64(tier.ModemFaults.N()) {
		seed := *firstSeed + i
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { survive(t, seed) })
	}
}

func survive(t *testing.T, seed uint64) {
	synctest.Test(t, func(t *testing.T) {
		const wanted = 10_000
		s := &storm{rnd: rand.New(rand.NewPCG(seed, 2)), faults: map[string]int{}, between: map[string]bool{}, asked: map[string]int{}}
		// The SIM has many slots. With fewer, unfinished messages would have to give way when the SIM fills up; another test covers that.
		b := newBench(t, sim900.Config{Fault: s.strike, Boot: 3 * time.Second, Slots: 100}, gsm.Config{})
		b.net.SetWeather(network.Weather{Duplicate: 0.1, Reorder: 0.1, Delay: time.Second, Hold: 20 * time.Second})
		outcomes := map[string]gsm.Outcome{}
		sent, received := 0, 0
		for commands := 0; commands < wanted; {
			var both sync.WaitGroup
			both.Go(func() {
				for range 20 {
					text := fmt.Sprintf("out %d", sent)
					sent++
					outcomes[text] = b.send(gsm.Outgoing{ID: text, Text: text, Report: true}).Outcome
				}
			})
			for range 20 {
				if err := b.phone.Send(server, incoming(received)); err != nil {
					t.Fatal(err)
				}
				received++
				time.Sleep(20 * time.Second)
			}
			both.Wait()
			b.submissions()
			s.mu.Lock()
			commands = s.commands
			s.mu.Unlock()
			if b.box.failing(7) {
				b.box.failNext(1)
			}
		}
		s.end()
		b.net.SetWeather(network.Weather{})
		wait(time.Hour)
		counts, twice := checkOutgoing(t, b, outcomes)
		lost, again := checkIncoming(t, b, received)
		struck := s.check(t)
		if counts[gsm.Unknown] > s.message {
			t.Errorf("%d outcomes are said to be unknown, and the answers of %d messages at most were lost", counts[gsm.Unknown], s.message)
		}
		state := b.modem.State()
		b.stop() // synctest.Test fails if a goroutine of the bubble is left
		t.Logf("figures: %d commands, %d faults %v; notices between command and answer at %d of %d kinds of command; %d sent: %v, %d twice; %d received, %d lost, %d handed over again with the same identity; %+v",
			s.commands, struck, s.faults, len(s.between), len(s.asked), sent, counts, twice, received, lost, again, state)
	})
}

// incoming is a message that the phone sends; every fifth takes three parts.
func incoming(i int) string {
	if i%5 == 0 {
		return strings.Repeat(fmt.Sprintf("in %d, ", i), 40)
	}
	return fmt.Sprintf("in %d", i)
}

// checkOutgoing compares the driver's outcomes with the messages that the network got.
func checkOutgoing(t *testing.T, b *bench, outcomes map[string]gsm.Outcome) (counts map[gsm.Outcome]int, twice int) {
	t.Helper()
	submitted := b.submissions()
	counts = map[gsm.Outcome]int{}
	for text, o := range outcomes {
		counts[o]++
		n := submitted[text]
		switch {
		case n > 1:
			twice++
			t.Errorf("%q was sent %d times", text, n)
		case o == gsm.Accepted && n != 1, o == gsm.NotSent && n != 0, o == gsm.Refused && n != 0:
			t.Errorf("%q is said to be %v and was sent %d times", text, o, n)
		}
	}
	if counts[gsm.Accepted] < len(outcomes)/2 || counts[gsm.Unknown] == 0 {
		t.Errorf("outcomes %v: the faults are too many or too few", counts)
	}
	return counts, twice
}

// checkIncoming requires that every message arrived and that the SIM is empty. A message may arrive twice, because the
// network repeats it or because the modem was reset. Both copies must then have the same identity.
func checkIncoming(t *testing.T, b *bench, received int) (lost, again int) {
	t.Helper()
	got, ids := map[string]int{}, map[pdu.Identity]bool{}
	for _, m := range b.box.messages {
		if !ids[m.Identity] {
			got[m.Text]++
		}
		if m.Missing > 0 {
			t.Errorf("unfinished: %.40q", m.Text)
		}
		if ids[m.Identity] {
			again++
		}
		ids[m.Identity] = true
	}
	for i := range received {
		n := got[incoming(i)]
		if n == 0 {
			lost++
		}
		if n != 1 {
			t.Errorf("message %d arrived %d times", i, n)
		}
	}
	if used, _ := b.sim.Used(); used != 0 {
		t.Errorf("%d messages stay in the SIM", used)
	}
	return lost, again
}
