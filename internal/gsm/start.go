package gsm

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/at"
)

// Times and tries of starting.
const (
	probeTries  = 20
	probeTime   = 500 * time.Millisecond
	startTime   = 60 * time.Second // from the first answer until messages must work
	startPause  = time.Second
	simInterval = 30 * time.Second // time between two checks of a SIM that needs a person
)

// probe finds the modem. It expects a few lost answers: the modem may still be detecting the speed or starting, or may be in the middle of
// an earlier host's message.
func (s *session) probe() error {
	for range probeTries {
		if err := s.write("\x1b\r"); err != nil {
			return err
		}
		x, err := s.ask(at.Command{Text: "AT"}, probeTime)
		switch {
		case err == nil && x.result.Status == at.OK:
			return s.resync() // answers to the earlier tries may still come, so resync skips them
		case errors.Is(err, errReset):
			s.reset = false // the modem is starting now, as expected
		case err != nil && !errors.Is(err, errSilent):
			return err
		}
	}
	return errSilent
}

// setUp brings the modem from the first answer to Ready, or to a state that only a person can end. A reset loses these settings, so setUp
// runs again after each reset.
func (s *session) setUp() error {
	end := s.m.cfg.Now().Add(startTime)
	s.locked = false
	for _, c := range []string{"ATE0", "AT+CMEE=1"} {
		if err := s.persist(end, at.Command{Text: c}); err != nil {
			return err
		}
	}
	if err := s.identify(); err != nil {
		return err
	}
	if err := s.unlock(end); err != nil || s.locked {
		return err
	}
	for _, c := range []string{"AT+CREG=1", "AT+CMGF=0"} {
		if err := s.persist(end, at.Command{Text: c}); err != nil {
			return err
		}
	}
	if s.m.centre.Text != "" {
		c := fmt.Sprintf(`AT+CSCA="%s",%d`, s.m.centre, s.m.centre.TypeOctet())
		if err := s.persist(end, at.Command{Text: c}); err != nil {
			return err
		}
	}
	if err := s.persist(end, prefixed(`AT+CPMS="SM","SM","SM"`)); err != nil {
		return err
	}
	if err := s.indicate(end); err != nil {
		return err
	}
	s.up = true
	return s.look()
}

// persist repeats a command until it succeeds: before "SMS Ready" a modem may refuse every command for messages.
func (s *session) persist(end time.Time, c at.Command) error {
	for {
		_, err := s.do(c, answerTime)
		if err == nil || broken(err) {
			return err
		}
		if s.m.cfg.Now().After(end) {
			return fmt.Errorf("set up: %w", err)
		}
		if err := s.pause(startPause); err != nil {
			return err
		}
	}
}

// indicate asks for notices of arrivals and reports. The modem stores a message first (mt=1): a message handed on directly
// would be lost if this process died. Modems support different modes, so indicate uses the best one that the modem accepts.
func (s *session) indicate(end time.Time) error {
	var err error
	for _, mode := range []string{"2,1,0,1,0", "2,1,0,2,0", "1,1,0,1,0", "2,1,0,0,0", "2,1"} {
		if _, err = s.do(at.Command{Text: "AT+CNMI=" + mode}, answerTime); err == nil || broken(err) {
			return err
		}
	}
	return s.persist(end, at.Command{Text: "AT+CNMI=2,1,0,1,0"})
}

// identify reads the modem's model and IMEI; the modem may refuse both.
func (s *session) identify() error {
	for _, q := range []struct {
		command string
		keep    func(*State, string)
	}{
		{"AT+CGMM", func(st *State, v string) { st.Model = v }},
		{"AT+CGSN", func(st *State, v string) { st.IMEI = v }},
	} {
		info, err := s.do(at.Command{Text: q.command, Free: true}, answerTime)
		if broken(err) {
			return err
		}
		if err == nil && len(info) > 0 {
			s.m.change(func(st *State) {
				q.keep(st, strings.TrimPrefix(info[0].Text, strings.TrimPrefix(q.command, "AT")+": "))
			})
		}
	}
	return nil
}

