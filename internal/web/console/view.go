package console

import "strconv"

// htmxConfig keeps htmx within the policy and the pages: no style of its own, and what is no page (a refusal, a failed
// request) fills no part of one.
const htmxConfig = `{"includeIndicatorCSS":false,"history":false,"noSwap":[204,304,"4xx","5xx"],"defaultTimeout":10000}`

func itoa(n int) string { return strconv.Itoa(n) }

// pressed is the state of a switch for aria-pressed.
func pressed(on bool) string { return strconv.FormatBool(on) }

// effect says before the act what it will do.
func effect(f supplyForm) string {
	switch {
	case f.Cut && f.Other != "":
		return "The cut by command is taken back, and the supply stays off all the same: " + f.Other + ". A recharge does not restore it."
	case f.Cut && f.Empty:
		return "The cut by command is taken back, and the supply stays off all the same: there is no credit. A recharge restores it."
	case f.Cut && f.Now:
		return "The meter is connected now and is released within seconds. Supply returns when the customer presses # there: nobody may be expecting voltage."
	case f.Cut:
		return "The meter is not connected now: it is released when it connects again. Supply then returns when the customer presses # there."
	case f.Now:
		return "The meter is connected now: its relay will open within seconds."
	}
	return "The meter is not connected now: its relay will open when it connects again, within a day, or the command expires."
}
