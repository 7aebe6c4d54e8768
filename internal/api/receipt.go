package api

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/vending"
)

// paper is a receipt in one of its formats.
type paper struct {
	ContentType string `header:"Content-Type"`
	Policy      string `header:"Content-Security-Policy"`
	Body        []byte
}

// paperLanguage is the language of a laid-out receipt.
type paperLanguage struct {
	Accept string `header:"Accept-Language" maxLength:"200" doc:"Language of the formats other than json; English if none of the named languages is available"`
}

func (a *API) receiptRoutes(r router) {
	text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	query(r, huma.Operation{
		OperationID: "receipt", Path: "/v1/vends/{id}/receipt", Tags: []string{"vends"}, Summary: "Show a receipt",
		Description: "All formats show the same sale. The first paper of a receipt or of a credit note (any format but json and sms) is the original. Every later one is marked as a " +
			"copy, also if the first answer was lost or could not be printed. sms is plain text of at most 160 septets of GSM-7 a message. Several messages are separated by an " +
			"empty line. With proof=1 the JSON has one more member, proof (schema ReceiptProof). It proves, without this server, that the sale is in " +
			"the sealed log (paywatt verify). If the sale is not sealed yet, the answer is 409 not-sealed-yet with Retry-After.",
		Responses: map[string]*huma.Response{"200": {Description: "The receipt.", Content: map[string]*huma.MediaType{
			jsonType: {Schema: of[apiv1.Receipt](r)}, "text/plain": text, "text/html": text, "application/pdf": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
			"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}},
	}, a.receipt)
	query(r, huma.Operation{
		OperationID: "explain", Path: "/v1/vends/{id}/explain", Tags: []string{"vends"}, Summary: "Explain every figure of a sale",
		Description: "Computes the sale again from the tariff version, the position in the month's blocks, the charges and debts, and the change brought " +
			"forward. If the stored sale differs, agrees is false and differences says where.",
	}, a.explain)
}

func (a *API) receipt(ctx context.Context, by access.Actor, in *struct {
	SalePath
	Format string `query:"format" maxLength:"16" doc:"json (default), text32 or text48 (columns, for 58 and 80 mm paper), html (prints on 80 mm and A6), pdf, escpos58 or escpos80 (commands of a receipt printer for 58 or 80 mm paper), sms"`
	paperLanguage
	Copy  int    `query:"copy" minimum:"1" maximum:"999" doc:"Number of the copy to mark it with, from the answer to a reprint"`
	Note  string `query:"note" enum:"credit" doc:"credit: the credit note of a sale that was reversed, instead of its receipt"`
	Proof bool   `query:"proof" doc:"1: add the proof that the sale is in the sealed log; JSON only"`
	Head  int64  `query:"head" minimum:"0" doc:"Size in leaves of the signed head that the proof is for; default the newest"`
}) (*paper, error) {
	if p := a.noFormat(in.Format); p != nil {
		return nil, p
	}
	if in.Proof || in.Head != 0 {
		if !in.Proof || in.Note != "" || in.Format != "" && in.Format != "json" {
			return nil, problemOf(refuse.ReceiptProofOfWrongForm())
		}
		return a.proof(ctx, by, in.ID, in.Head, in.Copy)
	}
	paperOf := a.c.Vending.Receipt
	switch {
	case in.Note != "" && in.Copy == 0 && isPaper(in.Format):
		paperOf = a.c.Vending.CreditPaper
	case in.Note != "":
		paperOf = a.c.Vending.CreditNote
	case in.Copy == 0 && isPaper(in.Format):
		paperOf = a.c.Vending.Paper
	}
	r, err := paperOf(ctx, by, in.ID)
	if err != nil {
		return nil, err
	}
	r.Receipt.Copy = max(r.Receipt.Copy, in.Copy)
	return a.lay(r, in.Format, in.Accept)
}

// isPaper reports whether a format of a receipt is for paper. The others are for programs and telephones.
func isPaper(format string) bool { return format != "" && format != "json" && format != "sms" }

// proof is a receipt as JSON with its proof.
func (a *API) proof(ctx context.Context, by access.Actor, sale string, head int64, copy int) (*paper, error) {
	p, err := a.c.Vending.Proof(ctx, by, sale, head)
	if err != nil {
		return nil, err
	}
	if p.Refused() {
		return nil, problemOf(p.Refusal)
	}
	p.Receipt.Copy = copy
	b, err := p.JSON()
	if err != nil {
		return nil, err
	}
	return &paper{ContentType: jsonType, Body: b}, nil
}

// noFormat is the problem for an unknown receipt format.
func (a *API) noFormat(format string) *Problem {
	if _, known := a.c.Papers[format]; known || format == "" || format == "json" {
		return nil
	}
	names := append(slices.Sorted(maps.Keys(a.c.Papers)), "json")
	return problemOf(refuse.ReceiptFormatUnknown(refusal.Echo(format), strings.Join(names, ", ")))
}

// lay lays out a receipt in a known format. The parameter accept is the header Accept-Language, which decides the language.
func (a *API) lay(r vending.Receipted, format, accept string) (*paper, error) {
	if r.Refused() {
		return nil, problemOf(r.Refusal)
	}
	if form, known := a.c.Papers[format]; known {
		text, err := form.Lay(a.c.Languages.For(accept), r.Receipt)
		if err != nil {
			return nil, err
		}
		return &paper{ContentType: form.ContentType, Policy: form.Policy, Body: []byte(text)}, nil
	}
	b, err := receipt.JSON(r.Receipt)
	if err != nil {
		return nil, err
	}
	return &paper{ContentType: jsonType, Body: b}, nil
}

// reprintRequest is empty.
type reprintRequest struct{}

// reprint returns a receipt once more, marked as a copy.
func (a *API) reprint(ctx context.Context, by access.Actor, in *struct {
	SalePath
	Format string `query:"format" maxLength:"16" doc:"Format, as for a receipt"`
	paperLanguage
}, _ reprintRequest) (*paper, error) {
	if p := a.noFormat(in.Format); p != nil {
		return nil, p
	}
	r, err := a.c.Vending.Reprint(ctx, by, in.ID)
	if err != nil {
		return nil, err
	}
	return a.lay(r, in.Format, in.Accept)
}
