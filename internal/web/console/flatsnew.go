package console

import (
	"net/http"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/flats"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/pagelink"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// The wizard takes a pasted list of flats. It makes two files of it, of meters and of opening balances, and gives them to the import. So the
// checks, the second person, repetition and undoing are those of every import.

const (
	newFlatsPath = flatsPath + "/new"
	listField    = "list" // the one field of the console with several lines
	addFlats     = "add"  // what the form does; else it checks the list
	showLinks    = "show" // what becomes of the links to the tenants' pages
	sendLinks    = "send"
	maxNewFlats  = 200
)

// flatsForm is the wizard.
type flatsForm struct {
	FormID, Error             string
	List, Mode, Tariff        string
	Building, Links           string
	SGC, KRN, KT, TI          string
	Modes, Tariffs, Linked    []choice
	Checked                   bool // the list was checked, and can be added
	Totals                    []importTotal
	Problems                  []problemLine
	Done                      []newFlat // flats that were added
	Imports                   []choice  // where the imports are, and what they are called
	Approval, Secrets, Notice string
}

// newFlat is a flat that was added, with the link to its tenant's page.
type newFlat struct{ Number, Grouped, Name, Tenant, Address, Note string }

func flatsFields(r *http.Request) flatsForm {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	return flatsForm{List: r.PostFormValue(listField), Mode: field("mode"), Tariff: field("tariff"), Building: field("feeder"), Links: field("links"),
		SGC: field("sgc"), KRN: field("krn"), KT: field("kt"), TI: field("ti")}
}

// defaults are the values that all flats of the list have in common.
func (f flatsForm) defaults() map[string]string {
	out := map[string]string{"mode": f.Mode, "tariff": f.Tariff, "feeder": f.Building}
	if f.Mode == string(registry.PrepayToken) {
		out["sgc"], out["krn"], out["kt"], out["ti"] = f.SGC, f.KRN, f.KT, f.TI
	}
	return out
}

// newFlats shows the empty wizard.
func (s *Console) newFlats(w http.ResponseWriter, r *http.Request, v visit) {
	s.showNewFlats(w, r, v, http.StatusOK, flatsForm{Mode: string(registry.PrepayWallet), Building: r.URL.Query().Get("feeder")})
}

func (s *Console) showNewFlats(w http.ResponseWriter, r *http.Request, v visit, status int, f flatsForm) {
	if no := v.by.Needs(access.WriteMeters); no.Refused() {
		s.refuse(w, r, v, no)
		return
	}
	t := v.site.say
	tariffs, err := s.c.Registry.Tariffs(r.Context(), v.by, registry.Page{Limit: registry.MaxLimit})
	if s.stopped(w, r, v, err, tariffs.Refusal) {
		return
	}
	for _, version := range tariffs.Data {
		f.Tariffs = append(f.Tariffs, choice{version.Name, version.Name})
	}
	f.Modes = modeChoices(t)
	f.Linked = []choice{{"", t.FlatsNewNoLinks()}}
	if mayLink(v.by) {
		f.Linked = append(f.Linked, choice{showLinks, t.FlatsNewShowLinks()}, choice{sendLinks, t.FlatsNewSendLinks()})
	}
	if f.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, newFlatsView(s.page(r, v, t.FlatsNewTitle()), f))
}

// mayLink reports whether somebody may see the links to tenants' pages.
func mayLink(by access.Actor) bool {
	return by.OfUtility() && by.May(access.SendMessages) && by.May(access.WriteCustomers) && by.May(access.ShowTokens)
}

// pasteFlats checks a pasted list, or adds its flats.
func (s *Console) pasteFlats(w http.ResponseWriter, r *http.Request, v visit) {
	f := flatsFields(r)
	no := refusal.Refusal{}
	if !v.owns(r.PostFormValue("form")) {
		no = refuse.OfficeFormOfOtherSession()
	}
	var list flats.Pasted
	if !no.Refused() {
		list, no = flats.ReadPasted(f.List)
	}
	adding := r.PostFormValue("act") == addFlats
	key := r.PostFormValue("form")
	var made imports.Result
	var err error
	if !no.Refused() {
		made, err = s.c.Imports.Apply(r.Context(), v.by, imports.Request{Kind: imports.Meters, File: list.Meters, Defaults: f.defaults(), DryRun: !adding, Key: key})
		no = made.Refusal
	}
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	if no.Refused() {
		f.Error = v.site.say.Refusal(no).Detail()
		s.showNewFlats(w, r, v, http.StatusUnprocessableEntity, f)
		return
	}
	f.take(v, made, list.Before, false)
	if list.Balances != nil {
		booked, err := s.c.Imports.Apply(r.Context(), v.by, imports.Request{Kind: imports.Balances, File: list.Balances, DryRun: !adding, Key: key + "-balances"})
		if err != nil {
			s.broken(w, r, v, err)
			return
		}
		f.takeBalances(v, booked, list.Before, adding)
	}
	if !adding {
		f.Checked = made.Totals()[imports.Done] > 0
		s.showNewFlats(w, r, v, http.StatusOK, f)
		return
	}
	f.Secrets = secretList(made)
	if err := s.addedFlats(r, v, &f, made); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, http.StatusCreated, addedFlatsView(s.page(r, v, v.site.say.FlatsNewDone()), f))
}

