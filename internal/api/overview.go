package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/overview"
)

func (a *API) overviewRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "overview", Path: "/v1/overview", Tags: []string{"overview"}, Summary: "What needs somebody",
		Description: "Needs the right meter.read. Lists that the asker may not see are missing.",
	}, func(ctx context.Context, by access.Actor, _ *struct{}) (*reply[apiv1.Overview], error) {
		v, err := a.c.Overview.Show(ctx, by)
		return replyOf(v.Refusal, err, func() apiv1.Overview { return overviewOf(v) })
	})
}

func overviewOf(v overview.View) apiv1.Overview {
	out := apiv1.Overview{At: v.At, Meters: v.Meters, Lists: make([]apiv1.OverviewList, len(v.Lists))}
	if b := v.Backup; b.Noted {
		out.Backup = &apiv1.OverviewBackup{At: at(b.At), Old: b.Old}
	}
	out.Standbys = standbysOf(v.Standbys)
	for i, l := range v.Lists {
		list := apiv1.OverviewList{Kind: string(l.Kind), Count: l.Count, More: l.More, PaidLastHour: l.Paid, First: make([]apiv1.OverviewEntry, len(l.First))}
		for j, e := range l.First {
			list.First[j] = apiv1.OverviewEntry{ID: e.ID, Title: e.Title, Detail: e.Detail, Meter: e.Meter, Since: at(e.Since)}
		}
		out.Lists[i] = list
	}
	return out
}

func standbysOf(s *overview.Standbys) *apiv1.Standbys {
	if s == nil {
		return nil
	}
	return &apiv1.Standbys{Safety: s.Safety, Expected: s.Expected, Following: s.Following, Synchronous: s.Synchronous,
		LagBytes: s.Lag, Timeline: s.Timeline, Hidden: s.Hidden, At: s.At.UTC()}
}
