// Package sim900 is an emulated GSM modem of the SIM900 kind: AT commands on one side, an emulated network on the other.
//
// It tolerates what real programs send (gammu, gammu-smsd, smstools, gnokii, Kannel, serialport-gsm, TinyGSM): bytes one at a
// time, NUL, ESC and empty lines, lower case, commands in a chain, CR LF, a CR after the end of a message. It answers an
// unknown command with an error, never with silence. It can fail as real modems do: an error for a message, a reset in the
// middle of a command, an answer lost or cut in half, a full memory, a wrong PIN, no network.
//
// Start with New. Serve answers on any stream of bytes; OpenPTY makes one that other programs can open.
package sim900

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

// Limits and figures of the modem.
const (
	DefaultSlots = 20
	MaxSlots     = 255
	maxLine      = 556       // characters of a command line (SIM900 AT manual)
	maxUnread    = 64 * 1024 // bytes of output that the host has not read; further output is lost, as on a cable without flow control
	maxNotices   = 256       // notices held back while the modem waits for a message
	pinTries     = 3
)

// Config configures a modem. Number and Network are required.
type Config struct {
	Number  string
	Network *network.Network
	IMEI    string        // 15 digits (default 869988012345678)
	Centre  string        // service centre's number (default +447785016005)
	Slots   int           // messages that the SIM holds (default DefaultSlots)
	PIN     string        // PIN that the SIM asks for after every reset; empty: the SIM asks for none
	Boot    time.Duration // from a reset until "SMS Ready"
	// Fault is called before and after every command and returns what goes wrong; nil means a modem without faults. It must not
	// call the modem.
	Fault func(Moment) Fault
}

// Moment is a point at which a fault can occur.
type Moment struct {
	Command string // the command line as received; "message" for the message after a prompt
	After   bool   // the command has been carried out; its answer has not left yet
}

// Fault is a failure. The zero value means that nothing fails.
type Fault struct {
	Noise  string        // precedes the answer, unchanged
	Notice string        // unsolicited line before the answer
	Silent bool          // the command is not carried out (before), or its answer is lost (after)
	Half   bool          // only the first half of the answer is sent
	Reset  bool          // the modem resets at once and does not answer
	Late   time.Duration // delay of the answer
	Error  string        // final result, sent instead of running the command
}

// Modem is an emulated modem. Its SIM (messages, PIN tries) survives a reset; everything else is lost.
type Modem struct {
	cfg     Config
	centre  pdu.Address
	now     func() time.Time
	changed *sync.Cond // uses mu; signals that output is waiting or the modem is closed

	mu       sync.Mutex
	closed   bool
	out      []byte
	lost     int // bytes that the host never read
	late     time.Duration
	line     []byte
	over     bool // the line being read is too long
	skipLF   bool
	off      bool // between a reset and RDY
	ready    bool // SMS Ready was reached
	boots    int
	set      settings
	slots    []slot
	tries    int // PIN tries left
	unlocked bool
	register int // registration state as in +CREG
	mr       uint8
	sending  *sending
	deferred []string // notices held back during sending
	faults   []int    // +CMS ERROR codes for the next messages
}

// settings are set by commands and restored by a reset.
type settings struct {
	echo, text bool
	cmee       int
	creg       int
	charset    string
	csmp       [4]int // fo, vp, pid, dcs
	cnmi       [5]int
	headers    bool // CSDH: text parameters in full
	service    int  // CSMS
}

func defaults() settings {
	return settings{echo: true, text: false, charset: "IRA", csmp: [4]int{17, 167, 0, 0}, cnmi: [5]int{2, 1, 0, 0, 0}}
}

// New makes a modem, switched on and registered, and attaches it to its number.
func New(cfg Config) (*Modem, error) {
	cfg.Slots = cmp.Or(cfg.Slots, DefaultSlots)
	if cfg.Slots < 1 || cfg.Slots > MaxSlots {
		return nil, fmt.Errorf("modem %s with %d slots: at most %d", cfg.Number, cfg.Slots, MaxSlots)
	}
	cfg.IMEI = cmp.Or(cfg.IMEI, "869988012345678")
	cfg.Centre = cmp.Or(cfg.Centre, "+447785016005")
	centre, err := pdu.ParseAddress(cfg.Centre)
	if err != nil {
		return nil, fmt.Errorf("modem %s: service centre: %w", cfg.Number, err)
	}
	m := &Modem{cfg: cfg, centre: centre, now: time.Now, set: defaults(), slots: make([]slot, cfg.Slots), tries: pinTries, ready: true,
		unlocked: cfg.PIN == "", register: 1}
	m.changed = sync.NewCond(&m.mu)
	if err := cfg.Network.Attach(cfg.Number, m); err != nil {
		return nil, fmt.Errorf("modem: %w", err)
	}
	return m, nil
}

