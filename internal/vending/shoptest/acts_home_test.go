package shoptest_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	ram "github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/wire"
)

// home is a customer with a complete meter that keeps its memory in RAM.
type home struct {
	number string
	n      int64
	dev    *device.Device
	link   wire.LinkKey
	lived  time.Time
	booted bool
	seen   uint64 // the newest record that was read

	papers []*paper // papers that the customer has and did not enter yet
	all    []*paper // every paper there ever was
	taken  []uint32 // TIDs of credit that the meter has accepted
	locked bool

	krn     uint8 // key revision of the newest key planned for the meter
	ti      string
	changed bool
	set     []*paper // papers of a key change that is not in the meter yet
}

// paper is a token as the customer holds it.
type paper struct {
	digits    string
	token     string // identity of the token
	tid       uint32
	units     int64
	of        *bought // the sale of the token; nil for a section of a key change
	loads     int
	cancel    string // the newest command to cancel the token
	cancelled bool   // whether the meter has cancelled the token
}

// newHome makes a customer's meter and registers it.
func (h *history) newHome(serial int, tariff id.ID) *home {
	h.t.Helper()
	m := &home{lived: h.truth, krn: 1, ti: "01"}
	raw := bytes.Repeat([]byte{byte(serial)}, wire.LinkKeySize)
	m.number = h.meter(serial, place{tariff: tariff, link: func(meter id.ID) []byte { return h.sealer.Seal(registry.LinkKeyContext(meter), raw) }})
	m.n = h.number(`SELECT n FROM meter WHERE number = $1`, m.number)
	pan, err := sts.ParseNumber(m.number)
	if err != nil {
		h.t.Fatal(err)
	}
	key, err := decoderKey(sts.Attributes{SGC: "201457", KRN: 1, KT: sts.DUTK, TI: "01", EA: sts.EA07, DKGA: sts.DKGA04, BaseDate: sts.Base2014, PAN: pan})
	if err != nil {
		h.t.Fatal(err)
	}
	if m.link, err = wire.NewLinkKey(raw); err != nil {
		h.t.Fatal(err)
	}
	keys := meter.NewKeys(key, meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255, Named: true, KRN: 1, TI: 1, SGC: 201457})
	m.dev, err = device.Open(device.Config{Number: m.number, Keys: &keys, LinkKey: m.link, HasLink: true, Image: &ram.RAMImage{}, Log: ram.NewRAM(),
		Rand: strings.NewReader(strings.Repeat(m.number, 4)), Now: h.truth, Document: map[string]any{"reading_s": int64(86400)}})
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

func vendingKeyOf() (sts.VendingKey, error) {
	raw, err := hex.DecodeString(vendingKey)
	if err != nil {
		return sts.VendingKey{}, err
	}
	return sts.NewVendingKey(raw)
}

// at runs the meter up to now.
func (h *history) at(m *home) {
	h.t.Helper()
	if d := h.truth.Sub(m.lived); d > 0 {
		if err := m.dev.Advance(d, nil); err != nil {
			h.t.Fatal(err)
		}
		m.lived = h.truth
	}
}

// types enters a paper at the keypad and reports whether the meter has finished with it.
func (h *history) types(m *home, p *paper) bool {
	h.t.Helper()
	h.at(m)
	before := m.dev.State().Balance
	if err := m.dev.Keys("**" + p.digits + "#"); err != nil {
		h.t.Fatal(err)
	}
	for _, said := range h.news(m) {
		if said.Source != "keypad" {
			continue
		}
		if said.Result == sts.Locked.String() {
			h.sometimes.Reached("meter locked out")
			m.locked = true
			return false
		}
		h.judge(m, p, said, int64(m.dev.State().Balance-before))
		return true
	}
	h.t.Fatalf("meter %s said nothing of a token", m.number)
	return false
}

// news returns the answers to tokens that the meter has recorded since the last call of news.
func (h *history) news(m *home) (said []wire.Token) {
	h.t.Helper()
	if err := m.dev.Flush(); err != nil {
		h.t.Fatal(err)
	}
	for _, e := range m.dev.Box().Copy(m.seen, 1<<20) {
		m.seen = e.Seq
		good, bad, err := wire.DecodeUp(e.Kind, e.Data)
		if err != nil || len(bad) > 0 || len(good) != 1 {
			h.t.Fatalf("record %d of meter %s cannot be read: %v", e.Seq, m.number, err)
		}
		if t := good[0].Token; t != nil {
			said = append(said, *t)
		}
		if c := good[0].Command; c != nil && c.State == "done" {
			for _, p := range m.all {
				p.cancelled = p.cancelled || p.cancel == c.ID
			}
		}
	}
	return said
}

