package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/internal/gsm"
	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/gsm/sim900"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/wire"
)

const (
	smsMeterNumber = "12345678903"
	smsOwner       = "+255711000001"
	smsStranger    = "+255711000002"
)

// smsMains is the power of a meter that can be cut at any byte, in its memory or on the wire to its modem.
type smsMains struct {
	mu     sync.Mutex
	budget int // bytes until the cut; negative: no cut
	spent  int
	dead   bool
	gone   chan struct{} // closed at the cut
}

func newSMSMains(budget int) *smsMains { return &smsMains{budget: budget, gone: make(chan struct{})} }

// spend returns how many of n bytes still pass.
func (m *smsMains) spend(n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return 0
	}
	if m.budget >= 0 && m.spent+n > m.budget {
		n = m.budget - m.spent
		m.dead = true
		close(m.gone)
	}
	m.spent += n
	return n
}

// after sets the power cut: the mains fails once n more bytes have passed.
func (m *smsMains) after(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spent, m.budget = 0, n
}

func (m *smsMains) counted() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.spent
}

// smsCut is the value with which the memory panics at the cut; the firmware never sees it.
type smsCut struct{}

// smsMedium is the memory of a meter.
type smsMedium struct {
	mains        *smsMains
	image        []byte
	log, pending []byte
}

func (m *smsMedium) put(dst *[]byte, at int, b []byte) {
	n := m.mains.spend(len(b))
	if end := at + n; end > len(*dst) {
		*dst = append(*dst, make([]byte, end-len(*dst))...)
	}
	copy((*dst)[at:], b[:n])
	if n < len(b) {
		panic(smsCut{})
	}
}

