package console

import (
	"strconv"

	"github.com/paywatt/paywatt/internal/words"
)

// htmxConfig turns off htmx's own style element, which the content security policy forbids. It also keeps a refusal
// or a failed request from replacing a part of a page.
const htmxConfig = `{"includeIndicatorCSS":false,"history":false,"noSwap":[204,304,"4xx","5xx"],"defaultTimeout":10000}`

func itoa(n int) string { return strconv.Itoa(n) }

// pressed is the state of a switch for aria-pressed.
func pressed(on bool) string { return strconv.FormatBool(on) }

// reverseEffect says when a sale can be reversed.
func reverseEffect(t *words.Texts, d saleDetail) string {
	if d.Recharge {
		return t.UndoReverseRechargeEffect()
	}
	return t.UndoReverseEffect()
}

// effect says what a command will do, before it is sent.
func effect(t *words.Texts, f supplyForm) string {
	switch {
	case f.Cut && f.Other != "":
		return t.EffectRestoreOther(f.Other)
	case f.Cut && f.Empty:
		return t.EffectRestoreNoCredit()
	case f.Cut && f.Now:
		return t.EffectRestoreNow()
	case f.Cut:
		return t.EffectRestoreLater()
	case f.Now:
		return t.EffectCutNow()
	}
	return t.EffectCutLater()
}
