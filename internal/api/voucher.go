package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/voucher"
)

// VoucherBatchPath is the batch of vouchers in a path.
type VoucherBatchPath struct {
	Batch string `path:"id" maxLength:"64" doc:"Id of the batch"`
}

func (a *API) voucherRoutes(r router) {
	listRoute(r, apiv1.VoucherBatches, func(ctx context.Context, by access.Actor, in *apiv1.Page) (*listed[apiv1.VoucherBatch], error) {
		l, err := a.c.Vouchers.List(ctx, by, pageAt(*in))
		return pageOf(l.Refusal, err, l.Batches, l.Next, batchOf)
	})
	query(r, huma.Operation{
		OperationID: "voucher-batch", Path: "/v1/voucher-batches/{id}", Tags: []string{"payments"}, Summary: "Show a batch of vouchers",
	}, func(ctx context.Context, by access.Actor, in *VoucherBatchPath) (*reply[apiv1.VoucherBatch], error) {
		v, err := a.c.Vouchers.Show(ctx, by, in.Batch)
		return replyOf(v.Refusal, err, func() apiv1.VoucherBatch { return batchOf(v) })
	})
	act := func(name, path, status, summary, more string) huma.Operation {
		return huma.Operation{OperationID: name, Path: path, Tags: []string{"payments"}, Summary: summary, Parameters: keyParam(),
			Description: more + " Needs the header Idempotency-Key. If a second person must approve it, the answer is 202 with the approval.",
			Responses:   booked(map[string]*huma.Response{status: bodyOf[apiv1.VoucherBatch](r, "Done.")}, bodyOf[apiv1.Approval](r, "It waits for a second person."))}
	}
	make := act("make-vouchers", "/v1/voucher-batches", "201", "Make a batch of vouchers", "It has no PINs before somebody takes them, and no value before somebody pays for it.")
	make.DefaultStatus = http.StatusCreated
	order(r, make, func(ctx context.Context, _ access.Actor, _ *struct{}, body apiv1.NewVoucherBatch) (*sent, error) {
		n := voucher.NewBatch{Act: a.voucherAct(ctx, http.StatusCreated), Count: body.Count, Face: money.Minor(body.FaceMinor), Expires: body.Expires, Note: body.Note,
			RequiresCode: body.RequiresCode}
		out, err := a.c.Vouchers.Make(ctx, exchangeOf(ctx).actor, n)
		return answered(ctx, a, out, err)
	})
	sell := act("sell-vouchers", "/v1/voucher-batches/{id}/sell", "200", "Sell vouchers of a batch",
		"It takes their value in cash or from the vendor's float, and activates them. If the batch requires codes, the answer has them: give each to the buyer of its voucher. "+
			"Where four eyes apply, whoever took the PINs cannot sell such vouchers.")
	sell.Responses["200"] = bodyOf[apiv1.IssuedVouchers](r, "Sold.")
	order(r, sell, func(ctx context.Context, by access.Actor, in *VoucherBatchPath, body apiv1.VoucherRange) (*sent, error) {
		out, err := a.c.Vouchers.Sell(ctx, by, voucher.OnRange{Act: a.issuingAct(ctx), Batch: in.Batch, Range: voucher.Range(body)})
		return answered(ctx, a, out, err)
	})
	reissue := act("reissue-voucher-codes", "/v1/voucher-batches/{id}/codes/again", "200", "Issue the codes of sold vouchers again",
		"For a lost receipt. The old codes end. Whoever approves sees the new codes, in the answer to the approval, and gives them to the buyer. "+
			"Where four eyes apply, whoever took the PINs can neither ask nor approve.")
	reissue.Responses["200"] = bodyOf[apiv1.IssuedVouchers](r, "Issued, where no second person is needed.")
	order(r, reissue, func(ctx context.Context, by access.Actor, in *VoucherBatchPath, body apiv1.ReissueVoucherCodes) (*sent, error) {
		out, err := a.c.Vouchers.Reissue(ctx, by, voucher.OnRange{Act: a.issuingAct(ctx), Batch: in.Batch, Range: voucher.Range(body.VoucherRange), Reason: body.Reason})
		return answered(ctx, a, out, err)
	})
	order(r, huma.Operation{OperationID: "show-voucher-codes", Path: "/v1/voucher-batches/{id}/codes", DefaultStatus: http.StatusOK, Tags: []string{"payments"},
		Summary:     "Show the codes of sold vouchers again",
		Description: "For another copy of the receipt. Only whoever saw the codes before sees them again: the seller, or the person who approved their new issue. The audit log names who did.",
		Responses:   map[string]*huma.Response{"200": bodyOf[apiv1.VoucherCodes](r, "The codes.")}}, a.showCodes)
	order(r, act("end-vouchers", "/v1/voucher-batches/{id}/end", "200", "End vouchers of a batch", "What was paid for them becomes income. Redeemed vouchers are not changed."),
		func(ctx context.Context, by access.Actor, in *VoucherBatchPath, body apiv1.EndVouchers) (*sent, error) {
			out, err := a.c.Vouchers.End(ctx, by, voucher.OnRange{Act: a.voucherAct(ctx, http.StatusOK), Batch: in.Batch, Range: voucher.Range(body.VoucherRange), Reason: body.Reason})
			return answered(ctx, a, out, err)
		})
	order(r, huma.Operation{OperationID: "take-voucher-pins", Path: "/v1/voucher-batches/{id}/pins", DefaultStatus: http.StatusOK, Tags: []string{"payments"},
		Summary: "Make the PINs of a batch and show them, once", Description: "The PINs are stored nowhere. If the answer is lost, end the batch and make another one.",
		Responses: map[string]*huma.Response{"200": bodyOf[apiv1.VoucherPins](r, "The PINs.")}}, a.takePINs)
	order(r, huma.Operation{OperationID: "redeem-voucher", Path: "/v1/voucher-redemptions", DefaultStatus: http.StatusOK, Tags: []string{"payments"},
		Summary: "Redeem a voucher for a meter", Description: "The same PIN for the same meter gets the same sale again, so it needs no Idempotency-Key. If the sale is refused, the voucher stays active. " +
			"A voucher of a batch that requires codes needs its code too; a right PIN with a wrong code is answered and counted like a wrong PIN.",
		Responses: map[string]*huma.Response{"200": bodyOf[apiv1.VoucherRedemption](r, "Redeemed.")}}, a.redeemVoucher)
}

