package e2e

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// A month of readings, one each quarter of an hour, in messages of the most records that one may have.
const (
	monthOfReadings = 30 * 96
	inOneMessage    = 100
)

// backlogged is a meter that was away for a month.
type backlogged struct {
	secrets
	acked atomic.Int64
	began int64 // Unix seconds of reading 0
}

// work sends everything after the last acknowledgement, on as many connections as that takes.
func (b *backlogged) work(broker string, until time.Time) {
	for b.acked.Load() < monthOfReadings && time.Now().Before(until) {
		if b.connection(broker) != nil {
			time.Sleep(100 * time.Millisecond) // as a storm: all meters return at once
		}
	}
}

// connection sends over one connection until everything is acknowledged or the connection ends.
func (b *backlogged) connection(broker string) error {
	lost := make(chan struct{}, 1)
	o := mqtt.NewClientOptions().AddBroker("tcp://" + broker).SetClientID(b.number).SetUsername(b.number).SetPassword(b.password).
		SetAutoReconnect(false).SetConnectTimeout(5 * time.Second).SetConnectionLostHandler(func(mqtt.Client, error) { lost <- struct{}{} })
	c := mqtt.NewClient(o)
	did := func(t mqtt.Token) error {
		select {
		case <-t.Done():
			return t.Error()
		case <-lost:
			return fmt.Errorf("connection lost")
		case <-time.After(await.Limit):
			return fmt.Errorf("no answer")
		}
	}
	if err := did(c.Connect()); err != nil {
		return err
	}
	defer c.Disconnect(0)
	moved := make(chan struct{}, 1)
	if err := did(c.Subscribe("m/"+b.number+"/down/ack", 1, func(_ mqtt.Client, m mqtt.Message) {
		var ack struct{ Seq int64 }
		if json.Unmarshal(m.Payload(), &ack) == nil {
			b.acked.Store(max(b.acked.Load(), ack.Seq))
		}
		select {
		case moved <- struct{}{}:
		default:
		}
	})); err != nil {
		return err
	}
	boot := fmt.Sprintf(`{"store":"0123456789abcdef","lowest":1,"next":%d,"boot":1,"proto":1}`, monthOfReadings+1)
	if err := did(c.Publish("m/"+b.number+"/up/boot", 1, false, boot)); err != nil {
		return err
	}
	for b.acked.Load() < monthOfReadings {
		from := b.acked.Load()
		if err := did(c.Publish("m/"+b.number+"/up/reading", 1, false, b.message(from+1))); err != nil {
			return err
		}
		for end := time.After(await.Limit); b.acked.Load() == from; {
			select {
			case <-moved:
			case <-lost:
				return fmt.Errorf("connection lost")
			case <-end:
				return fmt.Errorf("no acknowledgement")
			}
		}
	}
	return nil
}

// message holds the readings from a number on.
func (b *backlogged) message(from int64) string {
	var recs []string
	for seq := from; seq < from+inOneMessage && seq <= monthOfReadings; seq++ {
		recs = append(recs, fmt.Sprintf(`{"seq":%d,"at":%d,"up":%d,"clock":"valid","register_wh":%d,"balance_wh":0,"relay":"closed"}`,
			seq, b.began+seq*900, seq*900_000, seq*50))
	}
	return "[" + strings.Join(recs, ",") + "]"
}

// TestAMonthsBacklogOutlivesAKill: meters that were away for a month send all their readings at once. The server is killed meanwhile, and
// all meters connect again at the same moment. After its return everything is acknowledged, and each meter has each reading
// once.
func TestAMonthsBacklogOutlivesAKill(t *testing.T) {
	tier.Long(t)
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	meters := tier.E2EBacklogMeters.N()
	all := make([]*backlogged, meters)
	for i := range all {
		all[i] = &backlogged{secrets: a.meter(t, number(50_000+i)), began: time.Now().Unix() - (monthOfReadings+1)*900}
	}
	var work sync.WaitGroup
	until := time.Now().Add(5 * time.Minute)
	for _, m := range all {
		work.Go(func() { m.work(srv.mqtt, until) })
	}
	total := func() (n int64) {
		for _, m := range all {
			n += m.acked.Load()
		}
		return n
	}
	whole := int64(meters) * monthOfReadings
	await.True(t, "a quarter is acknowledged", func() bool { return total() > whole/4 })
	srv.kill()
	atKill := total()
	again := p.serve(t, srv.http, srv.mqtt)
	back := time.Now()
	work.Wait()
	took := time.Since(back)
	if n := total(); n != whole {
		t.Errorf("%s: %d of %d readings were acknowledged %v after the server's return", await.NotInTime, n, whole, took)
	}
	for _, m := range []*backlogged{all[0], all[meters/2], all[meters-1]} {
		haveOnce(t, a, m.number, monthOfReadings)
	}
	t.Logf("figures: backlog: %d meters with a month each, killed at %d of %d readings, all acknowledged %v after the return, memory %d MB",
		meters, atKill, whole, took.Round(time.Millisecond), again.rss(t)>>20)
}

// haveOnce fails unless the server has each reading of a meter up to a number once.
func haveOnce(t *testing.T, a *api, number string, upTo int) {
	t.Helper()
	seen := map[string]int{}
	for next := ""; ; {
		l := a.must(t, 200, "GET", "/v1/meters/"+number+"/readings?limit=200&from=2000-01-01T00:00:00Z&cursor="+next, nil)
		var page struct {
			Data []struct {
				Seq json.Number `json:"seq"`
			} `json:"data"`
			Next string `json:"next_cursor"`
		}
		if err := json.Unmarshal(l.body, &page); err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Data {
			seen[r.Seq.String()]++
		}
		if next = page.Next; next == "" {
			break
		}
	}
	for seq := 1; seq <= upTo; seq++ {
		if n := seen[strconv.Itoa(seq)]; n != 1 {
			t.Errorf("meter %s has reading %d %d times", number, seq, n)
		}
	}
	for seq, n := range seen {
		if n != 1 {
			t.Errorf("meter %s has reading %s %d times", number, seq, n)
		}
	}
}
