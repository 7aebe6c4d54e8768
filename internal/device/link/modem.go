package link

import "context"

// Modem runs a link while it has power. Its methods belong to one goroutine, that of the device.
type Modem struct {
	*Link
	ctx  context.Context
	stop context.CancelFunc
	done chan struct{}
}

// NewModem returns the modem of a meter that has mains and connects it. The end of ctx stops it for good.
func NewModem(ctx context.Context, l *Link) *Modem {
	m := &Modem{Link: l, ctx: ctx}
	m.Power(true)
	return m
}

// Power switches the modem. Switching it off ends the connection and waits until Run has returned.
func (m *Modem) Power(on bool) {
	if on == (m.stop != nil) {
		return
	}
	if !on {
		m.stop()
		<-m.done
		m.stop = nil
		return
	}
	ctx, stop := context.WithCancel(m.ctx)
	done := make(chan struct{})
	m.stop, m.done = stop, done
	go func() {
		defer close(done)
		m.Run(ctx)
	}()
}
