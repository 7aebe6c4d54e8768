package gateway

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paywatt/paywatt/internal/gateway/packet"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/registry"
)

// legacySession is one connection of the device. Its reader records the device's messages; its talker decides what to send, at
// most one message a second.
type legacySession struct {
	l       *Legacy
	who     registry.Identity
	conn    *conn
	silence time.Duration // the longest the device may be silent
	bell    chan struct{} // holds one signal: there is something to decide
	// may says which filters a device of the shared listener may have; nil for any. Only the reader uses it.
	may     func(filter string) bool
	packets atomic.Int64 // packets that came; a second client of the same name waits to see whether more come
	client  string       // its MQTT client id; never changes
	// mustProve says that the listener is bound to a device, so that a message must show that the connection is this device's. Only the reader
	// uses it, and talking, which is closed when the talker has ended; nil until the connection is the meter's device.
	mustProve bool
	talking   chan struct{}

	mu      sync.Mutex
	filters []string
	device  string          // the name that replaces {id} in topics
	relay   string          // the relay's last reported position on this connection; empty before the first report
	last    profile.Meaning // the newest data
	account profile.Account
	looked  bool // account has been read, and is not the zero value
	stale   bool // the account must be read again
	owed    bool // the wanted supply must be sent after SUBSCRIBE
	asked   bool // data has come since the last call of supply, so a wrong relay position causes another order
	notes   []profile.Message
	polls   []profile.Message // the questions of this round that are not sent yet
	talked  time.Time         // when its last message came

	// Only the talker uses the fields below.
	commanded string // the last order to the relay: on, off or none yet
	sent      time.Time
	nextPoll  time.Time
	nextLook  time.Time
	nextNote  time.Time // when it is noted next that no value was ever read
}

// maxNotes is how many messages for people may wait for the device.
const maxNotes = 4

func newLegacySession(l *Legacy, who registry.Identity, c *conn) *legacySession {
	return &legacySession{l: l, who: who, conn: c, bell: make(chan struct{}, 1), stale: true}
}

// wake makes a change under the lock and wakes the talker.
func (s *legacySession) wake(change func()) {
	s.mu.Lock()
	change()
	s.mu.Unlock()
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// hear records a message for the talker.
func (s *legacySession) hear(m profile.Meaning) {
	s.wake(func() {
		if m.Device != "" {
			s.device = m.Device
		}
		if m.Relay != "" {
			s.relay = m.Relay
		}
		if m.Kind == profile.IsData {
			s.last, s.stale, s.asked = m, true, true
		}
	})
}

// talks records that a message has come.
func (s *legacySession) talks(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.talked = at
}

func (s *legacySession) deviceName() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.device
}

// reasons returns why the supply must be off, according to the last read of the account. If the device sends before the
// first read, the account is read now: the next message may be hours away.
func (s *legacySession) reasons(ctx context.Context) []string {
	s.mu.Lock()
	looked, reasons := s.looked, slices.Clone(s.account.Reasons)
	s.mu.Unlock()
	if looked {
		return reasons
	}
	a, _ := s.ask(ctx)
	return a.Reasons
}

// held returns the filters of the connection; only its reader changes them.
func (s *legacySession) held() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.filters)
}

// with adds a filter. It returns false for an invalid filter, and for a new filter when the limit is reached.
func (s *legacySession) with(filters []string, filter string) ([]string, bool) {
	switch {
	case len(filter) > maxTopic || s.may != nil && !s.may(filter):
		return filters, false
	case slices.Contains(filters, filter):
		return filters, true
	case len(filters) >= s.l.limits.Subscriptions:
		return filters, false
	}
	return append(filters, filter), true
}

func (s *legacySession) unsubscribe(gone packet.Filters) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for f, ok := gone.Next(); ok; f, ok = gone.Next() {
		s.filters = slices.DeleteFunc(s.filters, func(have string) bool { return have == string(f.Topic) })
	}
}

// listensTo reports whether the device has subscribed to a topic.
func (s *legacySession) listensTo(topic string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listens(topic)
}

func (s *legacySession) listens(topic string) bool {
	return slices.ContainsFunc(s.filters, func(f string) bool { return filterMatches(f, topic) })
}

// filterMatches reports whether a filter matches a topic by the protocol's rules.
func filterMatches(filter, topic string) bool {
	for {
		f, restF, moreF := strings.Cut(filter, "/")
		if f == "#" {
			return true
		}
		t, restT, moreT := strings.Cut(topic, "/")
		if f != "+" && f != t {
			return false
		}
		switch {
		case !moreF && !moreT:
			return true
		case moreF && !moreT:
			return restF == "#" // a/# matches a too
		case !moreF:
			return false
		}
		filter, topic = restF, restT
	}
}

// talk sends messages to the device until the connection ends.
func (s *legacySession) talk(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.conn.done:
			return
		case <-s.bell:
		case <-timer.C:
		}
		now := s.l.now()
		s.look(ctx, now)
		s.noteUnread(ctx, now)
		if wait := s.sent.Add(legacyPause).Sub(now); !s.sent.IsZero() && wait > 0 {
			timer.Reset(wait)
			continue
		}
		m, ok := s.next(now)
		if !ok {
			timer.Reset(max(legacyPause/4, s.idle(now)))
			continue
		}
		if !s.send(m) {
			return
		}
		s.sent = now
		timer.Reset(legacyPause)
	}
}

