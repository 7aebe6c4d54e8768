package panel

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// Notice takes an effect of the core: the panel stores the data that it has to show, and ignores other effects.
func (p *Panel) Notice(m *View, e *meter.Effect) {
	switch e.Kind {
	case meter.EffectResult:
		p.show(m, e.Result)
	case meter.EffectEmergency:
		if e.Source == meter.Keypad {
			p.noticeEmergency(e.EC, m.Up)
		}
	case meter.EffectClock:
		if p.asked {
			p.noticeClock(e.Clock, m.Up)
		}
	case meter.EffectClear:
		p.tell(m.Up, clearDone, clearDoneHint)
	case meter.EffectSMS:
		p.warn(m, e.SMS)
	}
}

// warn shows a warning on the home page until a key is pressed, or for a minute.
func (p *Panel) warn(m *View, w meter.Message) {
	if int(w) >= len(warningTexts) {
		return
	}
	if p.expire(m); p.page == pageHome {
		p.since = m.Up // the warning comes first, then the rest of the home page
	}
	p.warning, p.warned = w, m.Up
}

// show takes the answer to a token. A token entered elsewhere is shown if it was accepted and nobody is typing.
func (p *Panel) show(m *View, r meter.Result) {
	p.expire(m)
	if r.Source != meter.Keypad && (r.Code != sts.Accept || p.busy()) {
		return
	}
	p.turn(pageResult, m.Up)
	p.result = r
}

// busy reports whether the customer is typing or about to confirm a question.
func (p *Panel) busy() bool {
	switch p.page {
	case pageEntry, pageClock, pageLocalAsk, pageClear, pageClearSure:
		return true
	}
	return false
}

// resultTexts holds the two lines for each result of a token: what happened, and what to do.
var resultTexts = [...][Height]text{
	sts.Accept:          {accepted, none},
	sts.KCT1st:          {firstPart, nextPartHint},
	sts.KCTNth:          {nextPart, nextPartHint},
	sts.OverflowError:   {creditFull, laterHint},
	sts.KeyTypeError:    {keyType, sellerHint},
	sts.FormatError:     {notToken, notTokenHint},
	sts.RangeError:      {tooMuch, sellerHint},
	sts.FunctionError:   {notSupported, sellerHint},
	sts.OldError:        {tooOld, sellerHint},
	sts.UsedError:       {used, receiptHint},
	sts.KeyExpiredError: {keyExpired, sellerHint},
	sts.DDTKError:       {notReady, sellerHint},
	sts.CRCError:        {wrongToken, wrongTokenHint},
	sts.MfrCodeError:    {otherMeter, receiptHint},
	sts.Locked:          {tooManyWrong, none},
	sts.Busy:            {busy, againHint},
	sts.StorageError:    {memoryFault, againHint},
}

// answer returns the result of a token.
func (v *screen) answer() pair {
	r := &v.p.result
	if int(r.Code) >= len(resultTexts) {
		return v.texts(notSupported, sellerHint)
	}
	t := resultTexts[r.Code]
	switch {
	case r.Code == sts.Accept && r.Class == 0:
		return pair{v.say(accepted), v.signed(r.Units)}
	case r.Code == sts.Accept:
		return v.done(r)
	case r.Code == sts.RangeError && r.Class != 0:
		t[0] = badValue
	case r.Code == sts.Locked:
		return pair{v.say(tooManyWrong), v.lockedFor(r.Source)}
	}
	return v.texts(t[0], t[1])
}

// done returns the lines about the effect of a management token.
func (v *screen) done(r *meter.Result) pair {
	switch r.SubClass {
	case sts.ManageMaxPower:
		return pair{v.say(limitSet), v.m.State.Limit.String()}
	case sts.ManageClearCredit:
		return pair{v.say(creditCleared), v.inKWh(r.Units)}
	case sts.ManageClearTamper:
		return pair{v.say(tamperCleared), v.stateWord()}
	}
	k := &v.m.State.Key
	return pair{v.say(keyChanged), v.say(keyRevision) + " " + strconv.Itoa(int(k.KRN)) + " " + v.say(tariffIndex) + " " + indexOf(k)}
}

