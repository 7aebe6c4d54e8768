package api

import (
	"context"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
)

func alarmOf(a metering.RaisedAlarm) apiv1.Alarm {
	return apiv1.Alarm{ID: a.ID.Text(id.Alarm), Meter: a.Number, Feeder: a.Feeder, Server: a.Alarm.Server,
		Code: string(a.Alarm.Code), Text: a.Alarm.Text, RaisedAt: a.RaisedAt.UTC(), ClearedAt: at(a.ClearedAt)}
}

func (a *API) alarmRoutes(r router) {
	listRoute(r, apiv1.Alarms, func(ctx context.Context, by access.Actor, in *apiv1.AlarmFilter) (*listed[apiv1.Alarm], error) {
		page, err := a.c.History.Alarms(ctx, by, in.Meter, in.Open, in.Limit, in.Cursor)
		return pageOf(page.Refusal, err, page.Rows, page.Next, alarmOf)
	})
}
