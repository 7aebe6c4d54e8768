package profile_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/profile"
)

// sensor is a message of a Tasmota plug with its register in kWh.
const sensor = "tele/plug/SENSOR"

func total(kwh string) string { return `{"ENERGY":{"Total":` + kwh + `}}` }

// TestEveryFailureOfAMessageIsReported lets each call to the store fail, for each kind of message. A message that was not stored must not be
// acknowledged.
func TestEveryFailureOfAMessageIsReported(t *testing.T) {
	p, sampled := library(t)["tasmota"], library(t)["seed-a"]
	for name, c := range map[string]struct {
		p       *profile.Profile
		before  []message
		message message
	}{
		"a first value":       {p, nil, message{0, sensor, total("9.000")}},
		"a second device":     {p, []message{{0, sensor, total("9.000")}}, message{1, "tele/bath/SENSOR", total("9.000")}},
		"an entry":            {p, []message{{0, sensor, total("9.000")}}, message{10, sensor, total("8.000")}},
		"an alarm about it":   {p, []message{{0, sensor, total("9.000")}, {10, sensor, total("8.000")}}, message{75, sensor, total("8.000")}},
		"the end of an entry": {p, []message{{0, sensor, total("9.000")}, {10, sensor, total("8.000")}}, message{20, sensor, total("9.001")}},
		"a first gap":         {sampled, []message{{0, "GsmClientTest/ledStatus", "500:512"}}, message{90, "GsmClientTest/ledStatus", "500:512"}},
	} {
		t.Run(name, func(t *testing.T) {
			begin := func() *rows {
				r := newRows()
				for _, m := range c.before {
					if _, err := r.says(c.p, m.second, m.topic, m.payload); err != nil {
						t.Fatal(err)
					}
				}
				return r
			}
			breakEachCall(t, begin, func(r *rows) error {
				out, err := r.says(c.p, c.message.second, c.message.topic, c.message.payload)
				if err != nil && (out != (profile.Outcome{}) || !strings.Contains(err.Error(), number)) {
					t.Errorf("%v, and the outcome %+v", err, out)
				}
				return err
			})
		})
	}
}

// message is a message of a device.
type message struct {
	second         int
	topic, payload string
}

// TestTheOutcomeOfAMessage reads what the gateway learns of a message.
func TestTheOutcomeOfAMessage(t *testing.T) {
	p, r := library(t)["tasmota"], newRows()
	for _, c := range []struct {
		message
		acceptance profile.Acceptance
		kind       profile.Kind
		reading    bool
		mwh        int64
	}{
		{message{0, sensor, total("9.000")}, profile.Accepted, profile.IsData, true, 0},
		{message{1, sensor, total("9.0005")}, profile.Accepted, profile.IsData, false, 500},
		{message{2, "tele/plug/INFO", ""}, profile.Accepted, profile.Ignored, false, 0},
		{message{3, "tele/plug/LWT", "Online"}, profile.Accepted, profile.IsStarted, false, 500},
		{message{4, "stat/plug/POWER", "OFF"}, profile.Accepted, profile.IsState, true, 500},
		{message{5, sensor, "{"}, profile.Accepted, profile.Ignored, false, 0},
		{message{6, sensor, `{"ENERGY":`}, profile.Accepted, profile.Unreadable, false, 500},
		{message{7, "tele/bath/LWT", "Online"}, profile.Contested, profile.IsStarted, false, 0},
	} {
		out, err := r.says(p, c.second, c.topic, c.payload)
		if err != nil || out.Acceptance != c.acceptance || out.Meaning.Kind != c.kind || out.Reading != c.reading || out.Register.MWh != c.mwh {
			t.Errorf("%s %s: %+v, %v", c.topic, c.payload, out, err)
		}
	}
	got, err := r.listener().Register(context.Background(), who())
	if err != nil || got != r.register || got.MWh != 500 {
		t.Errorf("the register is read as %+v, %v", got, err)
	}
	if b, err := r.listener().Binding(context.Background(), who()); err != nil || b != *r.binding || b.Rival != "bath" {
		t.Errorf("the device is read as %+v, %v", b, err)
	}
	for _, read := range []func(*rows) error{
		func(r *rows) error { _, err := r.listener().Register(context.Background(), who()); return err },
		func(r *rows) error { _, err := r.listener().Binding(context.Background(), who()); return err },
	} {
		breakEachCall(t, newRows, read)
	}
}

