package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
)

// alarmBody is what a person should look at.
type alarmBody struct {
	ID        string     `json:"id" example:"alm_01jd00000000000000000000000"`
	Meter     string     `json:"meter" example:"04140001001" doc:"Empty where it is a feeder's"`
	Feeder    string     `json:"feeder,omitempty" example:"North 3" doc:"Whose it is, where it is no single meter's"`
	Code      string     `json:"code" example:"ghost-credit" doc:"Stable name; the page of events and alarms says what to do"`
	Text      string     `json:"text"`
	RaisedAt  time.Time  `json:"raised_at" doc:"Server time"`
	ClearedAt *time.Time `json:"cleared_at,omitempty" doc:"Missing while it is open"`
}

func alarmOf(a metering.RaisedAlarm) alarmBody {
	return alarmBody{ID: a.ID.Text(id.Alarm), Meter: a.Number, Feeder: a.Feeder, Code: string(a.Alarm.Code), Text: a.Alarm.Text, RaisedAt: a.RaisedAt.UTC(), ClearedAt: at(a.ClearedAt)}
}

func (a *API) alarmRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "alarms", Path: "/v1/alarms", Tags: []string{"meters"}, Summary: "List what a person should look at, newest first",
	}, func(ctx context.Context, by access.Actor, in *struct {
		Meter string `query:"meter" maxLength:"64" doc:"Number or id; default: all meters"`
		Open  bool   `query:"open" doc:"Only those that still stand"`
		Page
	}) (*listed[alarmBody], error) {
		page, err := a.c.History.Alarms(ctx, by, in.Meter, in.Open, in.Limit, in.Cursor)
		if err != nil {
			return nil, err
		}
		if page.Refused() {
			return nil, refuse(page.Refusal)
		}
		return listOf(page.Rows, page.Next, alarmOf), nil
	})
}