// Close detaches the modem from the network and ends Serve's output.
func (m *Modem) Close() {
	m.cfg.Network.Detach(m.cfg.Number)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.changed.Broadcast()
}

// Serve answers on a stream until reading fails or ctx ends. ctx ends only the writing side; close the stream to end a pending
// read. Serve one host at a time: a second Serve would share the output.
func (m *Modem) Serve(ctx context.Context, host io.ReadWriter) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.changed.Broadcast()
	})
	defer stop()
	writer := make(chan error, 1)
	go func() { writer <- m.write(ctx, host) }()
	buf := make([]byte, 512)
	for {
		n, err := host.Read(buf)
		for _, c := range buf[:n] {
			m.input(c)
		}
		if err != nil {
			cancel()
			<-writer
			if ctx.Err() != nil || err == io.EOF {
				return nil
			}
			return fmt.Errorf("modem %s: read: %w", m.cfg.Number, err)
		}
	}
}

// write sends output to the host, so that a host that does not read blocks only itself.
func (m *Modem) write(ctx context.Context, host io.Writer) error {
	for {
		m.mu.Lock()
		for len(m.out) == 0 && !m.closed && ctx.Err() == nil {
			m.changed.Wait()
		}
		if m.closed || ctx.Err() != nil {
			m.mu.Unlock()
			return nil
		}
		p, late := m.out, m.late
		m.out, m.late = nil, 0
		m.mu.Unlock()
		if late > 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(late):
			}
		}
		if _, err := host.Write(p); err != nil {
			return err
		}
	}
}

// say sends bytes to the host; the caller holds the lock.
func (m *Modem) say(s string) {
	if len(m.out)+len(s) > maxUnread {
		m.lost += len(s)
		return
	}
	m.out = append(m.out, s...)
	m.changed.Broadcast()
}

// notice sends an unsolicited line, or holds it back while a message is being entered.
func (m *Modem) notice(s string) {
	if m.sending != nil {
		if len(m.deferred) < maxNotices {
			m.deferred = append(m.deferred, s)
		}
		return
	}
	m.say("\r\n" + s + "\r\n")
}

// Reset switches the modem off and on again, as a dip of its supply does. Settings and a message being entered are lost; the
// SIM stays as it is.
func (m *Modem) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reset()
}

func (m *Modem) reset() {
	m.off, m.ready = true, false
	m.set, m.line, m.over, m.sending, m.deferred = defaults(), nil, false, nil, nil
	m.unlocked = m.cfg.PIN == ""
	m.boots++
	boot := m.boots
	time.AfterFunc(m.cfg.Boot/2, func() { m.powerUp(boot) })
}

// powerUp sends the start-up lines of a modem at a fixed speed.
func (m *Modem) powerUp(boot int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.boots != boot || m.closed {
		return
	}
	m.off = false
	m.notice("RDY")
	m.notice("+CFUN: 1")
	m.notice("+CPIN: " + m.pinState())
	if m.unlocked {
		time.AfterFunc(m.cfg.Boot/2, func() { m.smsReady(boot) })
	}
}

func (m *Modem) smsReady(boot int) {
	m.mu.Lock()
	if m.boots != boot || m.closed {
		m.mu.Unlock()
		return
	}
	m.ready = true
	m.notice("Call Ready")
	m.notice("SMS Ready")
	m.mu.Unlock()
	m.cfg.Network.Ready(m.cfg.Number)
}

// Register sets the registration state: 0 not registered, 1 home, 2 searching, 3 denied, 5 roaming.
func (m *Modem) Register(state int) {
	m.mu.Lock()
	m.register = state
	if m.set.creg > 0 && !m.off {
		m.notice(fmt.Sprintf("+CREG: %d", state))
	}
	m.mu.Unlock()
	if registered(state) {
		m.cfg.Network.Ready(m.cfg.Number)
	}
}

func registered(state int) bool { return state == 1 || state == 5 }

// FailNext makes the next message fail with +CMS ERROR: code; calls add up.
func (m *Modem) FailNext(code int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = append(m.faults, code)
}

// Used returns how many slots of the SIM are taken, and how many there are.
func (m *Modem) Used() (used, slots int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used(), len(m.slots)
}

// Number is the modem's own number.
func (m *Modem) Number() string { return m.cfg.Number }

func (m *Modem) pinState() string {
	switch {
	case m.unlocked:
		return "READY"
	case m.tries == 0:
		return "SIM PUK"
	default:
		return "SIM PIN"
	}
}

// Mute makes the modem forget AT+CNMI, as some real modems do silently: it stores arrivals without a notice.
func (m *Modem) Mute() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set.cnmi = [5]int{}
}
