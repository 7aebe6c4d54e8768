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
)

var (
	firstSeed = flag.Uint64("seed", 1, "first seed of the modem's faults")
	seeds     = flag.Uint64("seeds", 2, "number of seeds")
)

// storm chooses faults by a seed until it is over.
type storm struct {
	mu       sync.Mutex
	rnd      *rand.Rand
	over     bool
	commands int
	faults   map[string]int
}

func (s *storm) strike(m sim900.Moment) sim900.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !m.After {
		s.commands++
	}
	if s.over {
		return sim900.Fault{}
	}
	pick := func(list ...string) string { return list[s.rnd.IntN(len(list))] }
	name, f := "", sim900.Fault{}
	switch n := s.rnd.IntN(1000); {
	case n < 300: // between any command and its answer
		name, f.Notice = "notice", pick("RING", "+CREG: 1", `+CREG: 1,"1A2B","00C3"`, `+CMTI: "SM",3`, "UNDER-VOLTAGE WARNNING", "+CIEV: 2,1",
			"+CDS: 25\r\n079144775810065006010C91527500000010001010000000000010100000000043", "+CUSD: 0,\"balance, 3\",15", "+CDS: 25")
	case n < 350:
		name, f.Noise = "garbage", pick("\xff\xfe\x00", "\r\n?!\r\n", "\r\n+CMTI: \"S", "\r\n>\r\n", string(make([]byte, 300)))
	case n < 360:
		name, f.Silent = "silence", true
	case n < 366:
		name, f.Reset = "reset", true
	case n < 372:
		name, f.Half = "half", true
	case n < 378:
		name, f.Late = "late", time.Duration(s.rnd.IntN(80))*time.Second
	case n < 388 && !m.After:
		name, f.Error = "error", pick("+CMS ERROR: 38", "+CMS ERROR: 500", "ERROR", "+CME ERROR: 14")
		if m.Command == "message" {
			f.Error = "\r\n" + f.Error + "\r\n"
		}
	case n < 389:
		name, f.Notice = "false alarm", pick("Call Ready", "RDY")
	}
	if name != "" {
		s.faults[name]++
	}
	return f
}

func (s *storm) end() (commands int, faults map[string]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	return s.commands, s.faults
}

// Ten thousand commands, and something goes wrong at four of ten: no message is lost, none is deleted before it is durable,
// none is sent twice, and what was not known is said to be unknown.
func TestTheDriverSurvivesAnything(t *testing.T) {
	for seed := *firstSeed; seed < *firstSeed+*seeds; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { survive(t, seed) })
	}
}

func survive(t *testing.T, seed uint64) {
	synctest.Test(t, func(t *testing.T) {
		const wanted = 10_000
		s := &storm{rnd: rand.New(rand.NewPCG(seed, 2)), faults: map[string]int{}}
		// With fewer slots unfinished messages would have to give way when the SIM fills up; another test sees to that.
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
		commands, faults := s.end()
		b.net.SetWeather(network.Weather{})
		wait(time.Hour)
		counts := checkOutgoing(t, b, outcomes)
		checkIncoming(t, b, received)
		t.Logf("figures: %d commands, faults %v; %d sent: %v; %d received; %+v", commands, faults, sent, counts, received, b.modem.State())
	})
}

// incoming is a message that the phone sends; every fifth takes three parts.
func incoming(i int) string {
	if i%5 == 0 {
		return strings.Repeat(fmt.Sprintf("in %d, ", i), 40)
	}
	return fmt.Sprintf("in %d", i)
}

// checkOutgoing compares what the driver said with what the network was handed.
func checkOutgoing(t *testing.T, b *bench, outcomes map[string]gsm.Outcome) map[gsm.Outcome]int {
	t.Helper()
	submitted := b.submissions()
	counts := map[gsm.Outcome]int{}
	for text, o := range outcomes {
		counts[o]++
		n := submitted[text]
		switch {
		case n > 1:
			t.Errorf("%q was sent %d times", text, n)
		case o == gsm.Accepted && n != 1, o == gsm.NotSent && n != 0, o == gsm.Refused && n != 0:
			t.Errorf("%q is said to be %v and was sent %d times", text, o, n)
		}
	}
	if counts[gsm.Accepted] < len(outcomes)/2 || counts[gsm.Unknown] == 0 {
		t.Errorf("outcomes %v: the faults are too many or too few", counts)
	}
	return counts
}

// checkIncoming wants every message, and an empty SIM. The network and a reset may bring one again: with the same identity.
func checkIncoming(t *testing.T, b *bench, received int) {
	t.Helper()
	got, ids := map[string]int{}, map[pdu.Identity]bool{}
	for _, m := range b.box.messages {
		if !ids[m.Identity] {
			got[m.Text]++
		}
		if m.Missing > 0 {
			t.Errorf("unfinished: %.40q", m.Text)
		}
		ids[m.Identity] = true
	}
	for i := range received {
		if n := got[incoming(i)]; n != 1 {
			t.Errorf("message %d arrived %d times", i, n)
		}
	}
	if used, _ := b.sim.Used(); used != 0 {
		t.Errorf("%d messages stay in the SIM", used)
	}
}
