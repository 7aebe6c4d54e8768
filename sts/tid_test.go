package sts_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/sts"
)

func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse("2006-01-02 15:04:05", s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTIDsCountMinutesFromTheBaseDate(t *testing.T) {
	for _, c := range []struct {
		base sts.BaseDate
		time string
		want sts.TID
	}{
		{1993, "1993-01-01 00:00:00", 0},
		{1993, "2004-03-01 13:55:00", 5_871_715},
		{1993, "2004-03-01 13:55:59", 5_871_715},
		{1993, "2020-01-01 08:00:00", 14_200_320},
		{1993, "2016-12-11 15:49:00", 12_593_749},
		{1993, "2024-11-24 20:15:59", sts.MaxTID},
		{2014, "2045-11-24 20:15:00", sts.MaxTID},
		{2035, "2066-11-24 20:15:00", sts.MaxTID},
		{1993, "2004-03-29 00:00:00", 5_911_200},
		{1993, "2004-03-29 00:01:00", 5_911_202}, // reserved
		{1993, "2004-03-29 00:02:00", 5_911_202},
		{2014, "2014-01-01 00:01:30", 2},
	} {
		got, err := c.base.TIDAt(at(t, c.time))
		if err != nil || got != c.want {
			t.Errorf("%s.TIDAt(%s) = %d, %v, want %d", c.base, c.time, got, err, c.want)
		}
	}
}

func TestTIDsAreCountedInUTC(t *testing.T) {
	east := time.FixedZone("east", 3*3600)
	got, err := sts.Base2014.TIDAt(time.Date(2014, 1, 1, 3, 7, 0, 0, east))
	if err != nil || got != 7 {
		t.Errorf("TIDAt(03:07 three hours east) = %d, %v, want 7", got, err)
	}
}

func TestBaseDatesEnd(t *testing.T) {
	for _, c := range []struct {
		base sts.BaseDate
		time string
		want error
	}{
		{1993, "1992-12-31 23:59:59", sts.ErrBaseDate},
		{1993, "2024-11-24 20:16:00", sts.ErrBaseDate},
		{2014, "2013-12-31 23:59:59", sts.ErrBaseDate},
		{2014, "2045-11-24 20:16:00", sts.ErrBaseDate},
		{2035, "2066-11-24 20:16:00", sts.ErrBaseDate},
		{2035, "9999-01-01 00:00:00", sts.ErrBaseDate},
		{2000, "2014-01-01 00:00:00", sts.ErrUnsupported},
	} {
		if got, err := c.base.TIDAt(at(t, c.time)); !errors.Is(err, c.want) {
			t.Errorf("%s.TIDAt(%s) = %d, %v, want %v", c.base, c.time, got, err, c.want)
		}
	}
}

func TestNextTIDIsNeverUsedTwice(t *testing.T) {
	for _, c := range []struct {
		last sts.TID
		now  string
		want sts.TID
	}{
		{0, "2014-01-01 08:00:00", 480},   // the first token of a key
		{479, "2014-01-01 08:00:00", 480}, // a minute later
		{480, "2014-01-01 08:00:59", 481}, // the same minute again
		{481, "2014-01-01 08:00:59", 482},
		{500, "2014-01-01 08:00:00", 501},   // the clock went back
		{1440, "2014-01-02 00:00:30", 1442}, // 00:01 is reserved
		{1439, "2014-01-02 00:01:00", 1442},
		{1442, "2014-01-02 00:01:00", 1443},
		{0, "2014-01-01 00:00:00", 2}, // last 0 means none; the minute 0 itself is never used
	} {
		got, err := sts.Base2014.Next(c.last, at(t, c.now))
		if err != nil || got != c.want {
			t.Errorf("Next(%d, %s) = %d, %v, want %d", c.last, c.now, got, err, c.want)
		}
	}
	for _, last := range []sts.TID{sts.MaxTID, sts.MaxTID + 5} {
		if got, err := sts.Base2014.Next(last, at(t, "2026-11-20 08:00:00")); !errors.Is(err, sts.ErrBaseDate) {
			t.Errorf("Next(%d) = %d, %v, want %v", last, got, err, sts.ErrBaseDate)
		}
	}
}

func TestNextTIDsRiseAndAvoidTheReservedMinute(t *testing.T) {
	now := at(t, "2026-11-19 23:58:00")
	var last sts.TID
	for i := range 3000 {
		next, err := sts.Base2014.Next(last, now)
		if err != nil {
			t.Fatal(err)
		}
		issued := sts.Base2014.Time(next)
		if next <= last || issued.Hour() == 0 && issued.Minute() == 1 {
			t.Fatalf("token %d: TID %d of %s after %d", i, next, issued, last)
		}
		last = next
	}
}

func TestKeyExpiryComparesTheTopBits(t *testing.T) {
	for _, c := range []struct {
		tid  sts.TID
		ken  uint8
		want bool
	}{
		{0x55ffff, 0x55, false}, {0x560000, 0x55, true}, {0, 0, false}, {0x10000, 0, true},
		{sts.MaxTID, 255, false}, {0xfeffff, 254, false}, {0xff0000, 254, true},
	} {
		if got := c.tid.Expired(c.ken); got != c.want {
			t.Errorf("TID(%#x).Expired(%d) = %t, want %t", uint32(c.tid), c.ken, got, c.want)
		}
	}
}

func TestTIDStoreRemembersTheNewestFifty(t *testing.T) {
	var s sts.TIDStore
	s.Fill(1000)
	for _, tid := range []sts.TID{2000, 1500, 1001} { // out of order
		if got := s.Check(tid); got != sts.Accept {
			t.Errorf("Check(%d) = %s, want accept", tid, got)
		}
		s.Add(tid)
		if got := s.Check(tid); got != sts.UsedError {
			t.Errorf("Check(%d) after Add = %s, want used_error", tid, got)
		}
	}
	for tid, want := range map[sts.TID]sts.Result{999: sts.OldError, 1000: sts.UsedError, 1002: sts.Accept, 2001: sts.Accept} {
		if got := s.Check(tid); got != want {
			t.Errorf("Check(%d) = %s, want %s", tid, got, want)
		}
	}
	before := s
	s.Add(999)
	s.Add(1500)
	s.Add(sts.MaxTID + 1)
	if s != before {
		t.Error("adding an old, a used or an impossible TID must change nothing")
	}
	for tid := sts.TID(3000); tid < 3000+sts.TIDStoreSize; tid++ {
		s.Add(tid)
	}
	if got := s.Check(2000); got != sts.OldError {
		t.Errorf("Check(2000) after fifty newer = %s, want old_error", got)
	}
	tids := s.TIDs()
	if tids[0] != 3000 || tids[sts.TIDStoreSize-1] != 3049 {
		t.Errorf("TIDs() = %v, want 3000 to 3049", tids)
	}
	tids[0], tids[7] = tids[7], tids[0] // a memory record may hold them in any order
	if sts.NewTIDStore(tids) != s {
		t.Error("NewTIDStore(TIDs()) must be the same store")
	}
}

// The store is part of the state of every meter, which must be small.
func TestTIDStoreIsSmall(t *testing.T) {
	if got, want := unsafe.Sizeof(sts.TIDStore{}), uintptr(3*sts.TIDStoreSize); got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
	var s sts.TIDStore
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 4))
	var all []sts.TID
	for range 3000 { // all 24 bits come back, in order
		tid := sts.TID(rnd.Uint32()) & sts.MaxTID
		if s.Check(tid) == sts.Accept {
			s.Add(tid)
			all = append(all, tid)
		}
	}
	slices.Sort(all)
	if got := s.TIDs(); !slices.Equal(got[:], all[len(all)-sts.TIDStoreSize:]) {
		t.Errorf("%d remembered\n got  %v\n want %v", len(all), got, all[len(all)-sts.TIDStoreSize:])
	}
}

func TestEmptyTIDStoreAcceptsEveryTIDButZero(t *testing.T) {
	var s sts.TIDStore
	if got := s.Check(0); got != sts.UsedError {
		t.Errorf("Check(0) = %s, want used_error", got)
	}
	for _, tid := range []sts.TID{1, sts.MaxTID} {
		if got := s.Check(tid); got != sts.Accept {
			t.Errorf("Check(%d) = %s, want accept", tid, got)
		}
	}
}
