package intake

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// takeToken stores a meter's report about a token and acts on it. It updates the token's state and ends the delivery of an answered token.
// It raises an alarm about a token that was not sold here or that must not be loaded.
func takeToken(tx Tx, r *metering.Record, memory string) error {
	t := r.Rec.Token
	own, found, err := tx.Reports().ReportedToken(r.Meter, t)
	if err != nil {
		return err
	}
	if err := tx.Reports().PutTokenReport(r, memory, own.ID); err != nil {
		return err
	}
	if !found || own.Elsewhere {
		if a := ghost(t, found); a != nil {
			if err := tx.Rating().RaiseAlarm(r.Meter, *a); err != nil {
				return err
			}
		}
	}
	if !found {
		return nil
	}
	v := metering.JudgeToken(own.State, t.Result)
	if v.Alarm != nil && !own.Elsewhere {
		if err := tx.Rating().RaiseAlarm(r.Meter, *v.Alarm); err != nil {
			return err
		}
	}
	if v.State == metering.TokenAccepted && own.Class == 0 {
		if err := tellCounted(tx, r, own); err != nil {
			return err
		}
	}
	if err := tx.Reports().TokenAnswered(own, v.State, t.Result, r.ReceivedAt); err != nil {
		return fmt.Errorf("token %s answered %s: %w", own.ID.Text(id.Token), t.Result, err)
	}
	if t.Result == "accept" && !own.Elsewhere {
		if err := registry.ConfirmKey(tx.Reports().KeyChanges(), own.ID); err != nil {
			return err
		}
	}
	if !v.Answered {
		return nil
	}
	return tx.Reports().DropDelivery(r.Number, own.ID.Text(id.Token))
}

// tellCounted raises an alarm if a meter that was replaced took a token that somebody had counted as unused.
func tellCounted(tx Tx, r *metering.Record, own metering.OwnToken) error {
	counted, err := tx.Reports().CountedAtSwap(r.Meter, own.ID)
	if err != nil || !counted {
		return err
	}
	return tx.Rating().RaiseAlarm(r.Meter, metering.Alarm{Code: metering.AlarmReplacedToken,
		Text: alarmtext.ReplacedToken(own.ID.Text(id.Token), unit.Energy(r.Rec.Token.UnitsWh))})
}

// ghost is the alarm for an accepted token that was not sold here. If somebody had the token sent to the meter through
// this server, the alarm says so.
func ghost(t *wire.Token, given bool) *metering.Alarm {
	a := metering.Ghost(t)
	if a != nil && given {
		a.Text += " Somebody had it sent to the meter here: the audit log says who (token.recharge)."
	}
	return a
}

// takeAnswer stores a meter's answer to a command and updates the command. An answer to an unknown command, or to another
// meter's, is stored as an event and changes nothing.
func takeAnswer(tx Tx, r *metering.Record, memory string) error {
	a := r.Rec.Command
	if err := tx.PutEvent(r, memory, 0, map[string]string{"id": a.ID, "state": a.State, "reason": a.Reason}); err != nil {
		return err
	}
	i, err := id.Parse(id.Command, a.ID)
	if err != nil {
		return nil
	}
	c, found, err := tx.Reports().CommandByID(i)
	if err != nil || !found || c.Meter != r.Meter {
		return err
	}
	next, news := c.Heard(command.State(a.State))
	if news {
		c.State, c.Answer = next, a.Reason
		if err := tx.Reports().CommandAnswered(c, r.Rec.Head.Seq); err != nil {
			return err
		}
	}
	if next.Open() {
		return nil
	}
	return tx.Reports().DropDelivery(c.Type.Key(r.Number), a.ID)
}
