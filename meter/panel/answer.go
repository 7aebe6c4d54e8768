package panel

import (
	"fmt"
	"strconv"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
)

// answer shows the result of a token.
func (p *Panel) answer(t *texts, c *meter.Config, s *meter.State, up uint64) [Height]string {
	r := &p.result
	if tests := p.shownTests(); len(tests) > 0 {
		return p.test(t, c, s, tests[min((up-p.since)/rotateEvery, uint64(len(tests)-1))])
	}
	lines := t.results[r.Code]
	switch {
	case r.Code == sts.Accept && r.Class == 0:
		lines[1] = "+" + r.Units.KWh(2) + " kWh"
	case r.Code == sts.Accept:
		return done(t, r, s)
	case r.Code == sts.RangeError && r.Class != 0:
		lines[0] = t.badValue
	case r.Code == sts.Locked:
		lines[1] += " " + countdown(s.LockedFor(r.Source))
	}
	return lines
}

// done shows what a management token has brought about.
func done(t *texts, r *meter.Result, s *meter.State) [Height]string {
	switch r.SubClass {
	case sts.ManageMaxPower:
		return [Height]string{t.limitSet, s.Limit.String()}
	case sts.ManageClearCredit:
		return [Height]string{t.creditCleared, r.Units.KWh(2) + " kWh"}
	case sts.ManageClearTamper:
		return [Height]string{t.tamperCleared, stateWord(t, s)}
	}
	return [Height]string{t.keyChanged, t.krn + " " + strconv.Itoa(int(s.Key.KRN)) + " " + t.ti + " " + tariffIndex(&s.Key)}
}

// shownTests returns the pages an accepted test token asks for, by the numbers of the tests.
func (p *Panel) shownTests() []int {
	if p.result.Code != sts.Accept {
		return nil
	}
	var tests []int
	for n := meter.TestSwitch; n <= meter.TestNumber; n++ {
		if p.result.Control>>(n-1)&1 == 1 {
			tests = append(tests, n)
		}
	}
	return tests
}

// test is the page of a test or display token.
func (p *Panel) test(t *texts, c *meter.Config, s *meter.State, number int) [Height]string {
	k := &s.Key
	switch number {
	case meter.TestSwitch:
		return [Height]string{t.testSwitch, switchWord(t, s)}
	case meter.TestDisplay:
		return [Height]string{t.segments, t.segments}
	case meter.TestTotal:
		return [Height]string{t.total, s.Register.KWh(2) + " kWh"}
	case meter.TestRevision:
		return [Height]string{t.krn + " " + revision(k), t.kt + " " + strconv.Itoa(int(k.Type))}
	case meter.TestTariff:
		return [Height]string{t.ti, tariffIndex(k)}
	case meter.TestInput:
		return [Height]string{t.input, t.inputs[p.result.Source]}
	case meter.TestLimit:
		return [Height]string{t.limit, limit(t, s)}
	case meter.TestTamper:
		if s.Reasons.Has(supply.Tamper) {
			return [Height]string{t.tamper, t.hasTamper}
		}
		return [Height]string{t.tamper, t.noTamper}
	case meter.TestLoad:
		return [Height]string{t.load, s.Power.String()}
	case meter.TestVersion:
		return [Height]string{t.version, meter.Version}
	case meter.TestAlgorithm:
		return [Height]string{t.ea, k.EA.String()}
	case meter.TestKeyTokens:
		return [Height]string{t.keyTokens, keyTokens(k.EA)}
	case meter.TestGroup:
		return [Height]string{t.sgc, group(k)}
	case meter.TestExpiry:
		return [Height]string{t.ken, strconv.Itoa(int(k.KEN))}
	}
	return [Height]string{t.meter, meterNumber(c)}
}

// switchWord says that the switch is open for its test, or else how the supply is: a switch that was open already is not
// tested.
func switchWord(t *texts, s *meter.State) string {
	if s.Reasons.Has(supply.Test) {
		return t.testSwitchOpen
	}
	return stateWord(t, s)
}

func limit(t *texts, s *meter.State) string {
	if s.Limit == 0 {
		return t.noLimit
	}
	return s.Limit.String()
}

// What a bare key does not tell is shown as dashes.

func revision(k *meter.KeyInfo) string {
	if !k.Named {
		return "-"
	}
	return strconv.Itoa(int(k.KRN))
}

func tariffIndex(k *meter.KeyInfo) string {
	if !k.Named {
		return "--"
	}
	return fmt.Sprintf("%02d", k.TI)
}

// group is the supply group code; zeros after a key change by two tokens, which do not carry it.
func group(k *meter.KeyInfo) string {
	if !k.Named {
		return "------"
	}
	return fmt.Sprintf("%06d", k.SGC)
}

// keyTokens is how many tokens the longest key change has that the meter takes.
func keyTokens(ea sts.EA) string {
	if ea == sts.EA11 {
		return "4"
	}
	return "3"
}

func meterNumber(c *meter.Config) string {
	digits := 11
	if c.LongNumber {
		digits = 13
	}
	return fmt.Sprintf("%0*d", digits, c.Number)
}