// unlock brings the SIM to READY, unless it would have to guess a PIN.
func (s *session) unlock(end time.Time) error {
	for {
		info, err := s.do(prefixed("AT+CPIN?"), answerTime)
		if broken(err) {
			return err
		}
		state := ""
		if err == nil && len(info) > 0 {
			state = at.Fields(info[0].Text)[0].Text
		}
		switch {
		case state == "READY":
			return nil
		case state == "SIM PIN":
			again, err := s.enterPIN()
			if err != nil || !again {
				return err
			}
		case strings.HasSuffix(state, "PUK"), strings.HasPrefix(state, "PH-"), strings.HasSuffix(state, "PIN2"):
			s.lock(PUKNeeded, "the SIM answers "+state+"; unlock it in a phone")
			return nil
		default: // not inserted, busy, not ready, or no answer
			if s.m.cfg.Now().After(end) {
				s.lock(NoSIM, "no SIM was found")
				return nil
			}
		}
		if err := s.pause(startPause); err != nil {
			return err
		}
	}
}

// enterPIN enters the PIN once. A wrong PIN is never tried again, even after a restart of this process: enterPIN asks the modem how many
// tries are left. The result is true if the SIM accepted the PIN. The caller must then read the SIM's state once more.
func (s *session) enterPIN() (again bool, err error) {
	if s.m.cfg.PIN == "" {
		s.lock(PINNeeded, "the SIM asks for a PIN and none is configured")
		return false, nil
	}
	info, err := s.do(prefixed("AT+SPIC"), answerTime)
	if broken(err) {
		return false, err
	}
	left, known := 0, false
	if err == nil && len(info) > 0 {
		left, known = at.Fields(info[0].Text)[0].Int()
	}
	switch {
	case known && left < 3:
		s.lock(PINRefused, fmt.Sprintf("a wrong PIN was entered; %d tries are left", left))
		return false, nil
	case !known && s.m.pinTried:
		s.lock(PINRefused, "the configured PIN was tried before")
		return false, nil
	}
	// From here on the PIN counts as tried, even if the answer is lost.
	s.m.pinTried = true
	_, err = s.do(at.Command{Text: `AT+CPIN="` + s.m.cfg.PIN + `"`}, pinTime)
	switch {
	case broken(err):
		return false, err
	case err != nil:
		s.lock(PINRefused, "the SIM refused the configured PIN; it was not tried again")
		return false, nil
	}
	s.m.pinTried = false
	return true, nil
}

func (s *session) lock(p Phase, why string) {
	s.locked = true
	s.m.change(func(st *State) { st.Phase, st.Problem = p, why })
}

// pause waits and handles the modem's output meanwhile.
func (s *session) pause(d time.Duration) error {
	end := time.NewTimer(d)
	defer end.Stop()
	for {
		err := s.pump(end.C)
		if errors.Is(err, errSilent) {
			err = nil
			if !s.reset {
				return nil
			}
		}
		if err != nil {
			return err
		}
		if s.reset {
			return errReset
		}
	}
}

// look reads registration, signal and storage.
func (s *session) look() error {
	s.checked = s.m.cfg.Now()
	info, err := s.do(prefixed("AT+CREG?"), answerTime)
	if broken(err) {
		return err
	}
	if err == nil && len(info) > 0 {
		if f := at.Fields(info[0].Text); len(f) > 1 {
			s.registration(f[1])
		}
	}
	info, err = s.do(prefixed("AT+CSQ"), answerTime)
	if broken(err) {
		return err
	}
	if err == nil && len(info) > 0 {
		dbm := 0
		if rssi, ok := at.Fields(info[0].Text)[0].Int(); ok && rssi <= 31 {
			dbm = -113 + 2*rssi
		}
		s.m.change(func(st *State) { st.Signal = dbm })
	}
	return s.lookAtStorage()
}

// lookAtStorage reads how many of the SIM's slots are used.
func (s *session) lookAtStorage() error {
	info, err := s.do(prefixed("AT+CPMS?"), answerTime)
	if err != nil || len(info) == 0 {
		if broken(err) {
			return err
		}
		return nil
	}
	f := at.Fields(info[0].Text)
	if len(f) < 3 {
		return nil
	}
	used, ok1 := f[1].Int()
	slots, ok2 := f[2].Int()
	if ok1 && ok2 {
		s.m.change(func(st *State) { st.Used, st.Slots = used, slots })
	}
	return nil
}

// registration handles a registration state: 1 (home) and 5 (roaming) are good.
func (s *session) registration(f at.Field) {
	n, ok := f.Int()
	if !ok || s.locked {
		return
	}
	s.m.change(func(st *State) {
		st.Roaming = n == 5
		switch n {
		case 1, 5:
			st.Phase, st.Problem = Ready, ""
		case 3:
			st.Phase, st.Problem = Denied, "the network refuses this SIM"
		default:
			st.Phase, st.Problem = Searching, "no network"
		}
	})
}