func (m *smsMedium) ReadAt(b []byte, at int64) (int, error) {
	if at >= int64(len(m.image)) {
		return 0, io.EOF
	}
	n := copy(b, m.image[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (m *smsMedium) WriteAt(b []byte, at int64) (int, error) {
	m.put(&m.image, int(at), b)
	return len(b), nil
}

func (m *smsMedium) Sync() error { return nil }

// smsLog is the log of a medium.
type smsLog struct{ *smsMedium }

func framed(frames ...memory.Frame) ([]byte, error) {
	r := memory.NewRAM()
	err := r.Replace(frames)
	b, _ := r.Bytes()
	return b, err
}

func (l smsLog) Append(f memory.Frame) error {
	b, err := framed(f)
	l.pending = append(l.pending, b...)
	return err
}

func (l smsLog) Sync() error {
	b := l.pending
	l.pending = nil
	l.put(&l.log, len(l.log), b)
	return nil
}

func (l smsLog) Commit(f memory.Frame) error { return errors.Join(l.Append(f), l.Sync()) }

func (l smsLog) Replace(frames []memory.Frame) error {
	b, err := framed(frames...)
	if err != nil {
		return err
	}
	var side []byte
	l.put(&side, 0, b)
	l.log, l.pending = side, nil
	return nil
}

func (l smsLog) Size() int64  { return int64(len(l.log) + len(l.pending)) }
func (l smsLog) Close() error { return nil }

// smsWire is the serial line between meter and modem.
type smsWire struct {
	net.Conn
	mains *smsMains
}

func (w smsWire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if got := w.mains.spend(n); got < n {
		return got, errors.Join(io.ErrClosedPipe, w.Close())
	}
	return n, err
}

func (w smsWire) Write(b []byte) (int, error) {
	n := w.mains.spend(len(b))
	sent, err := w.Conn.Write(b[:n])
	if n < len(b) {
		err = errors.Join(err, io.ErrClosedPipe, w.Close())
	}
	return sent, err
}

// smsBus is a network with two telephones: the meters' owner has one, a stranger has the other.
type smsBus struct {
	t               *testing.T
	net             *network.Network
	owner, stranger *network.Phone
	ctx             context.Context
	running         sync.WaitGroup
	stop            func()
}

func newSMSBus(t *testing.T, seed uint64) *smsBus {
	t.Helper()
	b := &smsBus{t: t, net: network.New(seed, network.Weather{}, nil)}
	var err1, err2 error
	b.owner, err1 = b.net.Phone(smsOwner)
	b.stranger, err2 = b.net.Phone(smsStranger)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	var cancel context.CancelFunc
	b.ctx, cancel = context.WithCancel(t.Context())
	b.running.Go(func() { _ = b.net.Run(b.ctx) })
	b.stop = func() { cancel(); b.running.Wait() }
	return b
}

// answers returns the new texts that a phone got from a number.
func answers(p *network.Phone, from string, after int) (texts []string) {
	for _, m := range p.Messages(0) {
		if m.Report == "" && m.From == from {
			texts = append(texts, m.Text)
		}
	}
	return texts[min(after, len(texts)):]
}

// smsMeter is a virtual meter with an emulated modem.
type smsMeter struct {
	bus    *smsBus
	number string // number of its SIM
	medium *smsMedium
	mains  *smsMains
	sim    *sim900.Modem
	dev    *device.Device
	acts   chan func()
	end    func()
}

func smsKey(t testing.TB) sts.Key {
	t.Helper()
	k, err := sts.NewKey(sts.EA07, []byte{0x0A, 0xBC, 0x12, 0xDE, 0xF3, 0x45, 0x67, 0x89})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// smsToken is a token of some tenths of a kilowatt-hour.
func smsToken(t testing.TB, tid sts.TID, tenths int64) string {
	t.Helper()
	a, err := sts.EncodeTenths(tenths)
	if err != nil {
		t.Fatal(err)
	}
	token, err := sts.EncodeCredit(smsKey(t), sts.Credit{TID: tid, Amount: a})
	if err != nil {
		t.Fatal(err)
	}
	return token.Reveal()
}

// wrongSMSToken is a token for another meter.
func wrongSMSToken(t testing.TB, tid sts.TID) string {
	t.Helper()
	k, err := sts.NewKey(sts.EA07, []byte{1, 2, 3, 4, 5, 6, 7, 8})
	if err != nil {
		t.Fatal(err)
	}
	token, err := sts.EncodeCredit(k, sts.Credit{TID: tid, Amount: 1})
	if err != nil {
		t.Fatal(err)
	}
	return token.Reveal()
}

func newSMSMeter(b *smsBus, number string) *smsMeter {
	b.t.Helper()
	m := &smsMeter{bus: b, number: number, medium: &smsMedium{mains: newSMSMains(-1)}}
	var err error
	if m.sim, err = sim900.New(sim900.Config{Number: number, Network: b.net, Boot: time.Second}); err != nil {
		b.t.Fatal(err)
	}
	m.start()
	return m
}

// start brings the meter up from its memory, with power on.
func (m *smsMeter) start() {
	t := m.bus.t
	t.Helper()
	m.mains = newSMSMains(-1)
	m.medium.mains, m.medium.pending = m.mains, nil
	_, found := memory.LoadRAM(m.medium.log)
	m.medium.log = m.medium.log[:len(m.medium.log)-found.Torn]
	keys := meter.NewKeys(smsKey(t), meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255})
	var err error
	if m.dev, err = device.Open(device.Config{Number: smsMeterNumber, Keys: &keys, Phones: []string{smsOwner}, Image: m.medium,
		Log: smsLog{m.medium}, Found: found, Rand: rand.Reader, Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(m.bus.ctx)
	var running sync.WaitGroup
	dev, mains := m.dev, m.mains
	dial := func(context.Context) (io.ReadWriteCloser, error) {
		select {
		case <-mains.gone:
			return nil, io.ErrClosedPipe
		default:
		}
		mine, other := net.Pipe()
		m.bus.running.Go(func() { _ = m.sim.Serve(m.bus.ctx, other) })
		return smsWire{mine, mains}, nil
	}
	shut, err := connectModem(ctx, dev, gsm.Config{Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	m.acts = make(chan func())
	acts := m.acts
	running.Go(func() { liveBySMS(ctx, dev, mains, acts) })
	m.end = func() { cancel(); running.Wait(); shut() }
}

// liveBySMS runs a meter until ctx ends or its power is cut.
func liveBySMS(ctx context.Context, dev *device.Device, mains *smsMains, acts <-chan func()) {
	defer func() {
		if r := recover(); r != nil {
			if _, is := r.(smsCut); !is {
				panic(r)
			}
		}
	}()
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for dev.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-mains.gone:
			return
		case task := <-dev.Tasks():
			if task(dev) != nil {
				return
			}
		case f := <-acts:
			f()
		case <-ticker.C:
			if dev.Advance(time.Minute, nil) != nil {
				return
			}
		}
		if dev.Flush() != nil && dev.Err() != nil {
			return
		}
	}
}

// ask reads the device on its own goroutine.
func (m *smsMeter) ask(f func(*device.Device)) {
	done := make(chan struct{})
	m.acts <- func() { f(m.dev); close(done) }
	<-done
}

func (m *smsMeter) balance() (wh int64) {
	m.ask(func(d *device.Device) { wh = d.View().BalanceWh })
	return wh
}

// accepted returns how many accepted tokens the meter has reported.
func (m *smsMeter) accepted() (n int) {
	m.ask(func(d *device.Device) {
		for _, e := range d.Box().All() {
			good, _, err := wire.DecodeUp(e.Kind, e.Data)
			if err == nil && len(good) == 1 && good[0].Event != nil && good[0].Event.Code == 301 {
				n++
			}
		}
	})
	return n
}

// pass lets virtual time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (m *smsMeter) send(p *network.Phone, text string) {
	m.bus.t.Helper()
	if err := p.Send(m.number, text); err != nil {
		m.bus.t.Fatal(err)
	}
}

// TestFortyTokensBySMS sends 40 tokens to four meters, within the meters' limits of answers. An hour later it
// sends all of them again.
func TestFortyTokensBySMS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const meters, each = 4, 10
		b := newSMSBus(t, 1)
		var street []*smsMeter
		for i := range meters {
			street = append(street, newSMSMeter(b, fmt.Sprintf("+2557000002%02d", i)))
		}
		pass(10 * time.Second)
		for round, want := range [2]string{"Recharge OK. 12.3 kWh added. Balance %d.%d kWh", "this recharge card has been used! Balance %d.%d kWh"} {
			for i := range each {
				for n, m := range street {
					m.send(b.owner, "*02#"+smsToken(t, sts.TID(6_000_000+10*i+n), 123))
				}
				pass(10 * time.Second)
				tenths := int64(123) * int64(i+1)
				if round == 1 {
					tenths = 123 * each
				}
				for n, m := range street {
					got := answers(b.owner, m.number, round*each+i)
					if want := fmt.Sprintf(want, tenths/10, tenths%10); len(got) != 1 || got[0] != want {
						t.Fatalf("round %d, token %d of meter %d: %q, want %q", round+1, i+1, n+1, got, want)
					}
				}
			}
			pass(time.Hour + time.Minute)
		}
		for n, m := range street {
			if got := m.balance(); got != 123*100*each {
				t.Errorf("meter %d holds %d Wh, want %d", n+1, got, 123*100*each)
			}
			if used, _ := m.sim.Used(); used != 0 {
				t.Errorf("meter %d left %d messages in its SIM", n+1, used)
			}
			m.end()
		}
		t.Logf("figures: %d tokens by SMS to %d meters: each accepted and answered with the balance; each again: answered \"this recharge card has been used!\" with the balance",
			meters*each, meters)
		b.stop()
	})
}

// TestNeverTwiceNeverLost sends 40 tokens through a network that loses a fifth of the messages, doubles messages and changes their order. A
// sender without an answer asks for the last tokens, or sends the token again, until the answer comes.
func TestNeverTwiceNeverLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const meters, each = 4, 10
		b := newSMSBus(t, 7)
		var street []*smsMeter
		for i := range meters {
			street = append(street, newSMSMeter(b, fmt.Sprintf("+2557000002%02d", i)))
		}
		pass(10 * time.Second)
		b.net.SetWeather(network.Weather{Loss: 0.2, Duplicate: 0.2, Reorder: 0.2, Delay: 2 * time.Second, Hold: time.Minute})
		asked, resolved := 0, 0
		for i := range each {
			for n, m := range street {
				token := smsToken(t, sts.TID(6_000_000+10*i+n), 123)
				for try := 0; ; try++ {
					before := len(answers(b.owner, m.number, 0))
					if asked++; try%3 == 1 {
						m.send(b.owner, "*04#")
					} else {
						m.send(b.owner, "*02#"+token)
					}
					pass(90 * time.Minute) // stays inside the limit of twenty answers a day
					known := false
					for _, a := range answers(b.owner, m.number, before) {
						known = known || strings.Contains(a, token[:4]+".."+token[16:]+" +12.3 kWh") ||
							strings.HasPrefix(a, "Recharge OK. 12.3 kWh added.") || strings.HasPrefix(a, "this recharge card has been used!")
					}
					if known {
						resolved++
						break
					}
					if try > 30 {
						t.Fatalf("token %d of meter %d: no answer", i+1, n+1)
					}
				}
			}
		}
		for n, m := range street {
			if got, accepted := m.balance(), m.accepted(); got != 123*100*each || accepted != each {
				t.Errorf("meter %d holds %d Wh after %d accepted tokens, want %d after %d", n+1, got, accepted, 123*100*each, each)
			}
			m.end()
		}
		t.Logf("figures: 40 tokens by SMS, 20 %% loss, 20 %% doubled, 20 %% reordered: %d messages, %d of 40 resolved, each credited once", asked, resolved)
		b.stop()
	})
}

