package smpp_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/smpp"
	"github.com/paywatt/paywatt/internal/notify"
)

const token = "*02#12345678901234567890"

func TestAMessageIsSubmittedAndItsReceiptFindsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, smpp.Config{Source: "PAYWATT", SystemType: "sms"})
		l := b.link()
		if want := (smpp.Bind{SystemID: "paywatt", Password: "secret", SystemType: "sms", Version: 0x34}); l.bind != want || l.mode != smpp.BindTransceiver {
			t.Errorf("bound %08X with %+v, want %+v", uint32(l.mode), l.bind, want)
		}
		sent := b.send(notify.Outgoing{ID: "msg_1", Text: token, Report: true, Validity: 26*time.Hour + 5*time.Minute})
		m := l.submit(smpp.StatusOK, "00AB")
		if string(m.Short) != token || m.Coding != 0 || m.Class != 0 || m.Registered != 1 || m.Validity != "000001020500000R" ||
			m.To != (smpp.Address{TON: 1, NPI: 1, Text: "255711000001"}) || m.From != (smpp.Address{TON: 5, Text: "PAYWATT"}) {
			t.Errorf("submitted %+v (%q, valid %s)", m, m.Short, m.Validity)
		}
		if got, want := <-sent, (notify.Sent{Outcome: notify.Accepted, Reference: "ab", Parts: 1}); got != want {
			t.Errorf("sent %+v, want %+v", got, want)
		}
		for _, stat := range []string{"ACCEPTD", "DELIVRD"} {
			if s := l.deliver(receipt("00ab", stat)); s != smpp.StatusOK {
				t.Errorf("receipt %s answered %v", stat, s)
			}
		}
		at := time.Date(2026, 11, 20, 16, 31, 0, 0, time.UTC)
		want := []notify.Report{
			{Route: "centre1", ID: "msg_1", Reference: "ab", To: "+255711000001", Why: "ACCEPTD", At: at},
			{Route: "centre1", ID: "msg_1", Reference: "ab", To: "+255711000001", State: notify.Delivered, At: at},
		}
		if !slices.Equal(b.box.reports, want) {
			t.Errorf("reports %+v\nwant    %+v", b.box.reports, want)
		}
	})
}

func TestReceiptsOfEveryKindAreUnderstood(t *testing.T) {
	tagged := func(id string, state byte) smpp.Message {
		m := mo("no words that anybody could read")
		m.Class = 0x04
		m.Options = []smpp.Option{{Tag: smpp.TagReceiptedID, Value: smpp.EncodeText(id)}, {Tag: smpp.TagMessageState, Value: []byte{state}}}
		return m
	}
	failed := receipt("4660", "UNDELIV")
	failed.Short = bytes.Replace(failed.Short, []byte("err:000"), []byte("err:045"), 1)
	for _, c := range []struct {
		name   string
		ids    smpp.MessageIDs
		answer string // message_id of the submit_sm_resp
		m      smpp.Message
		id     string // message_id in the receipt
		state  notify.ReportState
		why    string
	}{
		{"text", "", "4660", receipt("4660", "DELIVRD"), "msg_1", notify.Delivered, ""},
		{"answer hexadecimal, receipt decimal", "", "1234", receipt("4660", "DELIVRD"), "msg_1", notify.Delivered, ""},
		{"answer decimal, receipt hexadecimal", "", "4660", receipt("1234", "DELIVRD"), "msg_1", notify.Delivered, ""},
		{"the same, as configured", smpp.IDsReceiptHex, "4660", receipt("1234", "DELIVRD"), "msg_1", notify.Delivered, ""},
		{"the first, as configured", smpp.IDsAnswerHex, "0001234", receipt("0004660", "DELIVRD"), "msg_1", notify.Delivered, ""},
		{"no guess where ids are the same", smpp.IDsSame, "1234", receipt("4660", "DELIVRD"), "", notify.Delivered, ""},
		{"failed with its error", "", "4660", failed, "msg_1", notify.Failed, "UNDELIV, error 045"},
		{"expired", "", "4660", receipt("4660", "EXPIRED"), "msg_1", notify.Failed, "EXPIRED"},
		{"nobody knows", "", "4660", receipt("4660", "UNKNOWN"), "msg_1", notify.Trying, "UNKNOWN"},
		{"parameters, delivered", "", "x-1", tagged("x-1", 2), "msg_1", notify.Delivered, ""},
		{"parameters, rejected", "", "x-1", tagged("X-1", 8), "msg_1", notify.Failed, "state 8"},
		{"an id that is no text", "", "\xff\x01", tagged("\xff\x01", 2), "msg_1", notify.Delivered, ""},
		{"of a message of another process", "", "1", receipt("77", "DELIVRD"), "", notify.Delivered, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, smpp.Config{MessageIDs: c.ids})
				l := b.link()
				sent := b.send(notify.Outgoing{ID: "msg_1", Text: token, Report: true})
				l.submit(smpp.StatusOK, c.answer)
				<-sent
				if s := l.deliver(c.m); s != smpp.StatusOK || len(b.box.reports) != 1 {
					t.Fatalf("answered %v, reports %+v", s, b.box.reports)
				}
				if r := b.box.reports[0]; r.ID != c.id || r.State != c.state || r.Why != c.why || r.To != "+255711000001" {
					t.Errorf("report %+v, want of %q: %v %q", r, c.id, c.state, c.why)
				}
			})
		})
	}
}

