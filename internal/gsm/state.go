package gsm

import "github.com/paywatt/paywatt/internal/logkey"

// Phase tells how far a modem has come in its start.
type Phase string

// The phases.
const (
	Closed     Phase = "closed"       // the port is not open, or no modem answers on it
	Starting   Phase = "starting"     // the modem answers and is being set up
	NoSIM      Phase = "no-sim"       // no SIM, or a broken SIM
	PINNeeded  Phase = "pin-needed"   // the SIM asks for a PIN and none is configured
	PINRefused Phase = "pin-refused"  // the configured PIN was wrong, or tries were lost before; a person must look
	PUKNeeded  Phase = "puk-needed"   // the SIM is blocked
	Searching  Phase = "searching"    // no network yet
	Denied     Phase = "denied"       // the network refuses this SIM
	Ready      Phase = "ready"        // messages can be sent and received
	PoweredOff Phase = "powered-down" // the modem reported that it switches itself off
)

// State holds the known facts about a modem.
type State struct {
	Phase    Phase  `json:"phase"`
	Problem  string `json:"problem,omitempty"` // the last problem, in words
	Model    string `json:"model,omitempty"`
	IMEI     string `json:"imei,omitempty"`
	Roaming  bool   `json:"roaming"`
	Signal   int    `json:"signal_dbm"` // 0: unknown
	Used     int    `json:"used"`       // messages in the SIM
	Slots    int    `json:"slots"`      // slots of the SIM
	Queue    int    `json:"queue"`      // messages waiting to be sent
	Resets   int    `json:"resets"`     // resets of the modem in the middle of a session
	Reopened int    `json:"reopened"`   // number of times that the port had to be opened again
	Unknown  int    `json:"unknown"`    // parts whose answer was lost
	Dropped  int    `json:"dropped"`    // reports and direct messages that were lost because the Inbox was too slow
	Low      int    `json:"low_supply"` // warnings of a low supply
}

// AlmostFull reports whether the SIM is almost full: messages are not deleted fast enough, or other programs store messages
// there.
func (s State) AlmostFull() bool { return s.Slots > 0 && 100*s.Used >= almostFull*s.Slots }

// State returns the current state.
func (m *Modem) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.state
	s.Queue = len(m.queue)
	return s
}

// change changes the state and calls Config.Changed.
func (m *Modem) change(f func(*State)) {
	m.mu.Lock()
	before := m.state
	f(&m.state)
	after := m.state
	after.Queue = len(m.queue)
	m.mu.Unlock()
	if before == m.state {
		return
	}
	if before.Phase != after.Phase {
		m.cfg.Log.Info("modem changed", logkey.State, string(after.Phase), logkey.Reason, after.Problem)
	}
	if !before.AlmostFull() && after.AlmostFull() {
		m.cfg.Log.Warn("message memory of the modem almost full", logkey.Count, after.Used)
	}
	if m.cfg.Changed != nil {
		m.cfg.Changed(after)
	}
}
