package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/reach"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// NewProvider is a provider to add.
type NewProvider struct {
	Name    string // 2 to 12 small letters, digits and dashes, a letter first
	Kind    string
	Config  []byte // JSON without secrets
	Secrets []byte // JSON
	Single  money.Minor
	Daily   money.Minor

	secretBy string // as in Provider
}

// Limits of a provider.
const (
	maxName    = 12
	maxConfig  = 16 << 10
	maxOfThese = 50 // providers of a tenant
)

// ProviderView is a provider as people see it, without its secrets.
type ProviderView struct {
	refusal.Refusal
	Waits *access.Approval // the approval that the provider waits for; until then it is not heard
	Provider
	Path access.Secret // the secret part of its address; only in the answer that drew it
	// Drawn is the signing secret that the server drew; only in the answer that drew it.
	Drawn access.Secret
}

// AddProvider adds a provider (right: settings.write). It is heard only after a second person has agreed, because whoever knows the secrets of a
// provider can make payments.
func (ps *Payments) AddProvider(ctx context.Context, by access.Actor, n NewProvider) (ProviderView, error) {
	if no := by.Needs(access.WriteSettings); no.Refused() {
		return ProviderView{Refusal: no}, nil
	}
	n.Name = strings.ToLower(strings.TrimSpace(n.Name))
	if string(n.Secrets) == "{}" {
		n.Secrets = nil
	}
	if no := n.check(); no.Refused() {
		return ProviderView{Refusal: no}, nil
	}
	n.secretBy = by.String()
	config, private, _, err := splitReach(n.Config)
	if no := ps.checkTyped(n.Name, n.Kind, config, n.Secrets); no.Refused() {
		return ProviderView{Refusal: no}, nil
	}
	var a Adapter
	if err == nil {
		a, err = ps.openNew(&n, config)
	}
	if err == nil {
		n.Config, err = withReach(config, private)
	}
	if err != nil {
		return ProviderView{Refusal: refuse.ProviderOfWrongForm(refusal.Echo(n.Name), refusal.Echo(err.Error()))}, nil
	}
	if !a.Asks() && (n.Single <= 0 || n.Daily < n.Single) {
		return ProviderView{Refusal: refuse.ProviderWithoutCeilings(n.Name)}, nil
	}
	path, err := ps.newPath()
	if err != nil {
		return ProviderView{}, fault.Wrap(err, "add provider %s", n.Name)
	}
	out, err := access.Through(ctx, ps.c.Door, by.Tenant, func(tx Tx) (ProviderView, error) { return ps.addProvider(tx, by, n, path) })
	return out, fault.Wrap(err, "add provider %s", n.Name)
}

// checkTyped refuses what a person typed, if it could be taken for something else.
func (ps *Payments) checkTyped(name, kind string, config, secrets []byte) refusal.Refusal {
	if ps.c.CheckTyped == nil {
		return refusal.Refusal{}
	}
	err := ps.c.CheckTyped(kind, config, secrets)
	if other := (*reach.OtherLetters)(nil); errors.As(err, &other) {
		return refuse.ProviderHostOfOtherLetters(refusal.Echo(other.Host), refusal.Echo(name), refusal.Echo(other.Name))
	}
	if err != nil {
		return refuse.ProviderOfWrongForm(refusal.Echo(name), refusal.Echo(err.Error()))
	}
	return refusal.Refusal{}
}

// openNew opens the adapter of a new provider. If its signing secret is missing and the server can draw one, it does.
func (ps *Payments) openNew(n *NewProvider, config []byte) (Adapter, error) {
	a, err := ps.c.Adapter(n.Kind, Setup{Config: config, Secrets: n.Secrets})
	if err == nil {
		return a, nil
	}
	drawn, shown, failed := ps.draw(n.Kind, n.Secrets)
	if failed != nil || shown == "" {
		return nil, err
	}
	n.Secrets, n.secretBy = drawn, byNobody
	return ps.c.Adapter(n.Kind, Setup{Config: config, Secrets: n.Secrets})
}

// VoucherProvider stands for a provider in the payments of vouchers. No provider can have this name.
const VoucherProvider = "voucher"