// cutAt sends a good and a wrong token in one message, cuts the mains n bytes later, and starts the meter again. It returns how many bytes
// passed. If fewer than n bytes passed, no byte was left to cut.
func cutAt(t *testing.T, n int) (bytes int) {
	synctest.Test(t, func(t *testing.T) {
		b := newSMSBus(t, 1)
		m := newSMSMeter(b, "+255700000200")
		pass(10 * time.Second)
		token := smsToken(t, 6_000_000, 256)
		m.mains.after(n)
		m.send(b.owner, "*02#"+token+"\n"+wrongSMSToken(t, 6_000_001))
		pass(30 * time.Second)
		m.mains.mu.Lock()
		cut := m.mains.dead
		m.mains.mu.Unlock()
		if bytes = m.mains.counted(); cut {
			m.end()
			m.sim.Reset()
			pass(5 * time.Second)
			m.start()
			pass(2 * time.Minute)
		}
		got := answers(b.owner, m.number, 0)
		rejected, accepted := 0, 0
		for _, a := range got {
			switch a {
			case "Token rejected. Balance 25.6 kWh":
				rejected++
			case "Recharge OK. 25.6 kWh added. Balance 25.6 kWh":
				accepted++
			default:
				t.Errorf("cut after %d bytes: answer %q", n, a)
			}
		}
		if rejected == 0 || accepted == 0 || rejected+accepted > 3 {
			t.Errorf("cut after %d bytes: answers %q", n, got)
		}
		m.send(b.owner, "*02#"+token)
		pass(time.Minute)
		again := answers(b.owner, m.number, len(got))
		if want := "this recharge card has been used! Balance 25.6 kWh"; len(again) != 1 || again[0] != want {
			t.Errorf("cut after %d bytes: sent again: %q, want %q", n, again, want)
		}
		if wh := m.balance(); wh != 25_600 {
			t.Errorf("cut after %d bytes: %d Wh, want 25600", n, wh)
		}
		var row uint8
		m.ask(func(d *device.Device) { s := d.State(); row = s.Guards[meter.SMS-1].Row })
		if row != 1 {
			t.Errorf("cut after %d bytes: %d wrong tokens counted, want 1", n, row)
		}
		m.end()
		b.stop()
	})
	return bytes
}

// TestAPowerCutBetweenAnyTwoBytes cuts the power of meter and modem at the bytes of a recharge by SMS: on the wire between
// them, and in every write of the memory.
func TestAPowerCutBetweenAnyTwoBytes(t *testing.T) {
	all := cutAt(t, 1<<30)
	every := max(1, all/tier.RechargePowerCuts.N())
	for n := 0; n < all && !t.Failed(); n += every {
		cutAt(t, n)
	}
	t.Logf("figures: a recharge by SMS moves %d bytes, on the wire to the modem and into the memory; the mains is cut at every %d", all, every)
}
