package device

import "time"

// View is what can be seen of a meter from outside, as defined in docs/operate/virtual-meter.md#the-script.
type View struct {
	// T is the meter's calendar, to the second.
	T          string `json:"t"`
	RegisterWh int64  `json:"register_wh"`
	BalanceWh  int64  `json:"balance_wh"`
	ECUsedWh   int64  `json:"ec_used_wh"`
	OverrunWh  int64  `json:"overrun_wh"`
	// Relay is the position that the meter has decided: closed, open or armed. The contact follows; it closes no sooner
	// than 5 s after the last operation.
	Relay   string   `json:"relay"`
	Reasons []string `json:"reasons"`
	// LCD is the text on the display; its lines are empty without mains.
	LCD    []string `json:"lcd"`
	LED    string   `json:"led"`
	Buzzer string   `json:"buzzer"`
	// SMSOut is the messages that the meter has sent since the last TakeSMS.
	SMSOut []SMS `json:"sms_out"`
	// LastToken is the result of the last token from any source since the process began; empty if there was none.
	LastToken string `json:"last_token"`
	// LeaseSeq is the number of the newest lease; it is left out without a lease. With a lease, BalanceWh is the energy left of
	// it.
	LeaseSeq uint32 `json:"lease_seq,omitempty"`
}

// View returns the current view. It leaves the sent messages for TakeSMS to take.
func (d *Device) View() View {
	s := &d.state
	v := View{
		T:          d.clock.time().Format(time.RFC3339),
		RegisterWh: int64(s.Register), BalanceWh: int64(s.Balance), ECUsedWh: int64(s.ECUsed), OverrunWh: int64(s.Overrun),
		Relay: s.Relay.String(), Reasons: s.Reasons.Names(),
		LCD: make([]string, d.c.Display.Height()), LED: s.LED.String(), Buzzer: s.Buzzer.String(),
		SMSOut: []SMS{}, LastToken: d.lastToken, LeaseSeq: s.LeaseSeq,
	}
	if !d.on {
		v.LED, v.Buzzer = "off", "off"
		return v
	}
	v.LCD = d.panel.Lines(d.look())
	return v
}
