package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
)

func totalTests() []test {
	return []test{{"totals under ceilings say how fast they grow, and what is usual", totalsGrow}}
}

// totalsGrow counts actions in windows of ten minutes, and on earlier days.
func totalsGrow(t *testing.T, r Rig) {
	e := r.Open(t)
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	of := func(from time.Time, amount int64) access.DayTotal {
		return access.DayTotal{Ceiling: access.PersonCredits, Subject: "per_1", Name: "person a", From: from, To: from.Add(24 * time.Hour), Amount: amount}
	}
	for _, s := range []struct {
		from   time.Time
		after  time.Duration // since the start of the day
		amount int64
		want   access.Taken
	}{
		{day.Add(-48 * time.Hour), 0, 30, access.Taken{Amount: 30, Window: 30, WindowActs: 1}},
		{day.Add(-48 * time.Hour), time.Minute, 10, access.Taken{Amount: 40, Window: 40, WindowActs: 2}},
		{day, 0, 5, access.Taken{Amount: 5, Window: 5, WindowActs: 1}},
		{day, 10*time.Minute - time.Second, 6, access.Taken{Amount: 11, Window: 11, WindowActs: 2}},
		{day, 10 * time.Minute, 7, access.Taken{Amount: 18, Window: 7, WindowActs: 1}},
		{day, 11 * time.Minute, -7, access.Taken{Amount: 11, Window: 0, WindowActs: 0}},
	} {
		must(t, e, func(tx *store.Tx) error {
			tx.Now = s.from.Add(s.after)
			if got, err := tx.AddDayTotal(of(s.from, s.amount)); err != nil || got != s.want {
				t.Errorf("%s after %s: %+v, %v; want %+v", s.from, s.after, got, err, s.want)
			}
			return nil
		})
	}
	must(t, e, func(tx *store.Tx) error {
		return errors.Join(tx.DayRaised(of(day, 1), access.UnusualSpeed|access.UnusualSize), tx.RaisePersonAlarm("unusual"))
	})
	must(t, e, func(tx *store.Tx) error { // what one account was given is no total of a person, and sorts first
		_, err := tx.AddDayTotal(access.DayTotal{Ceiling: access.AccountCredits, Subject: "acc_1", Name: "acc_1", From: day, To: day.AddDate(0, 0, 1), Amount: 11})
		return err
	})
	fetched(t, e, func(tx *store.Tx) error {
		means, err := tx.UsualTaken(access.PersonCredits, "per_1", day.Add(-30*24*time.Hour), day)
		if err == nil && !slices.Equal(means, []int64{20}) {
			t.Errorf("usual sizes %v, want a mean of 20", means)
		}
		return err
	}, func(tx *store.Tx) error {
		means, err := tx.DayMeans(access.PersonCredits, day.Add(-30*24*time.Hour), day.Add(time.Hour))
		if want := []access.DayMean{{Subject: "per_1", Amount: 20}, {Subject: "per_1", Amount: 5}}; err == nil && !slices.Equal(means, want) {
			t.Errorf("means of days %v, want %v", means, want)
		}
		return err
	}, func(tx *store.Tx) error {
		all, err := tx.TakenByPeople(day, day.Add(time.Hour), 1)
		if err == nil && (len(all) != 1 || all[0].Amount != 11 || !slices.Equal(all[0].Unusual.Names(), []string{"speed", "size"})) {
			t.Errorf("the day's totals are %+v", all)
		}
		return err
	}, func(tx *store.Tx) error {
		alarms, err := tx.Alarms(0, true, metering.After{}, 10)
		if err == nil && (len(alarms) != 1 || alarms[0].Alarm.Code != metering.AlarmPersonUnusual || alarms[0].Alarm.Text != "unusual") {
			t.Errorf("alarms %+v", alarms)
		}
		return err
	})
}