func TestLongTextsAndOtherAlphabets(t *testing.T) {
	long := strings.Repeat("0123456789", 20)
	for _, c := range []struct {
		name, text string
		cfg        smpp.Config
		want       []string // class, coding and octets of each part
	}{
		{"one part", "ok @ _ {", smpp.Config{}, []string{"00 00 6f6b20002011201b28"}},
		{"one part for a Latin-1 centre", "ok @ _ {", smpp.Config{Alphabet: smpp.Latin1}, []string{"00 00 6f6b2040205f207b"}},
		{"a character that Latin-1 lacks", "ok €", smpp.Config{Alphabet: smpp.Latin1}, []string{"00 08 006f006b002020ac"}},
		{"Cyrillic", "мало", smpp.Config{}, []string{"00 08 043c0430043b043e"}},
		{"two parts", long, smpp.Config{}, []string{"40 00 050003010201" + fmt.Sprintf("%x", long[:153]), "40 00 050003010202" + fmt.Sprintf("%x", long[153:])}},
		{"two parts in one payload", long, smpp.Config{Payload: true}, []string{"00 00 "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, c.cfg)
				l := b.link()
				sent := b.send(notify.Outgoing{ID: "msg_1", Text: c.text})
				for i, want := range c.want {
					m := l.submit(smpp.StatusOK, fmt.Sprint("id", i))
					if got := fmt.Sprintf("%02x %02x %x", m.Class, m.Coding, m.Short); got != want {
						t.Errorf("part %d: %s, want %s", i, got, want)
					}
					if v, ok := m.Option(smpp.TagMessagePayload); ok != c.cfg.Payload || ok && string(v) != c.text {
						t.Errorf("payload %q", v)
					}
				}
				if s := <-sent; s.Outcome != notify.Accepted || s.Reference != fmt.Sprint("id", len(c.want)-1) {
					t.Errorf("sent %+v", s)
				}
			})
		})
	}
}

func TestAMessageInPartsIsDeliveredWhenAllAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, smpp.Config{})
		l := b.link()
		sent := b.send(notify.Outgoing{ID: "msg_1", Text: strings.Repeat("x", 200), Report: true})
		l.submit(smpp.StatusOK, "a")
		l.submit(smpp.StatusOK, "b")
		if s := <-sent; s.Outcome != notify.Accepted || s.Parts != 2 {
			t.Errorf("sent %+v", s)
		}
		for _, id := range []string{"b", "b", "a"} {
			l.deliver(receipt(id, "DELIVRD"))
		}
		var got []notify.ReportState
		for _, r := range b.box.reports {
			got = append(got, r.State)
		}
		if want := []notify.ReportState{notify.Trying, notify.Trying, notify.Delivered}; !slices.Equal(got, want) {
			t.Errorf("reports %v, want %v", got, want)
		}
	})
}

