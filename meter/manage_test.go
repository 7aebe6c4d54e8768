package meter_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// code finds the last event of a code among the reports.
func (r *rig) code(c meter.Code) (rep meter.Report, found bool) {
	for _, rep := range r.outbox {
		if rep.Kind == meter.ReportEvent && rep.Code == c {
			return rep, true
		}
	}
	return meter.Report{}, false
}

// This test tries every management sub-class with valid and invalid values. A refused token consumes nothing.
func TestEveryManagementToken(t *testing.T) {
	for _, c := range []struct {
		sub   uint8
		value uint16
		want  sts.Result
	}{
		{sts.ManageMaxPower, 2300, sts.Accept}, {sts.ManageMaxPower, 0xffff, sts.Accept}, {sts.ManageMaxPower, 0, sts.RangeError},
		{sts.ManageClearCredit, 0, sts.Accept}, {sts.ManageClearCredit, 0xffff, sts.Accept},
		{sts.ManageClearCredit, 1, sts.FunctionError}, {sts.ManageClearCredit, 3, sts.FunctionError},
		{sts.ManageClearCredit, 4, sts.FunctionError}, {sts.ManageClearCredit, 7, sts.FunctionError},
		{sts.ManageClearCredit, 8, sts.RangeError}, {sts.ManageClearCredit, 0xfffe, sts.RangeError},
		{sts.ManageTariffRate, 0, sts.FunctionError}, {sts.ManageTariffRate, 7, sts.FunctionError},
		{sts.ManageClearTamper, 0, sts.Accept}, {sts.ManageClearTamper, 1, sts.RangeError},
		{sts.ManagePhaseBalance, 1000, sts.FunctionError}, {sts.ManageWaterFactor, 1, sts.FunctionError},
		{sts.ManageExtendedSet, 123, sts.FunctionError}, {sts.ManageExtendedSet, 0xffff, sts.FunctionError},
	} {
		r := newRig(t)
		tid := testTID(t, testStart())
		digits := manageFor(t, testKey(t), c.sub, tid, c.value)
		name := fmt.Sprintf("sub-class %d with value %d", c.sub, c.value)
		r.wants(name, digits, c.want)
		again := sts.UsedError
		if c.want != sts.Accept {
			again = c.want
			if r.state.TIDs.Check(tid) != sts.Accept {
				t.Errorf("%s is refused and has used its TID up", name)
			}
		}
		r.reboot(time.Minute)
		if c.want == sts.FunctionError {
			again = sts.FunctionError
		}
		r.wants(name+", again", digits, again)
	}
	for sub := uint8(11); sub < 16; sub++ {
		if got := newRig(t).opened(sts.Opened{Result: sts.FunctionError, Class: 2, SubClass: sub}, meter.Keypad); got != sts.FunctionError {
			t.Errorf("sub-class %d: %s, want function_error", sub, got)
		}
	}
}

// TestManagementOfAWalletMeter checks that a wallet meter refuses to clear credit, and accepts all other management
// tokens as any meter does.
func TestManagementOfAWalletMeter(t *testing.T) {
	for _, c := range []struct {
		sub   uint8
		value uint16
		want  sts.Result
	}{
		{sts.ManageClearCredit, 0, sts.FunctionError}, {sts.ManageClearCredit, 0xffff, sts.FunctionError},
		{sts.ManageMaxPower, 2300, sts.Accept}, {sts.ManageClearTamper, 0, sts.Accept},
	} {
		r := newWallet(t, 0)
		r.wants(fmt.Sprintf("sub-class %d with value %d", c.sub, c.value), manageFor(t, testKey(t), c.sub, testTID(t, testStart()), c.value), c.want)
	}
}

func TestManagementTokensAndCreditShareTheirTIDs(t *testing.T) {
	r := newRig(t)
	tid := testTID(t, testStart())
	r.wants("management", manageFor(t, testKey(t), sts.ManageMaxPower, tid, 100), sts.Accept)
	r.wants("credit of the same minute", testToken(t, tid, 10), sts.UsedError)
	r.wants("credit of the next", testToken(t, tid+1, 10), sts.Accept)
	r.wants("management of that minute", manageFor(t, testKey(t), sts.ManageClearTamper, tid+1, 0), sts.UsedError)
	r.wants("old management", manageFor(t, testKey(t), sts.ManageClearTamper, 7, 0), sts.OldError)
}

