package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// This test measures the software's share of a recharge by SMS: from the telephone's message on the network to the meter's answer. In
// between are the emulated modem on a real pseudo-terminal, the meter's driver in another process, its journal with fsync in real files,
// and the way back. The radio time is left out. The published system's mean round trip over the air was 28.99 s.
func TestTheSoftwaresShareOfARechargeBySMS(t *testing.T) {
	tier.Long(t)
	const meters, each, perPhone = 5, 20, 10 // as many answers as a meter gives in a day, and to one telephone in an hour
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	var args []string
	for i := range meters {
		args = append(args, "--number", fmt.Sprintf("+25570000030%d", i))
	}
	r := startRadio(t, args...)
	var tokens [meters][]string
	for i := range meters {
		sim := fmt.Sprintf("+25570000030%d", i)
		m := smsMeter(t, p, a, 1300+i, sim, r.ptys[sim])
		for n := range each {
			sale := a.mustVend(t, m.number, 10_000, fmt.Sprintf("speed-%d-%06d", i, n))
			tokens[i] = append(tokens[i], sale.text(t, "tokens", 0, "digits"))
		}
	}
	srv.stop()
	var took []time.Duration
	for i := range meters {
		for n, digits := range tokens[i] {
			took = append(took, r.roundTrip(t, fmt.Sprintf("+25571100%d3%02d", n/perPhone, i), fmt.Sprintf("+25570000030%d", i), digits))
		}
	}
	slices.Sort(took)
	p50, p99 := took[len(took)/2], took[len(took)*99/100-1]
	t.Logf("figures: software's share of a recharge by SMS, %d recharges of %d meters: p50 %v, p99 %v, longest %v; over the air the published system took 28.99 s",
		len(took), meters, p50.Round(100*time.Microsecond), p99.Round(100*time.Microsecond), took[len(took)-1].Round(100*time.Microsecond))
}

// roundTrip sends one token and waits for the answer.
func (r *radio) roundTrip(t *testing.T, phone, meter, digits string) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
	defer cancel()
	before, err := r.Messages(ctx, phone, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for _, m := range before {
		last = m.N
	}
	began := time.Now()
	if err := r.Send(ctx, phone, meter, "*02#"+digits); err != nil {
		t.Fatal(err)
	}
	for ctx.Err() == nil {
		got, err := r.Messages(ctx, phone, last, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range got {
			last = m.N
			if m.From == meter && m.Report == "" {
				if !strings.HasPrefix(m.Text, "Recharge OK.") {
					t.Fatalf("%s answered %q", meter, m.Text)
				}
				return time.Since(began)
			}
		}
	}
	t.Fatalf("%s: %s never answered %s", await.NotInTime, meter, phone)
	return 0
}