// TestADeviceThatWasReleasedCountsNoMore: a device of the shared listener sends a message while a person releases it, or adopts it elsewhere.
func TestADeviceThatWasReleasedCountsNoMore(t *testing.T) {
	p := library(t)["tasmota"]
	mine := profile.Adopted{Name: "kitchen", Client: "c1", Profile: "tasmota", Meter: 1, At: at(-3600)}
	elsewhere, again := mine, mine
	elsewhere.Meter, again.At = 2, at(-60)
	take := func(r *rows) error {
		message := profile.Incoming{Topic: sensor, Payload: []byte(total("9.000")), At: at(0), Device: &mine}
		_, err := r.listener().Take(context.Background(), who(), p, message)
		return err
	}
	for name, c := range map[string]struct {
		now  map[string]profile.Adopted
		want error
	}{
		"the same":           {map[string]profile.Adopted{"kitchen": mine}, nil},
		"released":           {nil, profile.ErrReleased},
		"of another meter":   {map[string]profile.Adopted{"kitchen": elsewhere}, profile.ErrReleased},
		"adopted once more":  {map[string]profile.Adopted{"kitchen": again}, profile.ErrReleased},
		"with a client's id": {map[string]profile.Adopted{"c1": mine}, profile.ErrReleased},
	} {
		r := newRows()
		r.adopted = c.now
		if err := take(r); !errors.Is(err, c.want) || (err != nil) != (len(r.Wrote) == 0) {
			t.Errorf("%s: %v, written %q", name, err, r.Wrote)
		}
	}
	begin := func() *rows {
		r := newRows()
		r.adopted["kitchen"] = mine
		return r
	}
	breakEachCall(t, begin, take)
	r := begin()
	want := profile.Binding{Name: "kitchen", Since: at(-3600), BoundAt: at(-3600), ReadAt: at(0)}
	if err := take(r); err != nil || *r.binding != want {
		t.Errorf("an adopted device is bound as %+v, %v", r.binding, err)
	}
	r = begin()
	r.binding = &profile.Binding{Name: "bath", Since: at(-60), BoundAt: at(-30), ReadAt: at(-30)}
	if err := take(r); err != nil || r.binding.Name != "bath" || len(r.Wrote) > 0 {
		t.Errorf("at a meter of another device: %v, written %q", err, r.Wrote)
	}
}

// TestAnotherMeterWasInstalledMeanwhile: the meter's records came from another memory for a while. The device's numbers go on where they were.
func TestAnotherMeterWasInstalledMeanwhile(t *testing.T) {
	p := library(t)["tasmota"]
	begin := func() *rows {
		r := newRows()
		for i, kwh := range []string{"9.000", "9.001", "9.002"} {
			if _, err := r.says(p, 10*i, sensor, total(kwh)); err != nil {
				t.Fatal(err)
			}
		}
		r.live.Memory, r.live.Info.Server.Past = "0123456789abcdef", []metering.Past{{Memory: profile.Memory, Watermark: 2}}
		r.Wrote = nil
		return r
	}
	next := func(r *rows) error {
		_, err := r.says(p, 30, sensor, total("9.003"))
		return err
	}
	r := begin()
	if err := next(r); err != nil {
		t.Fatal(err)
	}
	r.Wants(t, "alarm of m1 memory-replaced: The meter came back with memory profile instead of 0123456789abcdef",
		`reading 4 at 08:00:30: 3 Wh, 0 W, 0 mV, relay "", off for ""`, `memory profile of "profile tasmota" from 4, next 4, start 0`,
		"register of m1 by tasmota: 3000 mWh, record 4")
	breakEachCall(t, begin, next)
	r = begin()
	r.live.Info.Server.Past[0].Watermark = 600 // as if a register of an older copy were used
	if err := next(r); err == nil || !strings.Contains(err.Error(), "record 4 of meter "+number+" at 2026-11-20T08:00:30Z was duplicate") {
		t.Errorf("a number that was used before: %v", err)
	}
}

// TestTheAlarmAboutAnotherClient tells two causes apart: another client with the device's name, and another device at the meter's listener.
func TestTheAlarmAboutAnotherClient(t *testing.T) {
	for name, c := range map[string]struct {
		claim profile.Claim
		want  string
	}{
		"a client with its name": {profile.Claim{Client: "c2", Address: "10.0.0.9"},
			"alarm of m1 now device-claimed: Another client (c2 from 10.0.0.9) used the name of this meter's device, and was refused"},
		"another device": {profile.Claim{Name: "bath", Client: "c2", Address: "10.0.0.9"},
			"alarm of m1 now device-claimed: The device bath (client c2 from 10.0.0.9) sent messages to the listener of this meter, " +
				"which belongs to another device"},
	} {
		r := newRows()
		if err := r.listener().Claimed(context.Background(), who(), c.claim); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		r.Wants(t, c.want)
		breakEachCall(t, newRows, func(r *rows) error { return r.listener().Claimed(context.Background(), who(), c.claim) })
	}
}

// TestTheTextOfAHeldValue writes energies in kWh, exactly.
func TestTheTextOfAHeldValue(t *testing.T) {
	v := profile.HeldValue{Was: 9_000_000, Value: 20_000_001}
	if want := "the device's own register shows 20.000001 kWh after 9.000000 kWh"; v.Text() != want {
		t.Errorf("%q, want %q", v.Text(), want)
	}
}
