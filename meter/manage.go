package meter

import (
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// The registers that a token to clear the credit may name. This meter has only the first of them.
const (
	registerElectricity  = 0
	registerCurrencyTime = 7
	registerAll          = 0xffff
)

// supportedManagement reports whether the meter carries out this kind of management token. Other code handles key
// changes. All other kinds are for features that the meter does not have: a tariff (its credit is energy), a second
// phase, water, the extended set of STS 202-5, and makers' additions.
func supportedManagement(subClass uint8) bool {
	switch subClass {
	case sts.ManageMaxPower, sts.ManageClearCredit, sts.ManageClearTamper:
		return true
	}
	return false
}

// judgeManagement judges a management token other than a section of a key change. Management tokens work with every
// key type, while the supply is disconnected, and after tampering.
func (x *step) judgeManagement() sts.Result {
	o := &x.ev.Opened
	otherRegister := o.SubClass == sts.ManageClearCredit && o.Value > registerElectricity && o.Value <= registerCurrencyTime
	noCredit := o.SubClass == sts.ManageClearCredit && x.s.Wallet()
	if !supportedManagement(o.SubClass) || otherRegister || noCredit {
		return sts.FunctionError
	}
	if r := x.judgeTID(); r != sts.Accept {
		return r
	}
	return judgeValue(o.SubClass, o.Value)
}

// judgeValue checks the value of a management token.
func judgeValue(subClass uint8, value uint16) sts.Result {
	sound := true
	switch subClass {
	case sts.ManageMaxPower:
		// Makers disagree whether 0 W means no supply or no limit, so this meter refuses it. The largest value,
		// 18,201,624 W, amounts to no limit.
		sound = value != 0
	case sts.ManageClearCredit:
		sound = value == registerElectricity || value == registerAll
	case sts.ManageClearTamper:
		sound = value == 0
	}
	if !sound {
		return sts.RangeError
	}
	return sts.Accept
}

// applyManagement carries out a durable management token. It forgets any key change that was begun.
func (x *step) applyManagement(r *Record) {
	s := x.s
	s.forgetSections()
	switch r.SubClass {
	case sts.ManageMaxPower:
		s.Limit = unit.Power(sts.Amount(r.Value).Tenths())
		x.result(r)
		x.consequence(CodePowerLimit, int64(s.Limit), 0)
	case sts.ManageClearCredit:
		x.clearCredit(r)
		x.result(r)
		x.consequence(CodeCreditCleared, -int64(r.Units), int64(s.Register))
	case sts.ManageClearTamper:
		x.result(r)
		x.clearTamper(r, clearedByToken)
	}
}