func (n NewProvider) check() refusal.Refusal {
	fits := len(n.Name) >= 2 && len(n.Name) <= maxName && n.Name[0] >= 'a' && n.Name[0] <= 'z' &&
		strings.Trim(n.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
	switch {
	case !fits || n.Name == VoucherProvider:
		return refuse.ProviderNameOfWrongForm(refusal.Echo(n.Name), maxName)
	case len(n.Config) > maxConfig || len(n.Secrets) > maxConfig || !json.Valid(n.Config):
		return refuse.ProviderOfWrongForm(n.Name, fmt.Sprintf("its configuration is not JSON of at most %d bytes", maxConfig))
	}
	return refusal.Refusal{}
}

func (ps *Payments) addProvider(tx Tx, by access.Actor, n NewProvider, path string) (ProviderView, error) {
	// Whoever adds a provider knows its address, and often its secrets too.
	if no, err := access.MayShow(tx.Eyes(), by, access.SecretProvider); err != nil || no.Refused() {
		return ProviderView{Refusal: no}, err
	}
	p := Provider{Name: n.Name, Kind: n.Kind, Config: n.Config, Single: n.Single, Daily: n.Daily, AddedBy: by.String(),
		AddedAt: tx.Moment(), DisabledAt: tx.Moment()}
	var err error
	if p.ID, err = tx.NewID(); err != nil {
		return ProviderView{}, err
	}
	ps.setPath(&p, path)
	if len(n.Secrets) > 0 {
		p.Sealed, p.SecretBy = ps.c.Sealer.Seal(SecretContext(p.ID), n.Secrets), n.secretBy
	}
	all, err := tx.Payments().ProviderPage(id.ID{}, maxOfThese)
	if err != nil {
		return ProviderView{}, err
	}
	if len(all) >= maxOfThese {
		return ProviderView{Refusal: refuse.ProvidersTooMany(maxOfThese)}, nil
	}
	if added, err := tx.Payments().AddProvider(p); err != nil || !added {
		return ProviderView{Refusal: refuse.ProviderExists(p.Name)}, err
	}
	e := by.Entry("provider.add", p.ID.Text(id.Provider))
	e.At, e.After = p.AddedAt, p.terms()
	if err := tx.AuditLog(e); err != nil {
		return ProviderView{}, err
	}
	v, err := ps.enable(tx, by, p)
	v.Path = access.SecretOf(path)
	return v, err
}

// terms describes a provider for the audit log and for the person who must agree.
func (p Provider) terms() string {
	return fmt.Sprintf("name=%s kind=%s single=%d daily=%d config=%s", p.Name, p.Kind, p.Single, p.Daily, p.Config)
}

// words says in a sentence that payments of a provider count.
func (p Provider) words() string {
	out := "accept payments of provider " + p.Name + " (" + p.Kind + ")"
	if _, private, _, err := splitReach(p.Config); err == nil && private {
		out += "; the server may call private addresses for it"
	}
	return out
}

// enable lets a provider be heard, once a second person has agreed. Whoever knows its secrets can make payments. So every secret that was there
// before a second person agreed for the first time ends then, whoever typed it and whoever asks: the server draws the signing secret for the
// second person, or the second person enters the secrets that the provider gave. A provider that was heard before keeps its secrets.
func (ps *Payments) enable(tx Tx, by access.Actor, p Provider) (ProviderView, error) {
	if !p.Approved() { // an earlier version may have added it
		config, _, _, err := splitReach(p.Config)
		if no := ps.checkTyped(p.Name, p.Kind, config, nil); err != nil || no.Refused() {
			return ProviderView{Refusal: no}, err
		}
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActProvider, Object: p.ID.Text(id.Provider),
		Summary: p.words(), Body: providerRequest{p.ID.Text(id.Provider)}, Content: p.terms(),
		Effect: func() (access.Effect, error) { return p.effect(tx) }}, tx.Moment())
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return ProviderView{Refusal: eyes.Refusal, Waits: eyes.Waits, Provider: p}, err
	}
	var drawn access.Secret
	if firstTime := eyes.Checker != "" && !p.Approved(); firstTime || p.SecretBy == byNobody {
		no, err := access.MayShow(tx.Eyes(), by, access.SecretProvider)
		if err != nil || no.Refused() {
			return ProviderView{Refusal: no}, err
		}
		if drawn, no, err = ps.renew(tx, by, by.Entered, &p, eyes, 0); err != nil || no.Refused() {
			return ProviderView{Refusal: no}, err
		}
	}
	p.DisabledAt = time.Time{}
	if err := tx.Payments().SetProvider(p.ID, p.DisabledAt); err != nil {
		return ProviderView{}, err
	}
	e := by.Entry("provider.enable", p.ID.Text(id.Provider))
	e.At, e.After = tx.Moment(), p.terms()
	return ProviderView{Provider: p, Drawn: drawn}, tx.AuditLog(eyes.Mark(e))
}

// effect says what hearing a provider allows: its payments make credit, up to its ceilings without a second person.
func (p Provider) effect(tx Tx) (e access.Effect, err error) {
	e.Change("payments", access.Named("provider-state", "off"), access.Named("provider-state", "on"))
	return e, p.tell(tx, &e)
}

// tell says which provider it is, and how it is set up. Its secrets are not part of that.
func (p Provider) tell(tx Tx, e *access.Effect) error {
	currency, _, err := tx.Books().Currency()
	if err != nil {
		return err
	}
	e.Fact("provider", p.Name)
	e.Fact("kind", p.Kind)
	e.Fact("added-by", access.PlainName(p.AddedBy))
	if p.Single > 0 {
		e.Sum("one-payment", money.Amount{Minor: p.Single, Currency: currency})
		e.Sum("payments-of-a-day", money.Amount{Minor: p.Daily, Currency: currency})
	}
	return e.Diff(nil, json.RawMessage(p.Config), currency)
}

// providerRequest is what an approval stores.
type providerRequest struct {
	Provider string `json:"provider"`
}