func TestEveryAnswerOfTheCentreHasItsOutcome(t *testing.T) {
	for status, want := range map[smpp.Status]notify.Outcome{
		smpp.StatusOK: notify.Accepted, smpp.StatusSystem: notify.NotSent, smpp.StatusSubmit: notify.NotSent, smpp.StatusTemporary: notify.NotSent,
		smpp.StatusNotBound: notify.NotSent, 0x0B: notify.Refused, 0x0A: notify.Refused, smpp.StatusLength: notify.Refused, 0x43: notify.Refused,
		0x400: notify.NotSent, 0x4FF: notify.NotSent, 0x500: notify.Refused, smpp.StatusUnknown: notify.NotSent,
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, smpp.Config{})
			l := b.link()
			sent := b.send(notify.Outgoing{ID: "msg_1", Text: token})
			l.submit(status, "id")
			if s := <-sent; s.Outcome != want || (s.Why == "") != (want == notify.Accepted) {
				t.Errorf("%v: %+v, want %v", status, s, want)
			}
		})
	}
}

func TestACentreThatThrottlesIsGivenTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, smpp.Config{})
		l := b.link()
		began := time.Now()
		sent := b.send(notify.Outgoing{ID: "msg_1", Text: token})
		l.submit(smpp.StatusThrottled, "")
		l.submit(smpp.StatusQueueFull, "")
		l.submit(smpp.StatusOK, "id")
		if s := <-sent; s.Outcome != notify.Accepted || time.Since(began) != 3*time.Second {
			t.Errorf("%+v after %v; want accepted after 1 and 2 s", s, time.Since(began))
		}
		sent = b.send(notify.Outgoing{ID: "msg_2", Text: token})
		for range 4 {
			l.submit(smpp.StatusThrottled, "")
		}
		if s := <-sent; s.Outcome != notify.NotSent || s.Closed {
			t.Errorf("throttled for ever: %+v", s)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if s := b.client.Send(ctx, notify.Outgoing{To: "+1234567", Text: "x"}); s.Outcome != notify.NotSent {
			t.Errorf("no time to wait: %+v", s)
		}
	})
}

func TestALostAnswerIsUnknownAndALateOneStillCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, smpp.Config{Enquire: time.Hour})
		l := b.link()
		sent := b.send(notify.Outgoing{ID: "msg_1", Text: token, Report: true})
		p := l.next()
		if s := <-sent; s.Outcome != notify.Unknown || s.Closed {
			t.Errorf("silence: %+v", s)
		}
		l.send(smpp.PDU{Command: smpp.SubmitSM.Answer(), Sequence: p.Sequence, Body: smpp.EncodeText("late")})
		l.deliver(receipt("late", "DELIVRD"))
		if len(b.box.reports) != 1 || b.box.reports[0].ID != "msg_1" {
			t.Errorf("reports %+v, want one of msg_1", b.box.reports)
		}
		sent = b.send(notify.Outgoing{ID: "msg_2", Text: token})
		l.next()
		_ = l.conn.Close() // the connection breaks in the middle
		if s := <-sent; s.Outcome != notify.Unknown {
			t.Errorf("connection lost: %+v", s)
		}
		l = b.link() // the client reconnects
		sent = b.send(notify.Outgoing{ID: "msg_3", Text: token})
		l.submit(smpp.StatusOK, "id")
		if s := <-sent; s.Outcome != notify.Accepted {
			t.Errorf("on the next connection: %+v", s)
		}
	})
}

func TestOnlyAWindowOfMessagesIsUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, smpp.Config{Window: 3})
		l := b.link()
		var all []<-chan notify.Sent
		for i := range 5 {
			all = append(all, b.send(notify.Outgoing{ID: fmt.Sprint(i), Text: token}))
		}
		synctest.Wait()
		if n := len(l.pdus); n != 3 {
			t.Errorf("%d submitted; want a window of 3", n)
		}
		for range 5 {
			l.submit(smpp.StatusOK, "id")
			synctest.Wait()
		}
		for _, s := range all {
			if got := <-s; got.Outcome != notify.Accepted {
				t.Errorf("sent %+v", got)
			}
		}
	})
}

func TestBothSidesAskWhetherTheOtherIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, smpp.Config{})
		l := b.link()
		if p := l.ask(smpp.EnquireLink, nil); p.Command != smpp.EnquireLink.Answer() || p.Status != smpp.StatusOK {
			t.Errorf("our enquire_link is answered by %v", p)
		}
		began := time.Now()
		p := l.next()
		if p.Command != smpp.EnquireLink || time.Since(began) != 30*time.Second {
			t.Errorf("after %v of silence: %v", time.Since(began), p)
		}
		l.send(smpp.PDU{Command: smpp.EnquireLink.Answer(), Sequence: p.Sequence})
		if l.next(); time.Since(began) != time.Minute {
			t.Errorf("asked again after %v", time.Since(began))
		}
		l = b.link() // no answer came, so the client makes another connection
		if d := time.Since(began); d != 91*time.Second {
			t.Errorf("a mute centre was given up after %v", d)
		}
		if p := l.ask(0x00000103, nil); p.Command != smpp.GenericNack || p.Status != smpp.StatusCommand {
			t.Errorf("a data_sm is answered by %v", p)
		}
		if p := l.ask(smpp.Unbind, nil); p.Command != smpp.Unbind.Answer() {
			t.Errorf("an unbind is answered by %v", p)
		}
		l = b.link()
		l.send(smpp.PDU{Command: smpp.EnquireLink.Answer(), Sequence: 77}) // an answer without a request
		if _, err := l.conn.Write([]byte{0x7F, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1}); err != nil {
			t.Error(err)
		}
		if p := l.next(); p.Command != smpp.GenericNack || p.Status != smpp.StatusUnitLength {
			t.Errorf("a unit of 2 GB is answered by %v", p)
		}
		b.link()
	})
}

func TestARefusedPasswordIsNotTriedInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, smpp.Config{}, smpp.StatusPassword)
		b.link()
		began := time.Now()
		s := b.client.Send(t.Context(), notify.Outgoing{To: "+255711000001", Text: token})
		if s.Outcome != notify.NotSent || !s.Closed || !strings.Contains(s.Why, "wrong password") {
			t.Errorf("sent %+v", s)
		}
		b.link()
		if d := time.Since(began); d < 5*time.Minute-time.Second {
			t.Errorf("tried again after %v", d)
		}
	})
}

func TestATransmitterAndAReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, smpp.Config{Pair: true})
		tx, rx := b.link(), b.link()
		if tx.mode == smpp.BindReceiver {
			tx, rx = rx, tx
		}
		if tx.mode != smpp.BindTransmitter || rx.mode != smpp.BindReceiver {
			t.Fatalf("bound %08X and %08X", uint32(tx.mode), uint32(rx.mode))
		}
		sent := b.send(notify.Outgoing{ID: "msg_1", Text: token})
		tx.submit(smpp.StatusOK, "1")
		if s := <-sent; s.Outcome != notify.Accepted {
			t.Errorf("sent %+v", s)
		}
		if s := rx.deliver(receipt("1", "DELIVRD")); s != smpp.StatusOK || len(b.box.reports) != 1 || b.box.reports[0].ID != "msg_1" {
			t.Errorf("answered %v, %+v", s, b.box.reports)
		}
		if s := tx.deliver(mo("BAL")); s != smpp.StatusNotBound {
			t.Errorf("a message to the transmitter is answered %v", s)
		}
		b.stop()
		if s := b.client.Send(t.Context(), notify.Outgoing{To: "+1234567", Text: "x"}); s.Outcome != notify.NotSent || !s.Closed {
			t.Errorf("stopped: sent %+v", s)
		}
	})
}

