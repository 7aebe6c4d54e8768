package post_test

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/internal/device/post"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
)

// radio answers each message with the next of its outcomes, and with Sent when there are no more.
type radio struct {
	mu       sync.Mutex
	outcomes []post.Outcome
	sent     []time.Time
}

func (r *radio) Run(ctx context.Context) { <-ctx.Done() }

func (r *radio) Send(context.Context, string, string) (post.Outcome, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, time.Now())
	if len(r.outcomes) == 0 {
		return post.Sent, ""
	}
	o := r.outcomes[0]
	r.outcomes = r.outcomes[1:]
	return o, "the network is busy"
}

func TestAnAnswerIsSentUntilItIsWithTheNetwork(t *testing.T) {
	for name, c := range map[string]struct {
		outcomes []post.Outcome
		after    []time.Duration
	}{
		"sent at once":     {nil, []time.Duration{0}},
		"tried again":      {[]post.Outcome{post.Later, post.Later}, []time.Duration{0, 5 * time.Second, 15 * time.Second}},
		"not known":        {[]post.Outcome{post.Unknown}, []time.Duration{0}},
		"nothing helps":    {[]post.Outcome{post.Never}, []time.Duration{0}},
		"later and gone":   {[]post.Outcome{post.Later, post.Never}, []time.Duration{0, 5 * time.Second}},
		"later, not known": {[]post.Outcome{post.Later, post.Unknown}, []time.Duration{0, 5 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &radio{outcomes: c.outcomes}
				p, end := connected(t, r)
				began := time.Now()
				arrival := device.Arrival{Identity: [16]byte{1}, From: "+254700000001", Text: "*01#"}
				for range 3 { // the same message, delivered again
					if err := p.Deliver(t.Context(), arrival); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				end()
				var after []time.Duration
				for _, at := range r.sent {
					after = append(after, at.Sub(began))
				}
				if !slices.Equal(after, c.after) {
					t.Errorf("tried after %v, want %v", after, c.after)
				}
			})
		})
	}
}

// connected connects a new meter and a radio by a post.
func connected(t *testing.T, r *radio) (p *post.Post, end func()) {
	t.Helper()
	k, err := sts.NewKey(sts.EA07, []byte("8 bytes!"))
	if err != nil {
		t.Fatal(err)
	}
	keys := meter.NewKeys(k, meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255})
	d, err := device.Open(device.Config{Number: "12345678903", Keys: &keys, Phones: []string{"+254700000001"}, Image: &memory.RAMImage{},
		Log: memory.NewRAM(), Rand: bytes.NewReader([]byte("12345678")), Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	p = post.New(nil)
	ctx, cancel := context.WithCancel(t.Context())
	p.Connect(ctx, d, func() post.Radio { return r })
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case task := <-d.Tasks():
				if err := task(d); err != nil {
					t.Error(err)
				}
			}
		}
	})
	return p, func() {
		cancel()
		running.Wait()
		p.Power(false)
	}
}
