package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/refuse"
)

// TestServerErrorsLookLikeLocalOnes splits the detail of a refusal into three parts: what happened, what did not happen, and what to do.
func TestServerErrorsLookLikeLocalOnes(t *testing.T) {
	small := refuse.MeterWithoutTariff("04140001001")
	for _, c := range []struct {
		name           string
		problem        apiv1.Problem
		what, not, try string
	}{
		{"three texts", apiv1.Problem{Status: 409, Code: "x", Detail: small.Detail(), RequestID: "req_1"}, small.What, small.Not, small.Try + " Code x, request req_1."},
		{"money", apiv1.Problem{Status: 409, Code: "x", Detail: small.Detail(), MoneyMoved: apiv1.MoneyMovedNo}, small.What, small.Not, small.Try + " Code x."},
		{"unknown money", apiv1.Problem{Status: 503, Code: "x", Detail: "Gone.", MoneyMoved: apiv1.MoneyMovedUnknown}, "Gone.", "It is not known whether money moved.", "Code x."},
		{"another version", apiv1.Problem{Status: 409, Code: "x", Detail: "A text of the future."}, "A text of the future.", "", "Code x."},
		{"a proxy", apiv1.Problem{Status: 502, Title: "Bad Gateway"}, "The server answered 502 Bad Gateway.", "", "Code none."},
		{"not found", apiv1.Problem{Status: 404, Code: "x", Detail: "Sale 1 was not found."}, "Sale 1 was not found.", "No changes were made.", "Code x."},
	} {
		f := problemFailure(&client.Problem{Problem: c.problem})
		if f.What != c.what || f.Not != c.not || f.Try != c.try {
			t.Errorf("%s: got\n%q\nwant\n%q", c.name, f.Lines(), []string{c.what, c.not, c.try})
		}
	}
	if what, not, try := refusalLines("Sale a was not found. " + refuse.SaleNotFound("a").Try); what != "Sale a was not found." || not != "" || !strings.HasPrefix(try, "Check its id") {
		t.Errorf("a refusal without a second text: %q, %q, %q", what, not, try)
	}
}

// TestAnyErrorIsAFailure: unexpected errors are printed in the same form.
func TestAnyErrorIsAFailure(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
		what string
	}{
		{errors.New("disk on fire"), exit.Failed, "Disk on fire."}, {errors.New(""), exit.Failed, "The command failed for an unknown reason."},
		{context.Canceled, exit.Failed, "The command was interrupted."}, {&exit.Failure{Code: exit.Usage, What: "Bad."}, exit.Usage, "Bad."},
	} {
		f := failed(c.err)
		if f.Code != c.code || f.What != c.what || f.Not == "" {
			t.Errorf("%v: got %d %q, want %d %q", c.err, f.Code, f.Lines(), c.code, c.what)
		}
	}
	var out strings.Builder
	printFailure(&out, usage("What.", "Try."))
	if want := "paywatt: What.\n  The command did not run.\n  Try.\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}