// voucherAct returns the request of an act on vouchers, and how its answer is written.
func (a *API) voucherAct(ctx context.Context, status int) voucher.Act {
	return voucher.Act{Request: exchangeOf(ctx).request(), RenderWaits: encodeWaits,
		Render: func(v voucher.View) (int, []byte) { return status, encoded(batchOf(v)) }}
}

// issuingAct returns the request of an act that may issue codes, and how its answer is written.
func (a *API) issuingAct(ctx context.Context) voucher.Act {
	return voucher.Act{Request: exchangeOf(ctx).request(), RenderWaits: encodeWaits,
		Render: func(v voucher.View) (int, []byte) {
			return http.StatusOK, encoded(apiv1.IssuedVouchers{VoucherBatch: batchOf(v), Codes: codesOf(v.Codes)})
		}}
}

func codesOf(codes []voucher.Coded) (out []apiv1.VoucherCode) {
	for _, c := range codes {
		out = append(out, apiv1.VoucherCode{Serial: c.Serial, Code: c.Code.Reveal()})
	}
	return out
}

func (a *API) showCodes(ctx context.Context, by access.Actor, in *VoucherBatchPath, body apiv1.VoucherRange) (*sent, error) {
	list, err := a.c.Vouchers.Codes(ctx, by, voucher.OnRange{Batch: in.Batch, Range: voucher.Range(body)})
	return doneOrWaits(http.StatusOK, list.Refusal, nil, err, func() any {
		return apiv1.VoucherCodes{Batch: list.Batch.Name(), Codes: append([]apiv1.VoucherCode{}, codesOf(list.Codes)...)}
	})
}

func (a *API) takePINs(ctx context.Context, by access.Actor, in *VoucherBatchPath, _ apiv1.TakeVoucherPins) (*sent, error) {
	sheet, err := a.c.Vouchers.Print(ctx, by, in.Batch)
	return doneOrWaits(http.StatusOK, sheet.Refusal, nil, err, func() any {
		out := apiv1.VoucherPins{Batch: sheet.Batch.Name()}
		for _, p := range sheet.Vouchers {
			out.Vouchers = append(out.Vouchers, apiv1.VoucherPin{Serial: p.Serial, PIN: p.PIN.Reveal()})
		}
		return out
	})
}

func (a *API) redeemVoucher(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.RedeemVoucher) (*sent, error) {
	out, err := a.c.Vouchers.Redeem(ctx, by, voucher.Redemption{PIN: body.PIN, Code: body.Code, Meter: body.Meter})
	return doneOrWaits(http.StatusOK, out.Refusal, nil, err, func() any {
		return apiv1.VoucherRedemption{Serial: out.Serial, Meter: out.Sale.Meter.Number, Amount: amountOf(out.Sale.Tender), Vend: out.Sale.ID.Text(id.Vend),
			ReceiptNo: out.Sale.ReceiptNo, UnitsWh: int64(out.Sale.Units), Repeated: out.Repeated}
	})
}

func batchOf(v voucher.View) apiv1.VoucherBatch {
	b, n := v.Batch, v.Counts
	owed := money.Amount{Minor: b.Face.Minor * money.Minor(n.Active), Currency: b.Face.Currency}
	return apiv1.VoucherBatch{ID: b.Name(), Number: b.Number, Count: b.Count, Face: amountOf(b.Face), ExpiresAt: b.EndsAt.UTC(), Note: b.Note, Unsold: n.Made, Active: n.Active,
		Redeemed: n.Redeemed, Cancelled: n.Cancelled, Ended: n.Ended, Owed: amountOf(owed), MadeBy: access.PlainName(b.MadeBy), MadeAt: b.MadeAt.UTC(),
		TakenBy: access.PlainName(b.TakenBy), TakenAt: at(b.TakenAt), RequiresCode: b.RequiresCode}
}
