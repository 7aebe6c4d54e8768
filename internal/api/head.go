package api

import (
	"context"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// newestHead means the size of the newest head.
const newestHead = "newest"

func (a *API) headRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "head", Path: "/v1/heads/{size}", Tags: []string{"reports"}, Summary: "Show a signed head of the sealed log",
		Description: "Store it where nobody at the utility can reach it. Right: vend.read. With since, the answer proves that the log has only grown from " +
			"that older head to this one.",
	}, func(ctx context.Context, by access.Actor, in *struct {
		Size  string `path:"size" maxLength:"20" doc:"newest, or the number of leaves"`
		Since int64  `query:"since" minimum:"0" doc:"Size of an older head"`
	}) (*reply[apiv1.Head], error) {
		size := int64(0)
		if in.Size != newestHead {
			var err error
			if size, err = strconv.ParseInt(in.Size, 10, 64); err != nil || size < 1 {
				return nil, problemOf(refuse.HeadSizeOfWrongForm(refusal.Echo(in.Size)))
			}
		}
		h, err := a.c.Reports.Head(ctx, by, size, in.Since)
		return replyOf(h.Refusal, err, func() apiv1.Head {
			return apiv1.Head{Size: h.Size, Note: h.File.Note, PublicKey: h.File.Key, Since: h.File.Since, File: h.File.Text()}
		})
	})
}