// look reads the account if a message has come or enough time has passed.
func (s *legacySession) look(ctx context.Context, now time.Time) {
	s.mu.Lock()
	due := s.stale || !now.Before(s.nextLook)
	s.stale = false
	s.mu.Unlock()
	if !due {
		return
	}
	s.nextLook = now.Add(min(legacyRefresh, s.l.c.PollEvery))
	if a, ok := s.ask(ctx); ok { // otherwise the known account stays, and is read again soon
		s.mu.Lock()
		if !a.On || s.looked && a.Left > s.account.Left { // after a payment, warnings start again
			s.l.risen(0)
		}
		s.l.risen(a.Warning)
		s.account, s.looked = a, true
		if a.Device != "" {
			s.device = a.Device
		}
		s.mu.Unlock()
	}
}

// noteUnread reports about once a minute that the device talks and no value of it was ever read. A silent device is not reported.
func (s *legacySession) noteUnread(ctx context.Context, now time.Time) {
	s.mu.Lock()
	due := s.looked && s.account.Unread && now.Sub(s.talked) <= profile.UnreadTalks && !now.Before(s.nextNote)
	s.mu.Unlock()
	if !due || s.l.c.Unread == nil {
		return
	}
	s.nextNote = now.Add(profile.UnreadEvery)
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	if err := s.l.c.Unread(ctx, s.who, now); err != nil && ctx.Err() == nil {
		s.l.log.Warn("the state of a device was not noted", logkey.Meter, s.who.Number, logkey.Err, err)
	}
}

// ask reads the account. It logs an error and returns false.
func (s *legacySession) ask(ctx context.Context) (profile.Account, bool) {
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	a, err := s.l.c.Account(ctx, s.who)
	if errors.Is(err, profile.ErrReleased) {
		s.conn.quit(byRevocation)
		return a, false
	}
	if err != nil && ctx.Err() == nil {
		s.l.log.Warn("account of a device could not be looked up", logkey.Meter, s.who.Number, logkey.Err, err)
	}
	return a, err == nil
}

// idle is the time until something is due.
func (s *legacySession) idle(now time.Time) time.Duration {
	next := s.nextLook
	if s.nextPoll.Before(next) && !s.nextPoll.IsZero() {
		next = s.nextPoll
	}
	return next.Sub(now)
}

// next chooses the next message: the supply first, then warnings and summaries, then the question for data.
func (s *legacySession) next(now time.Time) (profile.Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.account.Contested {
		return profile.Message{}, false // nobody has said which of two devices is the meter's
	}
	if m, ok := s.supply(); ok {
		return m, true
	}
	if m, ok := s.l.c.Profile.Warn(s.device, s.account.Words); ok && s.account.Wallet && s.account.On && s.listens(m.Topic) && s.l.warnDue(s.account.Warning) {
		return m, true
	}
	if len(s.notes) > 0 {
		m := s.notes[0]
		s.notes = s.notes[1:]
		return m, true
	}
	return s.poll(now)
}

// supply returns the message that switches the relay, if one is due: after SUBSCRIBE, when the wanted supply has changed, and
// after data while the relay's state differs or is unknown. The caller holds mu.
func (s *legacySession) supply() (profile.Message, bool) {
	if !s.account.Wallet {
		return profile.Message{}, false
	}
	on := s.l.c.Profile.Wanted(s.account.On, s.last)
	wanted, position := "off", profile.Open
	if on {
		wanted, position = "on", profile.Closed
	}
	s.l.note(s, wanted)
	differs := s.asked && s.relay != position
	turned := s.commanded != "" && s.commanded != wanted
	s.asked = false // one order after each data message, even if the device never obeys
	if !s.owed && !differs && !turned {
		return profile.Message{}, false
	}
	if on && s.account.Unread && s.l.c.Profile.Measures() && s.l.c.Profile.NamesDevices() {
		// The order stays due until a value was read: energy that nobody measures is not supplied. A device of a fixed topic, such as an
		// Arduino, may need its supply to measure at all.
		return profile.Message{}, false
	}
	m, ok := s.l.c.Profile.Switch(s.device, on)
	if !ok || !s.listens(m.Topic) {
		return profile.Message{}, false // the order stays due until the device has sent its name and subscribed
	}
	s.owed, s.commanded = false, wanted
	return m, true
}

// poll returns the next question for the device's values. The caller holds mu.
func (s *legacySession) poll(now time.Time) (profile.Message, bool) {
	if len(s.polls) == 0 {
		if now.Before(s.nextPoll) {
			return profile.Message{}, false
		}
		ask := s.l.c.Profile.Ask(s.device)
		ask = slices.DeleteFunc(ask, func(m profile.Message) bool { return !s.listens(m.Topic) })
		if len(ask) == 0 {
			return profile.Message{}, false
		}
		s.polls, s.nextPoll = ask, now.Add(s.l.c.PollEvery)
	}
	m := s.polls[0]
	s.polls = s.polls[1:]
	return m, true
}

// send writes a PUBLISH of quality 0, not retained, at most [profile.MaxDown] bytes long.
func (s *legacySession) send(m profile.Message) bool {
	if n := packet.PublishSize(packet.V311, 0, len(m.Topic), len(m.Payload)); n > profile.MaxDown {
		s.l.log.Error("message to a device is too large to be sent", logkey.Meter, s.who.Number, logkey.Count, n)
		return true // profiles are checked against this limit, so closing the connection would not help
	}
	err := s.write(packet.AppendPublish(nil, packet.V311, 0, 0, m.Topic, "", []byte(m.Payload)))
	s.l.log.Debug("message sent to device", logkey.Meter, s.who.Number, logkey.Kind, m.Payload)
	return err == nil
}

// note stores the wanted supply, for people.
func (l *Legacy) note(s *legacySession, wanted string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == s {
		l.status.Wanted = wanted
	}
}
