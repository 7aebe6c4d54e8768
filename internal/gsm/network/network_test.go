package network_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

// terminal gives preset answers and remembers the messages that it got.
type terminal struct {
	mu      sync.Mutex
	answers []network.Answer // one answer for each message; after the last, Taken
	texts   []string
	reports []pdu.StatusReport
}

func (t *terminal) Deliver(d pdu.Deliver) network.Answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.answers) > 0 {
		a := t.answers[0]
		t.answers = t.answers[1:]
		if a != network.Taken {
			return a
		}
	}
	t.texts = append(t.texts, d.Body.Text())
	return network.Taken
}

func (t *terminal) Report(r pdu.StatusReport) network.Answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reports = append(t.reports, r)
	return network.Taken
}

const (
	alice = "+255711000001"
	bob   = "+255711000002"
)

// run starts a network that ends with the test's bubble.
func run(t *testing.T, seed uint64, w network.Weather) *network.Network {
	t.Helper()
	n := network.New(seed, w, nil)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return n
}

func attach(t *testing.T, n *network.Network, number string) *terminal {
	t.Helper()
	x := &terminal{}
	if err := n.Attach(number, x); err != nil {
		t.Fatal(err)
	}
	return x
}

func submit(t *testing.T, n *network.Network, from, to, text string, mr uint8, v pdu.Validity) {
	t.Helper()
	a, err := pdu.ParseAddress(to)
	if err != nil {
		t.Fatal(err)
	}
	b, err := pdu.Compose(text, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Submit(from, pdu.Submit{Report: true, Reference: mr, To: a, Validity: v, Body: b[0]}); err != nil {
		t.Fatal(err)
	}
}

// got returns the messages and reports that have arrived.
func (t *terminal) got() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.texts)
}

// answer sets the next answers.
func (t *terminal) answer(a ...network.Answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answers = a
}

func statuses(x *terminal) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []string
	for _, r := range x.reports {
		out = append(out, fmt.Sprintf("%d %v", r.Reference, r.Status))
	}
	return out
}

func TestMessagesArriveInOrderAndAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := run(t, 1, network.Weather{Delay: time.Second})
		a, b := attach(t, n, alice), attach(t, n, strings.TrimPrefix(bob, "+"))
		for i := range 5 {
			submit(t, n, alice, bob, fmt.Sprint(i), uint8(i), pdu.Validity{})
		}
		synctest.Wait()
		if len(b.got()) != 0 {
			t.Fatalf("%q arrived at once, want after a second", b.got())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if want := []string{"0", "1", "2", "3", "4"}; !slices.Equal(b.got(), want) {
			t.Errorf("arrived %q, want %q", b.got(), want)
		}
		if want := []string{"0 delivered", "1 delivered", "2 delivered", "3 delivered", "4 delivered"}; !slices.Equal(statuses(a), want) {
			t.Errorf("reported %q, want %q", statuses(a), want)
		}
		if err := n.Attach(alice, b); !errors.Is(err, network.ErrTaken) {
			t.Errorf("a second terminal at the number: %v", err)
		}
	})
}

func TestANumberNobodyHoldsIsReportedUndeliverable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := run(t, 1, network.Weather{})
		a := attach(t, n, alice)
		submit(t, n, alice, "+255799999999", "x", 9, pdu.Validity{})
		synctest.Wait()
		if want := []string{"9 failed (43)"}; !slices.Equal(statuses(a), want) {
			t.Errorf("reported %q, want %q", statuses(a), want)
		}
	})
}

func TestAFullTerminalLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := run(t, 1, network.Weather{})
		a, b := attach(t, n, alice), attach(t, n, bob)
		b.answer(network.Full, network.Absent)
		submit(t, n, alice, bob, "one", 1, pdu.Validity{})
		submit(t, n, alice, bob, "two", 2, pdu.Validity{})
		synctest.Wait()
		if len(b.got()) != 0 || len(statuses(a)) != 0 {
			t.Fatalf("a full terminal took %q", b.got())
		}
		n.Ready(bob)
		synctest.Wait()
		if !slices.Equal(b.got(), []string{"one", "two"}) || len(statuses(a)) != 2 {
			t.Errorf("after there was room: %q, %d reports", b.got(), len(statuses(a)))
		}
		// Even if the terminal never reports ready, the message comes a little later.
		b.answer(network.Full)
		submit(t, n, alice, bob, "three", 3, pdu.Validity{})
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(b.got()) != 3 {
			t.Errorf("not offered again: %q", b.got())
		}
	})
}

func TestWhatCannotBeDeliveredExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := run(t, 1, network.Weather{})
		a := attach(t, n, alice)
		attach(t, n, bob)
		n.Detach(bob)
		submit(t, n, alice, bob, "x", 1, pdu.ValidFor(time.Hour))
		time.Sleep(time.Hour - time.Second)
		synctest.Wait()
		if len(statuses(a)) != 0 {
			t.Fatalf("reported too early: %q", statuses(a))
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if want := []string{"1 failed (46)"}; !slices.Equal(statuses(a), want) {
			t.Errorf("reported %q, want %q", statuses(a), want)
		}
		b := attach(t, n, bob)
		synctest.Wait()
		if len(b.got()) != 0 {
			t.Errorf("an expired message arrived: %q", b.got())
		}
	})
}

// TestWeatherIsRepeatable checks that the same seed affects the same messages, and that the shares are about as configured.
func TestWeatherIsRepeatable(t *testing.T) {
	once := func(t *testing.T, w network.Weather) (texts []string, kinds map[network.Kind]int) {
		kinds = map[network.Kind]int{}
		synctest.Test(t, func(t *testing.T) {
			n := run(t, 42, w)
			attach(t, n, alice)
			b := attach(t, n, bob)
			for i := range 1000 {
				submit(t, n, alice, bob, fmt.Sprint(i), uint8(i), pdu.Validity{})
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			texts = b.got()
			for _, e := range n.Events(0) {
				kinds[e.Kind]++
			}
		})
		return texts, kinds
	}
	w := network.Weather{Loss: 0.2, Duplicate: 0.1, Reorder: 0.1, Delay: time.Second, Hold: 5 * time.Second}
	one, kinds := once(t, w)
	two, _ := once(t, w)
	if !reflect.DeepEqual(one, two) {
		t.Error("the same seed gave another order")
	}
	if kinds[network.Lost] < 150 || kinds[network.Lost] > 250 || kinds[network.Doubled] < 60 || kinds[network.Doubled] > 140 ||
		kinds[network.Lost]+kinds[network.Delivered] != 1000 || slices.IsSorted(one) {
		t.Errorf("of 1000 messages: %v", kinds)
	}
	calm, kinds := once(t, network.Weather{})
	if len(calm) != 1000 || kinds[network.Delivered] != 1000 {
		t.Errorf("without weather %d arrived, %v", len(calm), kinds)
	}
}

func TestPhonesTalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := run(t, 1, network.Weather{})
		a, err := n.Phone(alice)
		if err != nil {
			t.Fatal(err)
		}
		b, err := n.Phone(bob)
		if err != nil {
			t.Fatal(err)
		}
		long := strings.Repeat("habari ", 60) + "😀"
		if err := a.Send(bob, long); err != nil {
			t.Fatal(err)
		}
		got := b.Wait(t.Context(), 0)
		if len(got) != 1 || got[0].Text != long || got[0].From != alice || got[0].Report != "" {
			t.Fatalf("got %+v", got)
		}
		synctest.Wait()
		reports := a.Messages(0)
		if len(reports) != pdu.Measure(long).Parts || reports[0].Report != "delivered" || reports[0].From != bob {
			t.Errorf("reports %+v", reports)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if more := b.Wait(ctx, got[0].N); more != nil {
			t.Errorf("more came: %+v", more)
		}
		if err := a.Send("", "x"); err == nil {
			t.Error("sent to nobody")
		}
		n.Detach(bob)
		if err := a.Send(bob, "later"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if events := n.Events(0); events[len(events)-1].Kind != network.Waiting {
			t.Errorf("the last event is %+v", events[len(events)-1])
		}
		last := n.Events(0)
		if more := n.WaitEvents(ctx, last[len(last)-1].N); more != nil {
			t.Errorf("events out of nowhere: %+v", more)
		}
	})
}