// shownTests returns the pages an accepted test token asks for, by the numbers of the tests.
func (p *Panel) shownTests() []int {
	if p.page != pageResult || p.result.Code != sts.Accept {
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

// tests returns the pages of a test token.
func (v *screen) tests(numbers []int) (pairs []pair) {
	for _, n := range numbers {
		pairs = append(pairs, v.test(n))
	}
	return pairs
}

// test returns the page of a test or display token.
func (v *screen) test(number int) pair {
	s := v.m.State
	k := &s.Key
	switch number {
	case meter.TestSwitch:
		return pair{v.say(testSwitch), v.switchWord()}
	case meter.TestDisplay:
		return pair{v.segments(), v.segments()}
	case meter.TestTotal:
		return pair{v.say(total), v.inKWh(s.Register)}
	case meter.TestRevision:
		return v.keyPair()
	case meter.TestTariff:
		return pair{v.say(tariffIndex), indexOf(k)}
	case meter.TestInput:
		return pair{v.say(tokenInput), v.say(inputs(v.p.result.Source))}
	case meter.TestLimit:
		return pair{v.say(powerLimit), v.limit(s.Limit)}
	case meter.TestTamper:
		if s.Reasons.Has(supply.Tamper) {
			return v.texts(tamper, hasTamper)
		}
		return v.texts(tamper, noTamper)
	case meter.TestLoad:
		return pair{v.say(load), s.Power.String()}
	case meter.TestVersion:
		return pair{v.say(version), meter.Version}
	case meter.TestAlgorithm:
		return pair{v.say(algorithm), k.EA.String()}
	case meter.TestKeyTokens:
		return pair{v.say(keyTokens), keyTokensOf(k.EA)}
	case meter.TestGroup:
		return pair{v.say(group), supplyGroup(k)}
	case meter.TestExpiry:
		return pair{v.say(expiry), strconv.Itoa(int(k.KEN))}
	}
	return pair{v.say(meterNumber), numberOf(v.m.Config)}
}

// switchWord returns the word for a switch that is open for its test, otherwise the word for the state of the supply. A
// switch that was already open is not tested.
func (v *screen) switchWord() string {
	if v.m.State.Reasons.Has(supply.Test) {
		return v.say(testSwitchOpen)
	}
	return v.stateWord()
}

func (v *screen) limit(w unit.Power) string {
	if w == 0 {
		return v.say(noLimit)
	}
	return w.String()
}

// inputs returns the word for the source of a token.
func inputs(from meter.Source) text {
	switch from {
	case meter.SMS:
		return inputSMS
	case meter.Remote:
		return inputRemote
	}
	return inputKeypad
}

// keyPair returns the revision and the type of the key.
func (v *screen) keyPair() pair {
	k := &v.m.State.Key
	return pair{v.say(keyRevision) + " " + revision(k), v.say(keyKind) + " " + strconv.Itoa(int(k.Type))}
}

// Attributes that are unknown for a bare key are shown as dashes.

func revision(k *meter.KeyInfo) string {
	if !k.Named {
		return "-"
	}
	return strconv.Itoa(int(k.KRN))
}

func indexOf(k *meter.KeyInfo) string {
	if !k.Named {
		return "--"
	}
	return fmt.Sprintf("%02d", k.TI)
}

// supplyGroup returns the supply group code; zeros after a key change by two tokens, which do not carry it.
func supplyGroup(k *meter.KeyInfo) string {
	if !k.Named {
		return "------"
	}
	return fmt.Sprintf("%06d", k.SGC)
}

// keyTokensOf returns the number of tokens in the longest key change that the meter takes.
func keyTokensOf(ea sts.EA) string {
	if ea == sts.EA11 {
		return "4"
	}
	return "3"
}

func numberOf(c *meter.Config) string {
	digits := 11
	if c.LongNumber {
		digits = 13
	}
	return fmt.Sprintf("%0*d", digits, c.Number)
}

// apart puts two texts at the ends of a line.
func (v *screen) apart(left, right string) string {
	return left + strings.Repeat(" ", max(v.width-len(left)-len(right), 1)) + right
}
