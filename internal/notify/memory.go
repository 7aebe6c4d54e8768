package notify

import (
	"context"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/metering"
)

// AlarmMemoryFull: the memory of a route, a modem's SIM, is almost full.
const AlarmMemoryFull metering.AlarmCode = "sms-memory-full"

// watchMemory checks how full the memory of a route is, and raises or clears its alarm. It raises the alarm when the route
// reports almost full, and clears it below half, so that the alarm does not flap. The first check after a start also clears an
// alarm that an earlier run may have left. If the alarm cannot be written, the next check writes it.
func (d *Dispatcher) watchMemory(ctx context.Context, n int, r Configured) error {
	k, is := r.Route.(BufferedRoute)
	if !is {
		return nil
	}
	m := k.Memory()
	raise, end := d.memoryAlarm(n, m)
	if !raise && !end {
		return nil
	}
	name := r.Name()
	err := d.everyTenant(ctx, func(t access.Tenant) error {
		return d.c.Door.Do(ctx, t, func(tx Tx) (bool, error) {
			if end {
				return false, tx.Outcomes().ClearAlarmText(d.c.Server, AlarmMemoryFull, alarmtext.MemoryFull(name))
			}
			if err := tx.Outcomes().AuditLog(d.entry("message.memory_full", name, fmt.Sprintf("used=%d slots=%d", m.Used, m.Slots))); err != nil {
				return false, err
			}
			return false, tx.Outcomes().RaiseAlarm(0, metering.Alarm{Code: AlarmMemoryFull, Text: alarmtext.MemoryFull(name), Server: d.c.Server})
		})
	})
	if err != nil {
		return fmt.Errorf("record how full the memory of %s is: %w", name, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ways[n].full, d.ways[n].looked = raise, true
	if raise {
		d.c.Log.Warn("message memory of a route almost full", logkey.Route, name, logkey.Count, m.Used)
	}
	return nil
}

// memoryAlarm stores the state of a route's memory, and reports whether its alarm must be raised or cleared.
func (d *Dispatcher) memoryAlarm(n int, m Memory) (raise, end bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := &d.ways[n]
	w.memory = m
	if m.Slots == 0 {
		return false, false
	}
	return m.AlmostFull && !w.full, 2*m.Used < m.Slots && (w.full || !w.looked)
}
