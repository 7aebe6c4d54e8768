package notify_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
)

// texts counts the texts of people, for a utility that has people. The other calls of the four-eyes rule are nil.
type texts struct {
	access.EyesTx
	most  map[access.Ceiling]int64
	taken map[string]int64
}

func (c *texts) Ceilings() access.CeilingTx                        { return c }
func (c *texts) HadPeople() (bool, error)                          { return true, nil }
func (c *texts) PersonPage(id.ID, int) ([]access.PersonRow, error) { return nil, nil }
func (c *texts) CeilingRules() (access.CeilingRules, error) {
	return access.CeilingRules{TZ: "UTC", Set: c.most}, nil
}
func (c *texts) SoldToMeter(string, time.Time, time.Time) (int64, error) { return 0, nil }
func (c *texts) UsualTaken(access.Ceiling, string, time.Time, time.Time) ([]int64, error) {
	return nil, nil
}
func (c *texts) DayMeans(access.Ceiling, time.Time, time.Time) ([]access.DayMean, error) {
	return nil, nil
}
func (c *texts) DoneEffects(access.Act, time.Time, int) ([]string, error) { return nil, nil }
func (c *texts) DayRaised(access.DayTotal, access.Unusual) error          { return nil }
func (c *texts) RaisePersonAlarm(string) error                            { return nil }
func (c *texts) PersonByID(id.ID) (access.PersonRow, bool, error) {
	return access.PersonRow{}, false, nil
}
func (c *texts) AddDayTotal(d access.DayTotal) (access.Taken, error) {
	if c.taken == nil {
		c.taken = map[string]int64{}
	}
	c.taken[string(d.Ceiling)+" "+d.Subject] += d.Amount
	return access.Taken{Amount: c.taken[string(d.Ceiling)+" "+d.Subject]}, nil
}

// TestOnePersonsTextsAreLimited: all texts of a person count under the ceiling, and so does sending one again. Tokens do not.
func TestOnePersonsTextsAreLimited(t *testing.T) {
	s := newShop(t)
	s.eyes.most = map[access.Ceiling]int64{access.PersonTexts: 3}
	send := func(by access.Actor, w notify.MessageRequest) string {
		got, err := s.dispatcher.Send(t.Context(), by, w)
		if err != nil {
			t.Fatal(err)
		}
		return string(got.Code)
	}
	text := notify.MessageRequest{Phone: amina, Text: "hello"}
	if got := send(clerk(), text) + send(clerk(), text); got != "" {
		t.Fatal(got)
	}
	first := s.messages[0].ID.Text(id.Message)
	if got, err := s.dispatcher.Retry(t.Context(), clerk(), first, ""); err != nil || got.Refused() {
		t.Fatal(got.Detail(), err)
	}
	if got, err := s.dispatcher.Retry(t.Context(), clerk(), first, ""); err != nil || got.Code != "daily-limit" {
		t.Errorf("the fourth text, sent again: %s, %v", got.Detail(), err)
	}
	if got := send(clerk(), text); got != "daily-limit" || len(s.messages) != 2 {
		t.Errorf("the fourth text: %q, %d messages", got, len(s.messages))
	}
	if got := send(clerk(), notify.MessageRequest{Meter: meterA, Via: "sms"}); got != "" {
		t.Errorf("a token after the last text: %q", got)
	}
	other := clerk()
	other.ID = id.ID{99}
	if got := send(other, text); got != "" {
		t.Errorf("a text of another person: %q", got)
	}
}

// TestNoTextIsSentAgainToAStranger: a text whose number no customer has any more is not sent once more.
func TestNoTextIsSentAgainToAStranger(t *testing.T) {
	s := newShop(t)
	if got, err := s.dispatcher.Send(t.Context(), clerk(), notify.MessageRequest{Phone: amina, Text: "hello"}); err != nil || got.Refused() {
		t.Fatal(got.Detail(), err)
	}
	delete(s.mine, amina)
	first := s.messages[0].ID.Text(id.Message)
	if got, err := s.dispatcher.Retry(t.Context(), clerk(), first, ""); err != nil || !got.Refused() {
		t.Errorf("sent again to a stranger: %v", err)
	}
}