// judge compares the meter's answer to a token, and the credit it booked, with the facts that the test knows about the token.
func (h *history) judge(m *home, p *paper, said wire.Token, credited int64) {
	h.t.Helper()
	switch said.Result {
	case sts.Accept.String():
		if said.Source == "remote" && p.loads == 1 && credited == 0 {
			h.sometimes.Reached("push repeated after a lost answer")
			return // the same request: the meter repeats its answer
		}
		p.loads++
		if p.of == nil {
			m.set = nil
		} else {
			m.taken = append(m.taken, p.tid)
			if p.loads > 1 {
				h.t.Fatalf("meter %s has accepted token %d of %s %d times", m.number, p.tid, p.of.Once.Key, p.loads)
			}
			if p.cancelled {
				h.t.Fatalf("meter %s has accepted token %d of %s after it had said that it has forgotten it", m.number, p.tid, p.of.Once.Key)
			}
			if said.UnitsWh != p.units || credited != p.units {
				h.t.Fatalf("token %d of %s brought %d Wh, the meter says %d, %d were sold", p.tid, p.of.Once.Key, credited, said.UnitsWh, p.units)
			}
			h.sometimes.When(p.of.undone > 0, "reversed token used all the same")
		}
	case sts.KCT1st.String(), sts.KCTNth.String(): // the other section is still missing, or came too long ago
	case sts.UsedError.String():
		if p.loads == 0 && !p.cancelled && p.of != nil {
			h.t.Fatalf("meter %s refused a token as used that was never entered: TID %d of %s", m.number, p.tid, p.of.Once.Key)
		}
	case sts.OldError.String():
		newer := 0
		for _, tid := range m.taken {
			if tid > p.tid {
				newer++
			}
		}
		if p.loads == 0 && !p.cancelled && newer < 50 {
			h.t.Fatalf("meter %s refused a token as old that only %d newer ones have overtaken: TID %d", m.number, newer, p.tid)
		}
	default:
		if said.Source == "remote" && m.set != nil {
			return // pushed before the customer has entered the key change; its digits are on the receipt
		}
		if said.Source == "remote" && p.loads > 0 {
			h.sometimes.Reached("token pushed again after a key change")
			return
		}
		h.t.Fatalf("meter %s, which has revision %d and index %s, answered a token that was bought with %s (%s)", m.number, m.krn, m.ti, said.Result, said.Source)
	}
}

// enter types the papers in hand, up to a maximum. A customer with a key change in hand enters the key change first.
func (h *history) enter(m *home, most int) {
	h.t.Helper()
	for len(m.papers) > 0 && most > 0 && !m.locked {
		p := m.papers[0]
		h.sometimes.Reached("token typed")
		h.sometimes.When(p.of != nil && len(m.taken) > 0 && slices.Max(m.taken) > p.tid, "token typed late")
		if !h.types(m, p) {
			return
		}
		m.papers, most = m.papers[1:], most-1
		if p.of != nil {
			continue
		}
		h.sometimes.When(m.set == nil, "key change entered")
		h.sometimes.When(m.set != nil && most == 0, "key change half entered")
		if m.set != nil && !slices.ContainsFunc(m.papers, func(p *paper) bool { return p.of == nil }) { // the meter has dropped the first section
			m.papers = append(slices.DeleteFunc(slices.Clone(m.set), func(o *paper) bool { return o == p }), m.papers...)
			h.sometimes.Reached("key change begun again")
		}
	}
}

// unlock waits until a meter takes tokens again.
func (h *history) unlock(m *home) {
	if m.locked {
		h.tick(25 * time.Hour)
		h.at(m)
		m.locked = false
	}
}

// slips enters a wrong token, or one that is already in the meter.
func (h *history) slips(r *rand.Rand) {
	m := h.homes[r.IntN(len(h.homes))]
	digits, wrong := fmt.Sprintf("%020d", r.Uint64()), 1
	var again *paper
	for _, p := range m.all {
		if p.loads > 0 && p.of != nil {
			again = p
		}
	}
	if again != nil && r.IntN(2) == 0 {
		digits = again.digits
	} else if again = nil; r.IntN(3) == 0 {
		wrong = 12 // until the keypad is locked
	}
	h.at(m)
	for range wrong {
		if err := m.dev.Keys("**" + digits + "#"); err != nil {
			h.t.Fatal(err)
		}
	}
	for _, said := range h.news(m) {
		switch {
		case said.Result == sts.Accept.String():
			h.t.Fatalf("meter %s has accepted a token again, or a mistyped one", m.number)
		case said.Result == sts.Locked.String():
			m.locked = true
			h.sometimes.Reached("meter locked out")
		}
	}
	h.sometimes.When(again != nil, "old token entered again")
	h.sometimes.When(again == nil, "mistyped token")
}

// Connected, Format and Publish stand for the meters' connections. Connected reports whether a meter is connected.
func (h *history) Connected(number string) bool { _, on := h.online.Load(number); return on }

// Format returns the format in which the meters write.
func (h *history) Format(string) wire.Format { return wire.JSON }

