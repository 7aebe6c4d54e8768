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

// memoryChange is the effect of a look at the memory of a route on its alarm.
type memoryChange uint8

const (
	memorySame memoryChange = iota
	memoryFilled
	memoryStillFull // its alarm is written again
	memoryEmptied
)

// watchMemory checks how full the memory of a route is, and raises or clears its alarm. It raises the alarm when the route
// reports almost full, again every alarmEvery, and clears it below half, so that the alarm does not flap. The first check after a
// start also clears an alarm that an earlier run may have left. If the alarm cannot be written, the next check writes it.
func (d *Dispatcher) watchMemory(ctx context.Context, n int, r Configured) error {
	k, is := r.Route.(BufferedRoute)
	if !is {
		return nil
	}
	m := k.Memory()
	change := d.judgeMemory(n, m)
	if change == memorySame {
		return nil
	}
	name := r.Name()
	err := d.everyTenant(ctx, func(t access.Tenant) error {
		return d.c.Door.Do(ctx, t, func(tx Tx) (bool, error) { return false, d.applyMemoryChange(tx, change, name, m) })
	})
	if err != nil {
		return fmt.Errorf("record how full the memory of %s is: %w", name, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	w := &d.ways[n]
	w.full, w.fullAt, w.looked = change != memoryEmptied, d.c.Now(), true
	if change == memoryFilled {
		d.c.Log.Warn("message memory of a route almost full", logkey.Route, name, logkey.Count, m.Used)
	}
	return nil
}

// applyMemoryChange writes or clears the alarm of a memory. Only the first alarm is recorded in the audit log.
func (d *Dispatcher) applyMemoryChange(tx Tx, change memoryChange, name string, m Memory) error {
	if change == memoryEmptied {
		return tx.Outcomes().ClearAlarmText(d.c.Server, AlarmMemoryFull, alarmtext.MemoryFull(name))
	}
	if change == memoryFilled {
		if err := tx.Outcomes().AuditLog(d.entry("message.memory_full", name, fmt.Sprintf("used=%d slots=%d", m.Used, m.Slots))); err != nil {
			return err
		}
	}
	return tx.Outcomes().RaiseAlarm(0, metering.Alarm{Code: AlarmMemoryFull, Text: alarmtext.MemoryFull(name), Server: d.c.Server})
}

// judgeMemory stores the state of a route's memory, and returns what it changes.
func (d *Dispatcher) judgeMemory(n int, m Memory) memoryChange {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := &d.ways[n]
	w.memory = m
	switch {
	case m.Slots == 0:
		return memorySame
	case 2*m.Used < m.Slots && (w.full || !w.looked):
		return memoryEmptied
	case m.AlmostFull && !w.full:
		return memoryFilled
	case w.full && d.c.Now().Sub(w.fullAt) >= alarmEvery:
		return memoryStillFull
	}
	return memorySame
}
