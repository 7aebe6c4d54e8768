package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/sts"
)

// newDiagnosis is a token that somebody asks about.
type newDiagnosis struct {
	Digits string `json:"digits" example:"1234 5678 9012 3456 7890" doc:"As typed; blanks and dashes do not count"`
	Number string `json:"number,omitempty" example:"04140001001" doc:"Number or id of the meter it is for; digits that were not sold here are tried under this meter's keys"`
}

// findingBody is one thing that was found.
type findingBody struct {
	Code string `json:"code" example:"used" doc:"Stable name; branch on it"`
	Text string `json:"text" doc:"What is"`
	Do   string `json:"do" doc:"What to do next"`
}

// fittingKey is the key that a token fits, by reference.
type fittingKey struct {
	SGC        string `json:"sgc"`
	KRN        int    `json:"krn"`
	KT         int    `json:"kt"`
	TI         string `json:"ti"`
	KEN        int    `json:"ken"`
	EA         string `json:"ea"`
	DKGA       string `json:"dkga"`
	BaseDate   int    `json:"base_date"`
	State      string `json:"state,omitempty" doc:"current, planned, issued (its change tokens exist) or past"`
	Registered bool   `json:"registered" doc:"false: the meter is registered with another key"`
}

// typingBody is the search for a typing error.
type typingBody struct {
	Tried    int      `json:"tried" doc:"Tokens one slip away"`
	OneDigit int      `json:"one_digit" doc:"Of them, with one digit changed, how many would fit"`
	Swapped  int      `json:"swapped" doc:"Of them, with two neighbours exchanged, how many would fit"`
	Sold     int      `json:"sold" doc:"How many of those that fit were sold here"`
	Meant    []string `json:"meant" doc:"Digits of tokens sold here that fit; needs the right token.show, empty without it"`
}

// tokenSaid is what a meter said of a token.
type tokenSaid struct {
	Result     string    `json:"result"`
	Status     *int      `json:"status,omitempty" doc:"The number real meters show for this result"`
	At         time.Time `json:"at" doc:"Meter time"`
	ReceivedAt time.Time `json:"received_at" doc:"Server time"`
	Source     string    `json:"source,omitempty" doc:"keypad, sms or remote"`
}

// tokenDiagnosis is what the token doctor says. What is not known, or not for this reader to know, is left out.
type tokenDiagnosis struct {
	Verdict  string        `json:"verdict" doc:"The code of the first finding"`
	Findings []findingBody `json:"findings" doc:"The one that explains most first"`
	Token    string        `json:"token,omitempty" doc:"What was asked about, masked"`
	Class    *int          `json:"class,omitempty"`
	SubClass *int          `json:"subclass,omitempty"`
	Kind     string        `json:"kind,omitempty" doc:"What the token is, in words"`
	TID      *int64        `json:"tid,omitempty" doc:"Minutes since the base date"`
	BaseDate int           `json:"base_date,omitempty"`
	IssuedAt *time.Time    `json:"issued_at,omitempty" doc:"Of the sale where it was sold here, else as the TID says"`
	UnitsWh  *int64        `json:"units_wh,omitempty"`
	Section  int           `json:"section,omitempty" doc:"Which section of a key change"`
	Tests    []string      `json:"tests,omitempty" doc:"What a test token asks for"`
	Meter    string        `json:"meter,omitempty" doc:"The meter it is for, or else the one asked for"`
	Test     bool          `json:"test,omitempty" doc:"The meter is simulated"`
	Key      *fittingKey   `json:"key,omitempty" doc:"The key it fits; needs the right meter.read"`
	Sold     bool          `json:"sold" doc:"It was sold here, and the reader may see the sale"`
	ID       string        `json:"id,omitempty" example:"tok_01jd00000000000000000000000"`
	Vend     string        `json:"vend,omitempty" example:"vnd_01jd00000000000000000000000"`
	State    string        `json:"state,omitempty" enum:"reserved,issued,sent,accepted,rejected,failed,reversed,reversed_unconfirmed"`
	Result   string        `json:"result,omitempty" doc:"What the meter last said of it"`
	Reports  []tokenSaid   `json:"reports,omitempty" doc:"What the meter said of it, newest first; needs the right meter.read"`
	Typing   *typingBody   `json:"typing,omitempty" doc:"Left out where the digits themselves fit"`
	Keys     string        `json:"keys" enum:"not_asked,used,locked,missing" doc:"Whether the digits were tried under the meter's keys; locked and missing make this a part of the answer only"`
}

