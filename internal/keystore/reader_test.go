package keystore_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/sts"
)

// TestReaderOpensTokensAndGivesNoKeyAway checks that the token doctor gets only the content of tokens, and only for the meter in its
// question.
func TestReaderOpensTokensAndGivesNoKeyAway(t *testing.T) {
	dir := t.TempDir()
	s := unlocked(t, dir)
	add(t, s, fact02(), hex02)
	o := order(t)
	token := issue(t, s, o)
	r := s.Reader()
	other := o.Attributes
	other.TI = "02"
	missing := o.Attributes
	missing.KRN = 9
	of := []sts.Attributes{missing, other, o.Attributes}
	e, use, err := r.Explain(token.Reveal(), of, nil)
	if err != nil || use != diagnosis.KeysUsed || e.Key != 2 || e.Opened.TID != o.Credit.TID || e.Opened.Amount != o.Credit.Amount {
		t.Errorf("Explain = %+v, %s, %v", e, use, err)
	}
	opened, use, err := r.Open(token, of)
	if err != nil || use != diagnosis.KeysUsed || len(opened) != 3 || opened[0].Result != sts.CRCError || opened[1].Result != sts.CRCError || opened[2] != e.Opened {
		t.Errorf("Open = %+v, %s, %v", opened, use, err)
	}
	if _, use, err := r.Explain(token.Reveal(), of[:1], nil); err != nil || use != diagnosis.KeysMissing {
		t.Errorf("without a vending key: %s, %v, want %s", use, err, diagnosis.KeysMissing)
	}
	key, _ := s.DecoderKey(o.Attributes)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		for _, secret := range []string{hex.EncodeToString(key.Reveal()), hex02, fmt.Sprint(key.Reveal())} {
			if out := fmt.Sprintf(verb, r) + fmt.Sprintf(verb, e); strings.Contains(out, secret) {
				t.Errorf("%s prints a key: %s", verb, out)
			}
		}
	}
	families, err := r.Families()
	if want := (diagnosis.Family{SGC: "123456", KRN: 1, KT: sts.DUTK, DKGA: sts.DKGA02, BaseDate: sts.Base2014}); err != nil || len(families) != 1 || families[0] != want {
		t.Errorf("Families = %+v, %v, want %+v", families, err, want)
	}

	s.Lock()
	if e, use, err := r.Explain(token.Reveal(), of, nil); err != nil || use != diagnosis.KeysLocked || e.Key != -1 || e.Opened.HasTID {
		t.Errorf("locked: %+v, %s, %v", e, use, err)
	}
	if families, err := r.Families(); err != nil || len(families) != 1 {
		t.Errorf("locked: %d families, %v: they need no passphrase", len(families), err)
	}
}
