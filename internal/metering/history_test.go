package metering_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/refusal"
)

// shelf is a history in memory: one meter with readings, events and token results numbered from 1, and alarms.
type shelf struct {
	rows   int
	tenant access.Tenant
	span   metering.Span
}

const (
	shelfNumber = "04140001001"
	shelfMeter  = 7
)

var _ metering.Tx = (*shelf)(nil)

func shelfID() id.ID { return id.ID{1, 2, 3} }

func (s *shelf) Do(_ context.Context, t access.Tenant, fn func(metering.Tx) (bool, error)) error {
	s.tenant = t
	_, err := fn(s)
	return err
}

func (s *shelf) View(_ context.Context, t access.Tenant, fn func(metering.Tx) error) error {
	s.tenant = t
	return fn(s)
}

func (s *shelf) MeterNamed(number string, meter id.ID) (int64, bool, error) {
	return shelfMeter, number == shelfNumber || number == "" && meter == shelfID(), nil
}

// numbers counts down from the newest row below the cursor.
func (s *shelf) numbers(below uint64, max int) (out []uint64) {
	for n := uint64(s.rows); n > 0 && len(out) < max; n-- {
		if below == 0 || n < below {
			out = append(out, n)
		}
	}
	return out
}

func (s *shelf) Readings(_ int64, span metering.Span, after metering.After, max int) (out []metering.StoredReading, err error) {
	s.span = span
	for _, n := range s.numbers(after.Hi, max) {
		out = append(out, metering.StoredReading{Seq: n, Row: int64(n)})
	}
	return out, nil
}

func (s *shelf) Events(_ int64, _ metering.Span, after metering.After, max int) (out []metering.StoredEvent, err error) {
	for _, n := range s.numbers(after.Lo, max) {
		out = append(out, metering.StoredEvent{Seq: n, ReceivedAt: time.UnixMicro(5)})
	}
	return out, nil
}

func (s *shelf) TokenReports(_ int64, _ metering.Span, after metering.After, max int) (out []metering.StoredToken, err error) {
	for _, n := range s.numbers(after.Lo, max) {
		out = append(out, metering.StoredToken{Seq: n, ReceivedAt: time.UnixMicro(5)})
	}
	return out, nil
}

func (s *shelf) Alarms(meter int64, _ bool, after metering.After, max int) (out []metering.RaisedAlarm, err error) {
	for _, n := range s.numbers(after.Lo, max) {
		out = append(out, metering.RaisedAlarm{ID: id.ID{15: byte(n)}, Meter: meter})
	}
	return out, nil
}

// walk follows the pages of a list to the end.
func walk[T any](t *testing.T, page func(limit int, cursor string) (metering.Page[T], error), seq func(T) uint64) []uint64 {
	t.Helper()
	var all []uint64
	cursor := ""
	for range 100 {
		p, err := page(3, cursor)
		if err != nil || p.Refused() {
			t.Fatalf("page at %q: %v %s", cursor, err, p.Detail())
		}
		if cursor != "" && len(p.Rows) == 0 {
			t.Errorf("the page before %q says that the list goes on, and it does not", cursor)
		}
		for _, r := range p.Rows {
			all = append(all, seq(r))
		}
		if cursor = p.Next; cursor == "" {
			return all
		}
	}
	t.Fatal("the list has no end")
	return nil
}

func TestListsGoOnWhereTheyStopped(t *testing.T) {
	ctx, by := t.Context(), access.Actor{Tenant: 5, Role: access.Support}
	for _, rows := range []int{0, 1, 3, 6, 7} {
		s := &shelf{rows: rows}
		h := metering.NewHistory(s)
		want := s.numbers(0, rows)
		for name, got := range map[string][]uint64{
			"readings": walk(t, func(limit int, cursor string) (metering.Page[metering.StoredReading], error) {
				return h.Readings(ctx, by, shelfNumber, metering.Span{}, limit, cursor)
			}, func(r metering.StoredReading) uint64 { return r.Seq }),
			"events": walk(t, func(limit int, cursor string) (metering.Page[metering.StoredEvent], error) {
				return h.Events(ctx, by, shelfNumber, metering.Span{}, limit, cursor)
			}, func(r metering.StoredEvent) uint64 { return r.Seq }),
			"alarms of all": walk(t, func(limit int, cursor string) (metering.Page[metering.RaisedAlarm], error) {
				return h.Alarms(ctx, by, "", true, limit, cursor)
			}, func(r metering.RaisedAlarm) uint64 { return uint64(r.ID[15]) }),
			"alarms of one": walk(t, func(limit int, cursor string) (metering.Page[metering.RaisedAlarm], error) {
				return h.Alarms(ctx, by, shelfNumber, true, limit, cursor)
			}, func(r metering.RaisedAlarm) uint64 { return uint64(r.ID[15]) }),
		} {
			if !slices.Equal(got, want) {
				t.Errorf("%d %s in pages of 3: %v, want %v", rows, name, got, want)
			}
		}
		if s.tenant != 5 {
			t.Errorf("asked tenant %d, want that of the actor", s.tenant)
		}
	}
}

func TestWhatAListRefuses(t *testing.T) {
	s := &shelf{rows: 300}
	h := metering.NewHistory(s)
	owner := access.Actor{Tenant: 1, Role: access.Owner}
	span := metering.Span{From: time.Unix(10, 0), To: time.Unix(20, 0)}
	for _, c := range []struct {
		name   string
		by     access.Actor
		meter  string
		limit  int
		cursor string
		want   refusal.Code
		rows   int
	}{
		{"number", owner, shelfNumber, 7, "", "", 7},
		{"number with blanks and dashes", owner, "0414-000 1001", 7, "", "", 7},
		{"identity", owner, shelfID().Text(id.Meter), 7, "", "", 7},
		{"no limit means the default", owner, shelfNumber, 0, "", "", metering.DefaultPage},
		{"largest page", owner, shelfNumber, metering.MaxPage, "", "", metering.MaxPage},
		{"too large a page", owner, shelfNumber, metering.MaxPage + 1, "", refusal.InvalidRequest, 0},
		{"smallest page", owner, shelfNumber, 1, "", "", 1},
		{"negative page", owner, shelfNumber, -1, "", refusal.InvalidRequest, 0},
		{"foreign cursor", owner, shelfNumber, 7, "AAAA", refusal.InvalidRequest, 0},
		{"cursor that is none", owner, shelfNumber, 7, "!", refusal.InvalidRequest, 0},
		{"unknown meter", owner, "04140001002", 7, "", refusal.MeterNotFound, 0},
		{"unknown identity", owner, id.ID{9}.Text(id.Meter), 7, "", refusal.MeterNotFound, 0},
		{"no right", access.Actor{Tenant: 1, Role: access.VendorAPI}, shelfNumber, 7, "", refusal.Forbidden, 0},
	} {
		p, err := h.Readings(t.Context(), c.by, c.meter, span, c.limit, c.cursor)
		if err != nil || p.Code != c.want || len(p.Rows) != c.rows {
			t.Errorf("%s: %d rows, refused %q, %v; want %d, %q", c.name, len(p.Rows), p.Code, err, c.rows, c.want)
		}
	}
	if s.span != span {
		t.Errorf("asked for %v, want %v", s.span, span)
	}
}
