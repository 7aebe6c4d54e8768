package panel

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestThePageOfRulesStatesTheLimitsOfAnswers looks for the limits of text messages in docs/reference/meter-rules.md.
func TestThePageOfRulesStatesTheLimitsOfAnswers(t *testing.T) {
	b, err := os.ReadFile("../../docs/reference/meter-rules.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(b)), " ")
	if MaxTokens != 5 {
		t.Errorf("a message may hold %d tokens, the page says five", MaxTokens)
	}
	for _, said := range []string{
		fmt.Sprintf("at most %d characters", maxSMS), fmt.Sprintf("at most %d answers to questions and %d answers about tokens a day, and at most %d an hour to one number", answersPerDay, answersPerDay, answersPerHour),
		fmt.Sprintf("at most %d rejections a day", rejectionsPerDay),
	} {
		if !strings.Contains(page, said) {
			t.Errorf("docs/reference/meter-rules.md does not say %q", said)
		}
	}
}