func diagnosisOf(d diagnosis.Diagnosis) tokenDiagnosis {
	out := tokenDiagnosis{Verdict: string(d.Verdict()), Findings: make([]findingBody, len(d.Findings)), Meter: d.Number, Test: d.Test,
		Keys: string(d.Keys), Sold: d.Sold != nil}
	for i, f := range d.Findings {
		out.Findings[i] = findingBody{string(f.Code), f.Text, f.Do}
	}
	if d.Token != (sts.Token{}) {
		out.Token = d.Token.String()
	}
	out.contents(d.Contents)
	if k := d.Key; k != nil {
		out.Key = keyOf(*k, d.Registered)
	}
	if s := d.Sold; s != nil {
		out.ID, out.State, out.Result, out.IssuedAt = s.Token.Text(id.Token), string(s.State), s.Result, at(s.IssuedAt)
		if !s.Sale.IsZero() {
			out.Vend = s.Sale.Text(id.Vend)
		}
	}
	for _, r := range d.Reports {
		out.Reports = append(out.Reports, saidOf(r))
	}
	if t := d.Typing; t != nil {
		out.Typing = &typingBody{Tried: t.Tried, OneDigit: t.OneDigit, Swapped: t.Swapped, Sold: t.Sold, Meant: make([]string, len(t.Meant))}
		for i, meant := range t.Meant {
			out.Typing.Meant[i] = meant.Reveal()
		}
	}
	return out
}

func (b *tokenDiagnosis) contents(c *diagnosis.Contents) {
	if c == nil {
		return
	}
	class, sub := int(c.Class), int(c.SubClass)
	b.Class, b.SubClass, b.Kind, b.Section, b.Tests = &class, &sub, c.Kind, int(c.Section), c.Tests
	if c.HasTID {
		b.TID, b.BaseDate, b.IssuedAt = whole(int64(c.TID)), int(c.BaseDate), at(c.IssuedAt())
	}
	if c.Class == 0 && c.SubClass == sts.CreditElectricity {
		b.UnitsWh = whole(c.Units)
	}
}

func keyOf(k registry.Key, registered bool) *fittingKey {
	return &fittingKey{SGC: k.SGC, KRN: int(k.KRN), KT: int(k.KT), TI: k.TI, KEN: int(k.KEN), EA: k.EA.String(), DKGA: k.DKGA.String(),
		BaseDate: int(k.BaseDate), State: k.State, Registered: registered}
}

func saidOf(r metering.StoredToken) tokenSaid {
	s := tokenSaid{Result: r.Result, At: r.At.UTC(), ReceivedAt: r.ReceivedAt.UTC(), Source: r.Source}
	if result, ok := sts.ParseResult(r.Result); ok {
		if n, shown := result.Status(); shown {
			status := int(n)
			s.Status = &status
		}
	}
	return s
}

func (a *API) diagnosisRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "diagnose-token", Path: "/v1/token-diagnoses", DefaultStatus: http.StatusOK, Tags: []string{"tokens"},
		Summary: "Ask what is wrong with a token",
		Description: "Says whether the digits were sold here, which meter and key they fit, what the meter said of them, and whether they look " +
			"like a typing error; each finding with what to do next. Nothing is stored but an audit row. How often one may ask about digits " +
			"that were not sold here is limited, per asker and per meter and day: 429 with Retry-After.",
	}, func(ctx context.Context, by access.Actor, _ *struct{}, body newDiagnosis) (*struct{ Body tokenDiagnosis }, error) {
		d, err := a.c.Diagnoses.Diagnose(ctx, by, diagnosis.Question{Digits: body.Digits, Meter: body.Number})
		if err != nil {
			return nil, err
		}
		if d.Refused() {
			p := refuse(d.Refusal)
			if d.RetryAfter > 0 {
				p.retryAfter = int(d.RetryAfter/time.Second) + 1
			}
			return nil, p
		}
		return &struct{ Body tokenDiagnosis }{diagnosisOf(d)}, nil
	})
}
