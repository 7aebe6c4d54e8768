package intake_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
)

// seen describes the meter after record 5, which was not a reading.
const seen = "m1 is up to 5 with 1000 Wh of record 4 at 12:00:00"

// TestWhatAMeterSaysOfAToken checks that a report is stored and updates the token. It ends the delivery if it is an answer, and
// raises an alarm if somebody must look at it.
func TestWhatAMeterSaysOfAToken(t *testing.T) {
	const kept = "report m1/5 of cdef about "
	const ghost = "alarm of m1 ghost-credit: The meter accepted a token of 5000 Wh (TID 77) that was not sold here."
	for _, c := range []struct {
		name   string
		state  metering.TokenState // empty for an unknown token
		given  bool
		result string
		want   []string
	}{
		{"it is accepted", metering.TokenSent, false, "accept", []string{kept + "1", "token 1 from sent to accepted by accept at 12:01:05", "key of token 1 from issued to current", "m1: no more " + token()}},
		{"it was used", metering.TokenSent, false, "used_error", []string{kept + "1", "token 1 from sent to accepted by used_error at 12:01:05", "m1: no more " + token()}},
		{"it is refused", metering.TokenSent, false, "crc_error", []string{kept + "1", "token 1 from sent to rejected by crc_error at 12:01:05", "m1: no more " + token()}},
		{"it may be tried later", metering.TokenSent, false, "busy", []string{kept + "1", "token 1 from sent to sent by busy at 12:01:05"}},
		{"its sale was reversed", metering.TokenReversed, false, "accept", []string{kept + "1", "alarm of m1 reversed-token-used: The meter accepted a token whose sale was reversed.",
			"token 1 from reversed to reversed by accept at 12:01:05", "key of token 1 from issued to current", "m1: no more " + token()}},
		{"it is not known", "", false, "accept", []string{kept + "0", ghost}},
		{"it is not known, and not accepted", "", false, "crc_error", []string{kept + "0"}},
		{"it was handed in", metering.TokenSent, true, "accept", []string{kept + "1", ghost + " Somebody had it sent to the meter here: the audit log says who (token.recharge).",
			"token 1 from sent to accepted by accept at 12:01:05", "m1: no more " + token()}},
		{"it was handed in, and is not accepted", metering.TokenSent, true, "crc_error", []string{kept + "1", "token 1 from sent to rejected by crc_error at 12:01:05",
			"m1: no more " + token()}},
		{"it was handed in, and somebody else made it", metering.TokenReserved, true, "accept", []string{kept + "1",
			ghost + " Somebody had it sent to the meter here: the audit log says who (token.recharge).", "token 1 from reserved to reserved by accept at 12:01:05",
			"m1: no more " + token()}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRows()
			if c.state != "" {
				r.tokens["request"] = metering.OwnToken{ID: id.ID{15: 1}, State: c.state, Elsewhere: c.given}
			}
			r.takes(t, report(1, 5, "request", c.result))
			r.Wants(t, append(c.want, seen)...)
		})
	}
}

// token returns the id of the reported token.
func token() string { return id.ID{15: 1}.Text(id.Token) }

// order returns the id of the answered command.
func order() id.ID { return id.ID{15: 3} }

// ordered returns a command that was sent to a meter.
func ordered(meter int64) command.Command {
	return command.Command{ID: order(), Meter: meter, Number: "m1", Type: command.Connect, State: command.StateSent}
}

// TestWhatAMeterAnswersToACommand checks that an answer is stored as an event, and updates only the meter's own command.
func TestWhatAMeterAnswersToACommand(t *testing.T) {
	name := order().Text(id.Command)
	kept := func(state string) string {
		return `event m1/5 of cdef 0 {"id":"` + name + `","reason":"why","state":"` + state + `"}`
	}
	done := "m1/supply: no more " + name
	for _, c := range []struct {
		name   string
		change func(*command.Command)
		state  string
		want   []string
	}{
		{"it is done", func(*command.Command) {}, "done", []string{kept("done"), `command 3 done "why" by record 5`, done}},
		{"it failed", func(*command.Command) {}, "failed", []string{kept("failed"), `command 3 failed "why" by record 5`, done}},
		{"it is under way", func(*command.Command) {}, "acked", []string{kept("acked"), `command 3 acked "why" by record 5`, done}},
		{"of a lease", func(c *command.Command) { c.Type = command.Lease }, "done", []string{kept("done"), `command 3 done "why" by record 5`, "m1/lease: no more " + name}},
		{"it was done before", func(c *command.Command) { c.State = command.StateDone }, "done", []string{kept("done"), done}},
		{"nobody knows the word", func(*command.Command) {}, "pondering", []string{kept("pondering")}},
		{"another meter's", func(c *command.Command) { c.Meter = 2 }, "done", []string{kept("done")}},
		{"an unknown one", func(c *command.Command) { c.ID = id.ID{} }, "done", []string{kept("done")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRows()
			o := ordered(1)
			c.change(&o)
			r.commands[o.ID] = o
			r.takes(t, answer(1, 5, name, c.state, "why"))
			r.Wants(t, append(c.want, seen)...)
		})
	}
}

// TestAnAnswerToWhatIsNoCommandIsOnlyKept checks that no command is looked up for such an answer.
func TestAnAnswerToWhatIsNoCommandIsOnlyKept(t *testing.T) {
	r := newRows()
	r.takes(t, answer(1, 5, token(), "done", ""))
	r.Wants(t, `event m1/5 of cdef 0 {"id":"`+token()+`","reason":"","state":"done"}`, seen)
	if r.counts("CommandByID") != 0 {
		t.Errorf("calls %q", r.Made)
	}
}

// at returns the time of a record by the meter's clock.
func at(seq uint64) time.Time { return time.Unix(head(seq).At, 0).UTC() }
