package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
)

// liveBody is the answer of /livez.
type liveBody struct {
	Live bool `json:"live"`
}

// readyBody is the answer of /readyz while everything is in order.
type readyBody struct {
	Ready bool `json:"ready"`
}

func (a *API) systemRoutes(r router) {
	open := []map[string][]string{{}}
	query(r, huma.Operation{
		OperationID: "version", Path: "/v1/version", Tags: []string{"system"}, Summary: "Show what runs", Security: open,
	}, func(context.Context, access.Actor, *struct{}) (*struct{ Body Version }, error) {
		return &struct{ Body Version }{a.c.Version}, nil
	})
	query(r, huma.Operation{
		OperationID: "livez", Path: "/livez", Tags: []string{"system"}, Summary: "Whether the process answers", Security: open,
	}, func(context.Context, access.Actor, *struct{}) (*struct{ Body liveBody }, error) {
		return &struct{ Body liveBody }{liveBody{Live: true}}, nil
	})
	query(r, huma.Operation{
		OperationID: "readyz", Path: "/readyz", Tags: []string{"system"}, Summary: "Whether the server sells and stores",
		Description: "503 with the code of the first reason where it does not; the others stand in errors.", Security: open,
	}, func(context.Context, access.Actor, *struct{}) (*struct{ Body readyBody }, error) {
		failing := a.c.Ready()
		if len(failing) == 0 {
			return &struct{ Body readyBody }{readyBody{Ready: true}}, nil
		}
		p := because(failing[0].Code, failing[0].Text, "", "")
		p.Status, p.Retryable = 503, true
		for _, f := range failing {
			p.Errors = append(p.Errors, fieldError{Location: string(f.Code), Message: f.Text})
		}
		return nil, p
	})
}