// TestAReceiptMayOvertakeTheAnswer delivers receipts on the receiver's connection. The answer with the message_id comes later,
// on the transmitter's connection. It writes the id in another base than the receipt.
func TestAReceiptMayOvertakeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, smpp.Config{Pair: true})
		tx, rx := b.link(), b.link()
		if tx.mode == smpp.BindReceiver {
			tx, rx = rx, tx
		}
		sent := b.send(notify.Outgoing{ID: "msg_1", Text: token})
		synctest.Wait()
		early := make(chan smpp.Status, 1)
		go func() { early <- rx.deliver(receipt("26", "DELIVRD")) }()
		time.Sleep(time.Second)
		if len(early) != 0 || len(b.box.reports) != 0 {
			t.Fatalf("a receipt without a message was kept: %+v", b.box.reports)
		}
		tx.submit(smpp.StatusOK, "1A")
		if s := <-sent; s.Outcome != notify.Accepted {
			t.Errorf("sent %+v", s)
		}
		if s := <-early; s != smpp.StatusOK || len(b.box.reports) != 1 || b.box.reports[0].ID != "msg_1" || b.box.reports[0].State != notify.Delivered {
			t.Errorf("answered %v, %+v", s, b.box.reports)
		}
		// A receipt for another process's message does not wait if no answer is outstanding. If an answer is outstanding and never comes,
		// the receipt waits as long as receiptWait.
		began := time.Now()
		if s := rx.deliver(receipt("77", "DELIVRD")); s != smpp.StatusOK || time.Since(began) != 0 {
			t.Errorf("with nothing under way: answered %v after %v", s, time.Since(began))
		}
		sent = b.send(notify.Outgoing{ID: "msg_2", Text: token})
		synctest.Wait()
		if s := rx.deliver(receipt("78", "DELIVRD")); s != smpp.StatusOK || time.Since(began) != 5*time.Second || len(b.box.reports) != 3 {
			t.Errorf("with an answer that does not come: answered %v after %v, %+v", s, time.Since(began), b.box.reports)
		}
		tx.submit(smpp.StatusOK, "2")
		<-sent
	})
}

// TestAReceiptForAMessageFromBeforeARestart: the client knows no message, so the store looks for the reference. A receipt may have it in another base
// than the centre's answer, unless the configuration says which base the centre writes.
func TestAReceiptForAMessageFromBeforeARestart(t *testing.T) {
	for _, c := range []struct {
		ids  smpp.MessageIDs
		id   string
		want []string
	}{
		{smpp.IDsEither, "26", []string{"26", "1a", "38"}}, {smpp.IDsEither, "1A", []string{"1a", "26"}}, {smpp.IDsEither, "0", []string{"0"}},
		{smpp.IDsEither, "f2d5-11", []string{"f2d5-11"}}, {smpp.IDsSame, "26", []string{"26"}}, {smpp.IDsAnswerHex, "26", []string{"26"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, smpp.Config{MessageIDs: c.ids})
			if s := b.link().deliver(receipt(c.id, "DELIVRD")); s != smpp.StatusOK {
				t.Fatalf("answered %v", s)
			}
			r := b.box.reports[0]
			got := slices.DeleteFunc(append([]string{r.Reference}, r.Also[:]...), func(s string) bool { return s == "" })
			if !slices.Equal(got, c.want) || r.ID != "" || r.To == "" {
				t.Errorf("%q with ids %q: the report has %q to %q, want %q", c.id, c.ids, got, r.To, c.want)
			}
		})
	}
}

func TestNonsenseIsRefusedBeforeAnythingIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, smpp.Config{})
		l := b.link()
		for _, m := range []notify.Outgoing{{To: "PAYWATT", Text: "x"}, {To: "+255711000001", Text: "\xff"}, {To: "+255711000001", Text: strings.Repeat("x", 2000)}} {
			if s := b.client.Send(t.Context(), m); s.Outcome != notify.Refused || s.Why == "" {
				t.Errorf("%v: %+v", m, s)
			}
		}
		if len(l.pdus) != 0 {
			t.Errorf("%d units were sent", len(l.pdus))
		}
	})
	for _, cfg := range []smpp.Config{{}, {Name: "x", SystemID: strings.Repeat("x", 16)}, {Name: "x", SystemID: "x", Password: "123456789"},
		{Name: "x", SystemID: "x", Window: 101}, {Name: "x", SystemID: "x", Source: "+"}, {Name: "x", SystemID: "x", Alphabet: "ebcdic"},
		{Name: "x", SystemID: "x", MessageIDs: "octal"}} {
		cfg.Inbox, cfg.Dial = &inbox{}, smpp.Dial("127.0.0.1:1", nil)
		if _, err := smpp.New(cfg); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
}
