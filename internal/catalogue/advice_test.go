package catalogue

import (
	"regexp"
	"testing"
)

// adviceToMoveOut says of each refusal that advises a move-out, or names one, why that can be followed. A move-out is refused at a post-paid meter,
// and where nobody lives.
func adviceToMoveOut() map[string]string {
	return map[string]string{
		"meter-still-supplies":          "says itself that a post-paid meter cannot",
		"scrap-of-meter-with-money":     "a prepaid meter in stock: api.TestAMeterInStockWithMoneyIsNotScrapped",
		"scrap-of-post-paid-with-money": "says that a post-paid one cannot: api.TestNobodyIsAdvisedToMoveOutOfAPostPaidMeter",
		"meter-not-vacant":              "a prepaid meter that supplies somebody: move-in-at-unused-meter is for the others",
		"move-out-before-review":        "somebody asked for the move-out",
		"move-out-while-supplying":      "somebody asked for the move-out",
		"move-out-owes-more":            "somebody asked for the move-out",
		"take-over-from-open-account":   "says when the debt can be taken over, and asks for no move-out",
		"refund-not-due":                "a prepaid account: refund-not-due-post-paid is for the others",
		"refund-not-due-post-paid":      "says that a post-paid account cannot: api.TestNobodyIsAdvisedToMoveOutOfAPostPaidMeter",
		"meter-used-since":              "a prepaid meter with a customer: registry.TestWhatFollowsAUsedMeter",
		"balance-used-since":            "an open prepaid account: debt.TestWhatFollowsAUsedBalance",
		"customer-used-since":           "names a move-out of the past",
		"import-of-another-customer":    "imports asks it of prepaid meters that supply somebody else, or nobody",
	}
}

// TestEveryAdviceToMoveOutIsJudged: whoever writes such a sentence looks whether the program would refuse what it advises.
func TestEveryAdviceToMoveOutIsJudged(t *testing.T) {
	advises := regexp.MustCompile(`(?i)\bmov\w+ (\w+ )*out\b|\bmove-outs?\b`)
	judged := adviceToMoveOut()
	for _, s := range file(t, English, "refusals").Sections {
		try, _ := s.Text("try")
		if !advises.MatchString(try.Say) {
			continue
		}
		if judged[s.Name] == "" {
			t.Errorf("%s advises %q, and adviceToMoveOut() does not say why that can be followed", s.Name, try.Say)
		}
		delete(judged, s.Name)
	}
	for name := range judged {
		t.Errorf("%s advises no move-out: take it off adviceToMoveOut()", name)
	}
}