func (ps *Payments) doEnable(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var r providerRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return access.Done{}, fmt.Errorf("read an approved provider: %w", err)
	}
	v, err := ps.Enable(ctx, maker, r.Provider)
	return access.Done{Refusal: v.Refusal, Object: r.Provider, Shown: ProviderSecrets{Secret: v.Drawn}}, err
}

// Enable lets a provider be heard (right: settings.write).
func (ps *Payments) Enable(ctx context.Context, by access.Actor, provider string) (ProviderView, error) {
	return ps.change(ctx, by, provider, func(tx Tx, p Provider) (ProviderView, error) { return ps.enable(tx, by, p) })
}

// Disable stops hearing a provider at once (right: settings.write). What it sent before is still worked on.
func (ps *Payments) Disable(ctx context.Context, by access.Actor, provider string) (ProviderView, error) {
	return ps.change(ctx, by, provider, func(tx Tx, p Provider) (ProviderView, error) {
		if p.Disabled() {
			return ProviderView{Provider: p}, nil
		}
		p.DisabledAt = tx.Moment()
		e := by.Entry("provider.disable", p.ID.Text(id.Provider))
		e.At, e.After = tx.Moment(), p.terms()
		if err := tx.AuditLog(e); err != nil {
			return ProviderView{}, err
		}
		return ProviderView{Provider: p}, tx.Payments().SetProvider(p.ID, p.DisabledAt)
	})
}

// Register tells a provider which addresses to call (right: settings.write). It does nothing for a provider that has no request for that: its
// address is registered in the provider's own pages.
func (ps *Payments) Register(ctx context.Context, by access.Actor, provider string) (ProviderView, error) {
	v, err := ps.change(ctx, by, provider, func(tx Tx, p Provider) (ProviderView, error) {
		if !p.Approved() {
			return ProviderView{Refusal: refuse.ProviderNotApproved(p.Name)}, nil
		}
		e := by.Entry("provider.register", p.ID.Text(id.Provider))
		e.At = tx.Moment()
		return ProviderView{Provider: p}, tx.AuditLog(e)
	})
	if err != nil || v.Refused() {
		return v, err
	}
	a, err := ps.adapter(v.Provider)
	if err != nil {
		return ProviderView{}, err
	}
	r, can := a.(Registering)
	if !can {
		return v, nil
	}
	limited, stop := context.WithTimeout(ctx, askTime)
	defer stop()
	switch err := r.Register(limited); {
	case errors.Is(err, reach.ErrPrivate):
		return ProviderView{Refusal: refuse.ProviderAddressPrivate(v.Name)}, nil
	case errors.Is(err, reach.ErrNever):
		return ProviderView{Refusal: refuse.ProviderAddressNever(v.Name)}, nil
	case err != nil:
		return ProviderView{Refusal: refuse.ProviderNotRegistered(v.Name, refusal.Echo(err.Error()))}, nil
	}
	return v, nil
}

// change runs a change of a provider that is named by its name or identity.
func (ps *Payments) change(ctx context.Context, by access.Actor, provider string, do func(Tx, Provider) (ProviderView, error)) (ProviderView, error) {
	if no := by.Needs(access.WriteSettings); no.Refused() {
		return ProviderView{Refusal: no}, nil
	}
	out, err := access.Through(ctx, ps.c.Door, by.Tenant, func(tx Tx) (ProviderView, error) {
		p, found, err := tx.Payments().ProviderByName(strings.ToLower(strings.TrimSpace(provider)))
		if i, broken := id.Parse(id.Provider, provider); err == nil && !found && broken == nil {
			p, found, err = tx.Payments().ProviderByID(i)
		}
		if err != nil || !found {
			return ProviderView{Refusal: refuse.ProviderNotFound(refusal.Echo(provider))}, err
		}
		return do(tx, p)
	})
	return out, fault.Wrap(err, "change provider %s", refusal.Echo(provider))
}

// ProviderList is one page of providers.
type ProviderList struct {
	refusal.Refusal
	Providers []ProviderView
	Next      string
}

// listProviders is the list that a cursor of Providers belongs to.
const listProviders = "providers"

// Providers lists the providers (right: settings.read).
func (ps *Payments) Providers(ctx context.Context, by access.Actor, page registry.Page) (ProviderList, error) {
	if no := by.Needs(access.ReadSettings); no.Refused() {
		return ProviderList{Refusal: no}, nil
	}
	after, max, no := page.Read(ps.c.Sealer, by.Tenant, listProviders)
	if no.Refused() {
		return ProviderList{Refusal: no}, nil
	}
	out, err := access.Look(ctx, ps.c.Door, by.Tenant, func(tx Tx) (ProviderList, error) {
		rows, err := tx.Payments().ProviderPage(after, max+1)
		rows, next := registry.Cut(rows, max, ps.c.Sealer, by.Tenant, listProviders, func(p Provider) id.ID { return p.ID })
		l := ProviderList{Next: next}
		for _, p := range rows {
			l.Providers = append(l.Providers, ProviderView{Provider: p})
		}
		return l, err
	})
	return out, fault.Wrap(err, "list providers")
}
