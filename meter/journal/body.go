package journal

import (
	"bytes"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// snapshot is the body of a snapshot. Its prefix has the same place and meaning in every version, so that a meter that
// does not know the version can continue counting from the prefix. Later versions append.
type snapshot struct {
	number    uint64
	configGen uint32
	keysGen   uint32
	state     meter.State
}

// prefix reads or writes the fields that every version has in the same place.
func (s *snapshot) prefix(c *cursor) {
	st := &s.state
	c.u64("number", &s.number)
	c.i64("register_wh", (*int64)(&st.Register))
	c.i64("balance_wh", (*int64)(&st.Balance))
	c.wide("ec_used_wh", &st.ECUsed)
	c.i64("overrun_wh", (*int64)(&st.Overrun))
	c.u32("pulse_rem", &st.PulseRem)
	c.u32("imp_per_kwh", &st.Imp)
	c.u64("seq", &st.Seq)
	c.u32("config_generation", &s.configGen)
	c.u32("keys_generation", &s.keysGen)
	c.u16("reasons", (*uint16)(&st.Reasons))
	c.u8("relay", (*uint8)(&st.Relay))
	c.flag("confirm", &st.Confirm)
}

// body reads or writes a whole snapshot of a version.
func (s *snapshot) body(c *cursor, version uint16) {
	s.prefix(c)
	st := &s.state
	c.u32("applied", &st.Applied)
	c.u64("counter", &st.Counter)
	c.u64("on_ms", &st.On)
	c.wideU("last_at", &st.LastAt)
	c.u32("boots", &st.Boots)
	c.u16("unclean", &st.Unclean)
	c.flag("saved", &st.Saved)
	c.flag("low1_below", &st.Low1.Below)
	c.flag("low1_fired", &st.Low1.Fired)
	c.flag("low2_below", &st.Low2.Below)
	c.flag("low2_fired", &st.Low2.Fired)
	c.u16("base_date", (*uint16)(&st.Key.Base))
	c.u8("key_type", (*uint8)(&st.Key.Type))
	c.u8("ken", &st.Key.KEN)
	tids := st.TIDs.TIDs()
	for i := range tids {
		c.u24(c.nth("tid", i), (*uint32)(&tids[i]))
	}
	st.TIDs = sts.NewTIDStore(tids)
	for i := range st.Guards {
		guard(c, i, &st.Guards[i])
	}
	for i := range st.RingKeys {
		c.u64(c.nth("ring_key", i), &st.RingKeys[i])
	}
	for i := range st.RingAnswers {
		c.u8(c.nth("ring_answer", i), &st.RingAnswers[i])
	}
	s.ringNext(c)
	if version >= 2 {
		s.body2(c)
	}
	if version >= 3 {
		s.body3(c)
	} else {
		// Fields that the version does not have get the values of a new meter.
		made := meter.New(meter.KeyInfo{}, &meter.Config{}, 0)
		st.TripGaps, st.Week, st.Clock = made.TripGaps, made.Week, made.Clock
	}
	if version >= 4 {
		c.u32("lease_seq", &st.LeaseSeq)
		c.u32("lease_at", &st.LeaseAt)
	}
}

// ringNext is the index of the oldest answer in the ring. A state has the oldest first; versions before 4 could have it
// anywhere.
func (s *snapshot) ringNext(c *cursor) {
	st, next := &s.state, uint8(0)
	c.u8("ring_next", &next)
	if next >= meter.RingSize {
		st.RingKeys, st.RingAnswers = [meter.RingSize]uint64{}, [meter.RingSize]uint8{}
		return
	}
	keys, answers := st.RingKeys, st.RingAnswers
	for i := range keys {
		from := (i + int(next)) % meter.RingSize
		st.RingKeys[i], st.RingAnswers[i] = keys[from], answers[from]
	}
}

// body2 holds what version 2 added: the rest of the key's description, the sections of a key change, the power limit.
func (s *snapshot) body2(c *cursor) {
	st := &s.state
	c.u8("ea", (*uint8)(&st.Key.EA))
	c.flag("named", &st.Key.Named)
	c.u8("krn", &st.Key.KRN)
	c.u8("ti", &st.Key.TI)
	c.u32("sgc", &st.Key.SGC)
	c.u8("sections", &st.Sections)
	c.u32("sections_until", &st.SectionsUntil)
	c.i32("power_limit_w", (*int32)(&st.Limit))
}

// body3 holds what version 3 added: emergency credit, friendly calendar, power limit, tamper latches, clock, the
// current day and month.
func (s *snapshot) body3(c *cursor) {
	st := &s.state
	c.u32("export_wh", &st.Export)
	flags := st.Flags &^ meter.Volatile
	c.u8("flags", (*uint8)(&flags))
	st.Flags = st.Flags&meter.Volatile | flags&^meter.Volatile
	c.u8("ec", (*uint8)(&st.EC))
	overload := st.Overload
	if overload == meter.OverloadTiming {
		overload = meter.OverloadNone // after a power cut the timing of an overload begins anew
	}
	c.u8("overload", (*uint8)(&overload))
	if !c.write {
		st.Overload = overload
	}
	c.u32("trip_at", &st.TripAt)
	for i := range st.TripGaps {
		c.u16(c.nth("trip_gap", i), &st.TripGaps[i])
	}
	c.u8("latched", (*uint8)(&st.Latched))
	c.u8("asserted", (*uint8)(&st.Asserted))
	c.u8("waiting", (*uint8)(&st.Waiting))
	c.u16("tampered", &st.Tampered)
	c.u8("clock", (*uint8)(&st.Clock))
	c.u8("set_by", (*uint8)(&st.SetBy))
	c.u16("moved_s", &st.Moved)
	c.u16("moved_at", &st.MovedAt)
	c.u16("closed_day", (*uint16)(&st.Closed))
	d := &st.Day
	c.u16("day", (*uint16)(&d.Date))
	c.u32("day_used_wh", &d.Used)
	c.u32("day_tokens_wh", &d.Tokens)
	c.i32("day_min_wh", &d.Min)
	c.i32("day_max_wh", &d.Max)
	c.i32("day_peak_w", (*int32)(&d.Peak))
	c.u16("day_off", &d.Off)
	c.u16("day_events", &d.Events)
	c.u8("day_clock", (*uint8)(&d.Clock))
	c.u32("month_used_wh", &st.Month.Used)
	c.u32("month_tokens_wh", &st.Month.Tokens)
	for i := range st.Week {
		c.u16(c.nth("week_used", i), &st.Week[i])
	}
}

func guard(c *cursor, i int, g *meter.Guard) {
	names := [...][4]string{
		{"keypad_age", "keypad_last", "keypad_until", "keypad_row"},
		{"sms_age", "sms_last", "sms_until", "sms_row"},
		{"remote_age", "remote_last", "remote_until", "remote_row"},
	}[i]
	last, ages := g.Kept()
	for j := range ages {
		c.u16(c.nth(names[0], j), &ages[j])
	}
	c.u32(names[1], &last)
	g.Keep(last, ages)
	c.u32(names[2], &g.Until)
	c.u8(names[3], &g.Row)
}

// sound reports whether the state that was read could have been written.
func (s *snapshot) sound() bool {
	st := &s.state
	return st.Register >= 0 && st.Balance >= 0 && st.ECUsed >= 0 && st.Overrun >= 0 &&
		(st.Balance == 0 || st.Overrun == 0) && st.Imp > 0 && st.Seq > 0 &&
		st.Relay <= supply.Armed && st.Reasons.Known() && st.Sections < 1<<sections &&
		st.Limit >= 0 && st.EC <= meter.ECExhausted && st.Overload <= meter.OverloadLocked &&
		st.Latched.Known() && st.Asserted.Known() && st.Waiting.Known() && st.Clock <= meter.ClockValid &&
		st.SetBy <= meter.ClockServer && st.Day.Clock <= meter.ClockValid && st.Day.Peak >= 0
}

// configBody is the body of a configuration. Fields that the version does not have keep the defaults that cfg begins
// with.
func configBody(c *cursor, cfg *meter.Config, version uint16) {
	c.u64("number", &cfg.Number)
	c.u16("mfr_code", &cfg.MfrCode)
	c.flag("long_number", &cfg.LongNumber)
	c.u32("version", &cfg.Version)
	c.u32("imp_per_kwh", &cfg.ImpPerKWh)
	c.i64("low1_wh", (*int64)(&cfg.Low1))
	c.i64("low2_wh", (*int64)(&cfg.Low2))
	c.i64("cutoff_wh", (*int64)(&cfg.Cutoff))
	c.i64("clearance_wh", (*int64)(&cfg.Clearance))
	c.i64("max_balance_wh", (*int64)(&cfg.MaxBalance))
	c.u32("reading_s", &cfg.ReadingEvery)
	c.i16("tz_min", &cfg.TZMinutes)
	c.u16("confirm_after", (*uint16)(&cfg.ConfirmAfter))
	if version >= 2 {
		configBody2(c, cfg)
	}
	if version >= 3 {
		c.flag("wallet", &cfg.Wallet)
		grace := int32(cfg.LeaseGrace)
		c.i32("lease_grace_wh", &grace)
		cfg.LeaseGrace = unit.Energy(grace)
	}
}

// configBody2 holds what version 2 added.
func configBody2(c *cursor, cfg *meter.Config) {
	c.u8("low1_days", &cfg.Low1Days)
	c.flag("reminder_trip", &cfg.Reminder)
	c.narrow("overrun_limit_wh", &cfg.OverrunLimit)
	c.narrow("ec_limit_wh", &cfg.ECLimit)
	c.narrow("ec_initial_wh", &cfg.ECInitial)
	c.narrow("ec_threshold_wh", &cfg.ECThreshold)
	c.flag("ec_repay", &cfg.ECRepay)
	c.i32("power_limit_w", (*int32)(&cfg.PowerLimit))
	c.i32("ec_power_w", (*int32)(&cfg.ECPower))
	c.i32("lifeline_w", (*int32)(&cfg.Lifeline))
	c.u16("trip_s", &cfg.TripAfter)
	c.u16("retry_s", &cfg.RetryAfter)
	c.u16("trip_window_s", &cfg.TripWindow)
	c.u16("lockout_s", &cfg.LockFor)
	c.u8("max_trips", &cfg.Trips)
	c.flag("lockout_manual", &cfg.LockManual)
	for i := range cfg.Tamper {
		c.u8(c.nth("tamper_policy", i), (*uint8)(&cfg.Tamper[i]))
	}
	c.flag("reverse_debit", &cfg.ReverseDebit)
	c.flag("net_metering", &cfg.NetMetering)
	c.flag("friendly_invalid", &cfg.FriendlyInvalid)
	c.u8("language", (*uint8)(&cfg.Language))
	c.u8("dst_shift_min", &cfg.DST.Shift)
	for i, s := range [...]*meter.Switch{&cfg.DST.Begin, &cfg.DST.End} {
		name := [...]string{"dst_begin", "dst_end"}[i]
		c.u8(name+"_month", &s.Month)
		c.u8(name+"_week", &s.Week)
		c.u8(name+"_weekday", &s.Weekday)
		c.u16(name+"_minute", &s.Minute)
	}
	for i := range cfg.Friendly {
		c.u8(c.nth("window_days", i), &cfg.Friendly[i].Days)
	}
	for i := range cfg.Friendly {
		c.u16(c.nth("window_from", i), &cfg.Friendly[i].From)
	}
	for i := range cfg.Friendly {
		c.u16(c.nth("window_to", i), &cfg.Friendly[i].To)
	}
	for i := range cfg.Special {
		c.u16(c.nth("special_day", i), (*uint16)(&cfg.Special[i].Date))
	}
	for i := range cfg.Special {
		c.u16(c.nth("special_from", i), &cfg.Special[i].From)
	}
	for i := range cfg.Special {
		c.u16(c.nth("special_to", i), &cfg.Special[i].To)
	}
}

// keyBytes is the space for a decoder key in bytes; EA11 fills it.
const keyBytes = 16

// sections is the number of sections of a key change that are stored.
const sections = 4

// keys is the body of a keys record, the only record that holds secrets.
type keys struct {
	info    meter.KeyInfo
	size    uint8
	key     [keyBytes]uint8
	changes uint16
	pending [sections]uint64
	// previous is the key before the last change; previousEA is 0 for none.
	previousEA uint8
	previous   [keyBytes]uint8
}

func (k *keys) body(c *cursor, version uint16) {
	c.u16("base_date", (*uint16)(&k.info.Base))
	c.u8("key_type", (*uint8)(&k.info.Type))
	c.u8("ken", &k.info.KEN)
	c.flag("named", &k.info.Named)
	c.u32("sgc", &k.info.SGC)
	c.u8("krn", &k.info.KRN)
	c.u8("ti", &k.info.TI)
	c.u8("ea", (*uint8)(&k.info.EA))
	c.u8("key_size", &k.size)
	for i := range k.key {
		c.u8(c.nth("key", i), &k.key[i])
		c.note(secret)
	}
	if version < 2 {
		return
	}
	c.u16("changes", &k.changes)
	for i := range k.pending {
		c.u64(c.nth("section", i), &k.pending[i])
		c.note(secret)
	}
	if version < 3 {
		return
	}
	c.u8("previous_ea", &k.previousEA)
	for i := range k.previous {
		c.u8(c.nth("previous", i), &k.previous[i])
		c.note(secret)
	}
}

// entry is a log record with the fields that the memory adds to it.
type entry struct {
	Entry
	generation uint32
	version    uint8
}

// body is a log record up to its checksum. The fields between its flags and its generation depend on its kind.
func (e *entry) body(c *cursor) {
	r := &e.Record
	c.u32("seq", &r.Seq)
	c.u8("version", &e.version)
	c.u8("kind", (*uint8)(&r.Kind))
	c.u8("source", (*uint8)(&r.Source))
	if r.Kind == meter.RecordCommand {
		c.u8("result", (*uint8)(&r.Refused))
	} else {
		c.u8("result", (*uint8)(&r.Result))
	}
	c.u8("class", &r.Class)
	c.u8("subclass", &r.SubClass)
	c.u8("command", (*uint8)(&r.Command))
	flags := uint8(0)
	for bit, set := range [...]*bool{&r.HasTID, &r.Force, &r.Rollover, &r.Wallet} {
		if *set {
			flags |= 1 << bit
		}
	}
	c.u8("flags", &flags)
	for bit, set := range [...]*bool{&r.HasTID, &r.Force, &r.Rollover, &r.Wallet} {
		*set = flags>>bit&1 == 1
	}
	if r.Kind == meter.RecordKeys {
		e.keysBody(c)
	} else {
		e.plainBody(c)
	}
	c.u32("generation", &e.generation)
	b := c.take("request", meter.MaxRequest)
	c.note(text)
	if c.write {
		copy(b, e.Text)
	} else {
		e.Text = string(bytes.TrimRight(b, "\x00"))
	}
}

// register holds the low 32 bits of the total register; the snapshot has the rest.
func (e *entry) register(c *cursor) {
	low := uint32(e.Register)
	c.u32("register_wh", &low)
	if !c.write {
		e.Register = unit.Energy(low)
	}
}

// complete adds the high bits of the register from the snapshot to a record that was read.
func (e *entry) complete(snapshot unit.Energy) {
	if e.Register != 0 {
		e.Register = max(0, snapshot+unit.Energy(int32(uint32(e.Register)-uint32(snapshot))))
	}
}

func (e *entry) plainBody(c *cursor) {
	r := &e.Record
	if r.Kind == meter.RecordCommand && r.Command == meter.CommandLease {
		c.u32("tid", &r.Lease)
	} else {
		c.u32("tid", (*uint32)(&r.TID))
	}
	if e.version <= 2 {
		c.i64("units_wh", (*int64)(&r.Units))
	} else {
		units := int32(r.Units)
		c.i32("units_wh", &units)
		r.Units = unit.Energy(units)
		e.register(c)
	}
	c.u64("counter", &r.Counter)
	c.u32("value", &r.Value)
}

// keysBody holds the fields of a key change section, and the public description of the new key.
func (e *entry) keysBody(c *cursor) {
	r := &e.Record
	c.u8("sections", &r.Sections)
	c.u16("base_date", (*uint16)(&r.Key.Base))
	c.u8("key_type", (*uint8)(&r.Key.Type))
	c.u8("ken", &r.Key.KEN)
	c.u8("ea", (*uint8)(&r.Key.EA))
	c.flag("named", &r.Key.Named)
	c.u8("krn", &r.Key.KRN)
	c.u8("ti", &r.Key.TI)
	c.u32("sgc", &r.Key.SGC)
	if e.version > 2 {
		e.register(c)
		c.take("unused", 7)
	} else {
		c.take("unused", 11)
	}
}