func TestClearCredit(t *testing.T) {
	for _, register := range []uint16{0, 0xffff} {
		r := newRig(t)
		tid := testTID(t, testStart())
		r.wants("credit", testToken(t, tid, 30), sts.Accept)
		r.step(meter.Event{Kind: meter.EventEnergy, Energy: 250})
		r.state.ECUsed = 40
		res := r.last(manageFor(t, testKey(t), sts.ManageClearCredit, tid+1, register), meter.Keypad, "")
		if res.Code != sts.Accept || res.Units != -2750 || res.Balance != -40 {
			t.Errorf("register %d: %s, %d Wh, balance %s, want accept, -2750, -0.040 kWh", register, res.Code, res.Units, res.Balance)
		}
		s := &r.state
		if s.Balance != 0 || s.ECUsed != 40 || s.Register != 250 || s.Relay != supply.Open || !s.Reasons.Has(supply.Credit) {
			t.Errorf("register %d: balance %s, emergency %d, relay %s %s", register, s.Balance, s.ECUsed, s.Relay, s.Reasons)
		}
		rep, found := r.code(meter.CodeCreditCleared)
		if args := rep.Args(); !found || args["cleared_wh"] != int64(2750) || args["register_wh"] != int64(250) {
			t.Errorf("event 306 %v with %v, want 2750 cleared at 250", found, rep.Args())
		}
		r.wants("credit again", testToken(t, tid+2, 10), sts.Accept)
		if s.Relay != supply.Closed {
			t.Errorf("after a recharge the relay is %s, want closed", s.Relay)
		}
	}
}

// Energy used while the record is written is not cleared a second time, and no energy appears or is lost.
func TestClearCreditWhileEnergyIsUsed(t *testing.T) {
	for _, used := range []uint32{0, 300, 1000, 1700} {
		for _, cut := range []bool{false, true} {
			r := newRig(t)
			tid := testTID(t, testStart())
			r.wants("credit", testToken(t, tid, 10), sts.Accept)
			r.lazy = true
			r.token(manageFor(t, testKey(t), sts.ManageClearCredit, tid+1, 0), meter.Keypad, "")
			r.step(meter.Event{Kind: meter.EventPulses, Pulses: used})
			if cut {
				if err := r.j.Append(&r.state, *r.under); err != nil {
					t.Fatal(err)
				}
				r.lazy = false
				r.reboot(time.Minute)
			} else {
				r.complete()
			}
			var cleared unit.Energy
			for _, rep := range r.outbox {
				if rep.Kind == meter.ReportToken && rep.SubClass == sts.ManageClearCredit && rep.Result == sts.Accept {
					cleared += rep.Units
				}
			}
			s := &r.state
			if s.Balance != 0 && !cut || s.Register+s.Shown() != 1000+cleared {
				t.Errorf("%d Wh used, cut %t: register %s, credit %s, cleared %d", used, cut, s.Register, s.Shown(), cleared)
			}
		}
	}
}

func TestPowerLimit(t *testing.T) {
	r := newRig(t)
	tid := testTID(t, testStart())
	amount, err := sts.EncodeTenths(20_000)
	if err != nil {
		t.Fatal(err)
	}
	r.wants("limit", manageFor(t, testKey(t), sts.ManageMaxPower, tid, uint16(amount)), sts.Accept)
	want := unit.Power(amount.Tenths())
	r.reboot(time.Minute)
	rep, _ := r.code(meter.CodePowerLimit)
	if r.state.Limit != want || rep.Args()["limit_w"] != int64(want) {
		t.Errorf("limit %s, event %v, want %s", r.state.Limit, rep.Args(), want)
	}
}

// The token opens the latch. The supply returns only when the customer presses a key, because a return could surprise people.
func TestClearTamper(t *testing.T) {
	r := newRig(t)
	tid := testTID(t, testStart())
	r.wants("credit", testToken(t, tid, 10), sts.Accept)
	s := &r.state
	s.Reasons, s.Confirm, s.Relay = s.Reasons.With(supply.Tamper), true, supply.Open
	r.wants("credit while latched", testToken(t, tid+1, 10), sts.Accept)
	if s.Relay != supply.Open {
		t.Errorf("credit has closed a latched meter")
	}
	r.wants("clear tamper", manageFor(t, testKey(t), sts.ManageClearTamper, tid+2, 0), sts.Accept)
	rep, found := r.code(meter.CodeTamperCleared)
	if s.Reasons != 0 || s.Relay != supply.Armed || !found || rep.Args()["by"] != "token" {
		t.Errorf("reasons %s, relay %s, event %v %v", s.Reasons, s.Relay, found, rep.Args())
	}
	r.keypad("#")
	if s.Relay != supply.Closed {
		t.Errorf("after #: %s, want closed", s.Relay)
	}
	n := len(r.outbox)
	r.wants("clear tamper with nothing latched", manageFor(t, testKey(t), sts.ManageClearTamper, tid+3, 0), sts.Accept)
	for _, rep := range r.outbox[n:] {
		if rep.Code == meter.CodeTamperCleared {
			t.Error("an open latch was reported as opened")
		}
	}
}

// Management tokens work for every reason that keeps the supply off.
func TestManagementWhileDisconnected(t *testing.T) {
	for reason := supply.Credit; reason <= supply.Test; reason++ {
		r := newRig(t)
		r.state.Reasons = supply.Of(reason)
		r.wants(reason.String(), manageFor(t, testKey(t), sts.ManageMaxPower, testTID(t, testStart()), 500), sts.Accept)
		r.wants(reason.String()+": display", "18446744073843772416", sts.Accept)
	}
}