// Publish delivers a message to its meter.
func (h *history) Publish(number string, d wire.Down, payload []byte) bool {
	m := h.homes[slices.IndexFunc(h.homes, func(m *home) bool { return m.number == number })]
	h.at(m)
	var p *paper
	if d == wire.DownToken {
		got, err := wire.DecodeTokenDown(payload)
		if err != nil {
			h.t.Fatal(err)
		}
		if i := slices.IndexFunc(m.all, func(p *paper) bool { return p.token == got.Request }); i >= 0 {
			p = m.all[i]
		}
	}
	if d == wire.DownCommand {
		h.cancels(m, payload)
	}
	before := m.dev.State().Balance
	if err := m.dev.Receive(d, wire.DownTopic(number, d), payload); err != nil {
		h.t.Fatal(err)
	}
	for _, said := range h.news(m) {
		if p != nil && said.Request == p.token {
			h.sometimes.Reached("token pushed")
			h.judge(m, p, said, int64(m.dev.State().Balance-before))
		}
	}
	return true
}

// cancels notes which paper a meter is told to cancel. The command may come too late.
func (h *history) cancels(m *home, payload []byte) {
	body, err := wire.Open(m.link, wire.DownTopic(m.number, wire.DownCommand), payload)
	if err != nil {
		h.t.Fatal(err)
	}
	c, err := wire.DecodeBody[wire.Command](body)
	if err != nil || c.Type != "cancel_token" {
		h.t.Fatalf("a meter is told %q (%v)", c.Type, err)
	}
	for _, p := range m.all {
		if fmt.Sprint(c.Args["tid"]) == fmt.Sprint(p.tid) && p.loads == 0 && p.of != nil && !p.cancelled {
			p.cancel = c.ID
		}
	}
}

// deliver sends pending messages to the connected meters and brings their answers back.
func (h *history) deliver() {
	h.t.Helper()
	for range 4 {
		h.upload()
		if !h.send() {
			return
		}
	}
	h.upload()
}

// send sends pending messages to the connected meters and returns false if there were none.
func (h *history) send() bool {
	h.t.Helper()
	courier := h.courier()
	var claims []job.Claim
	ok := h.tries(func(tx *store.Tx) (err error) {
		claims, err = tx.OutboxClaim(job.LaneMQTT, "", "history", h.clock.Now().Add(job.HoldFor), 100)
		return err
	})
	if !ok || len(claims) == 0 {
		return false
	}
	for _, c := range claims {
		verdict, err := courier.Send(context.Background(), tenant, c)
		if err != nil && !h.tolerates(err) {
			h.t.Fatal(err)
		}
		h.tries(func(tx *store.Tx) (err error) {
			switch {
			case verdict == job.Done():
				_, err = tx.OutboxDone(c.ID, "history")
			case strings.HasPrefix(verdict.String(), "dead"):
				_, err = tx.OutboxDead(c.ID, "history", verdict.String())
			default:
				_, err = tx.OutboxRetry(c.ID, "history", h.clock.Now().Add(job.Pause(c.Attempts)), "no answer yet")
			}
			return err
		})
	}
	return true
}

// upload brings the records of connected meters to the server.
func (h *history) upload() {
	h.t.Helper()
	for _, m := range h.homes {
		if !h.Connected(m.number) {
			continue
		}
		h.at(m)
		h.news(m)
		for range 1000 {
			box := m.dev.Box()
			var recs []metering.Record
			add := func(r wire.Record) {
				recs = append(recs, metering.Record{Tenant: tenant, Meter: m.n, Number: m.number, ReceivedAt: h.clock.Now(), Memory: box.Boot().Memory, Rec: r})
			}
			if !m.booted {
				add(box.Boot().Record())
			}
			for _, e := range box.Next(box.Marks().Acked) {
				good, _, err := wire.DecodeUp(e.Kind, e.Data)
				if err != nil {
					h.t.Fatal(err)
				}
				add(good[0])
			}
			if len(recs) == 0 || !h.ingest(m, recs) {
				break
			}
		}
	}
}

// ingest stores records and acknowledges them. It returns false if none was stored.
func (h *history) ingest(m *home, recs []metering.Record) bool {
	h.t.Helper()
	var out []metering.Outcome
	done := make(chan error, 1)
	err := h.engine.Ingest(recs, func(o []metering.Outcome, err error) { out = o; done <- err })
	if err == nil {
		err = <-done
	}
	if err != nil {
		if !h.tolerates(err) {
			h.t.Fatal(err)
		}
		return false
	}
	m.booted = true
	for _, o := range out {
		if o.Kind == metering.Failed {
			return false
		}
		h.sometimes.When(o.Rewind && h.done > 0, "meter sends again after a restore")
		m.dev.Box().Ack(wire.Ack{Seq: o.Watermark, Rewind: o.Rewind})
	}
	return true
}