// take words what became of the rows of an import, or would become of them. Lines are numbered as in the list.
func (f *flatsForm) take(v visit, out imports.Result, before int, quietly bool) {
	t := v.site.say
	n := out.Totals()
	done := t.ImportOk()
	if out.Import.ID.IsZero() {
		done = t.ImportWould()
	} else {
		f.Imports = append(f.Imports, choice{importOf(out.Import), kindWord(t, out.Import.Kind)})
	}
	if !quietly {
		f.Totals = append(f.Totals, importTotal{done, itoa(n[imports.Done])}, importTotal{t.ImportRefused(), itoa(n[imports.Failed])}, importTotal{t.ImportDuplicate(), itoa(n[imports.Duplicate])})
	}
	for _, l := range out.Lines {
		if text := t.Refusal(l.Refusal).Detail(); text != "" && len(f.Problems) < shownLines {
			f.Problems = append(f.Problems, problemLine{itoa(l.Line - before), text})
		}
	}
}

// takeBalances words what became of the opening balances. Before the flats are added, their accounts do not exist, which is no mistake.
func (f *flatsForm) takeBalances(v visit, out imports.Result, before int, adding bool) {
	t := v.site.say
	if out.Refused() {
		f.Problems = append(f.Problems, problemLine{"", t.ImportBalances() + ": " + t.Refusal(out.Refusal).Detail()})
		return
	}
	none := refuse.AccountNotFound("").Text
	out.Lines = slices.DeleteFunc(slices.Clone(out.Lines), func(l imports.Line) bool {
		return !adding && l.Refusal.Text == none || slices.ContainsFunc(f.Problems, func(p problemLine) bool { return p.Line == itoa(l.Line-before) })
	})
	if adding {
		f.Totals = append(f.Totals, importTotal{t.ImportBalances(), itoa(out.Totals()[imports.Done])})
	}
	f.take(v, out, before, true)
	if out.Waits != nil {
		f.Approval = "/approvals/" + out.Import.Approval.Text(id.Approval)
	}
}

// addedFlats lists the flats that were added, and makes the links to their tenants' pages if that was asked for.
func (s *Console) addedFlats(r *http.Request, v visit, f *flatsForm, made imports.Result) error {
	for _, l := range made.Lines {
		if l.State != imports.Done || l.Number == "" || len(f.Done) == maxNewFlats {
			continue
		}
		m, err := s.c.Registry.Meter(r.Context(), v.by, l.Number)
		if err != nil {
			return err
		}
		one := newFlat{Number: l.Number, Grouped: groups(l.Number), Name: m.Address, Tenant: m.Customer.Name}
		switch f.Links {
		case showLinks:
			link, err := s.c.PageLinks.Make(r.Context(), v.by, pagelink.Request{Meter: l.Number, Show: true})
			if err != nil {
				return err
			}
			one.Address, one.Note = s.absolute(r, link.Address.Reveal()), v.site.say.Refusal(link.Refusal).Detail()
		case sendLinks:
			sent, err := s.c.Messages.SendPage(r.Context(), v.by, l.Number)
			if err != nil {
				return err
			}
			if one.Note = v.site.say.Refusal(sent.Refusal).Detail(); !sent.Refused() {
				one.Note = v.site.say.CustomerPageSent()
			}
		}
		f.Done = append(f.Done, one)
	}
	return nil
}

// absolute writes a path with the host by which the visitor reached the server; an address stays as it is.
func (s *Console) absolute(r *http.Request, address string) string {
	if !strings.HasPrefix(address, "/") {
		return address
	}
	if s.secure(r) {
		return "https://" + r.Host + address
	}
	return "http://" + r.Host + address
}
