package console

import (
	"context"
	"net/http"
	"net/url"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
)

// supplyForm cuts supply off or restores it, and says how far the newest such command has come.
type supplyForm struct {
	FormID, Reason, Error string
	May                   bool // the role may send commands
	Cut                   bool // what can be done next is to restore
	Now                   bool // the meter is connected, so a command reaches it at once
	Empty                 bool // the wallet has no credit: nothing that is restored here brings the supply back
	Last                  *lastCommand
}

// lastCommand is the newest command that cut or restored.
type lastCommand struct {
	What, At, By, Reason string
	State                badge
}

// supplyElement is the id of the element that shows it.
const supplyElement = "supply"

// supply makes the form for a meter; asked is one that was refused, or empty. It is nil for a role that could not use
// it, while nobody has used it.
func (s *Console) supply(ctx context.Context, v visit, m registry.MeterView, asked supplyForm) (*supplyForm, error) {
	last, err := s.newest(ctx, v, m.Meter.Number)
	if err != nil {
		return nil, err
	}
	f := asked
	f.May, f.Now = v.by.May(access.SendCommands), m.Connected
	f.Empty = m.Wallet != nil && !m.Wallet.Supply
	if !f.May && last == nil {
		return nil, nil
	}
	for _, reason := range m.Reasons {
		f.Cut = f.Cut || reason == remoteReason
	}
	if last != nil {
		f.Last = &lastCommand{What: commandWord(last.Type), At: v.site.clock(last.CreatedAt), By: last.By, Reason: last.Reason, State: commandBadge(*last)}
		if last.State != command.StateFailed && last.State != command.StateExpired {
			f.Cut = last.Type == command.Disconnect // the meter's own reading may still be on its way
		}
	}
	f.FormID, err = s.formID(v)
	return &f, err
}

// newest is the newest command that cut off or restored a meter; nil where there is none among its last ones.
func (s *Console) newest(ctx context.Context, v visit, number string) (*command.Command, error) {
	list, err := s.c.Commands.List(ctx, v.by, number, shownTokens, "")
	if err != nil {
		return nil, err
	}
	for _, c := range list.Commands {
		if c.Type == command.Disconnect || c.Type == command.Connect {
			return &c, nil
		}
	}
	return nil, nil
}

// command cuts or restores supply; the use case asks for the right and the reason.
func (s *Console) command(w http.ResponseWriter, r *http.Request, v visit) {
	f := supplyForm{Reason: r.PostFormValue("reason")}
	order := command.Order{Meter: r.PathValue("number"), Type: command.Type(r.PostFormValue("type")), Reason: f.Reason}
	no := func(what, try string) refusal.Refusal {
		return refusal.Because(refusal.InvalidRequest, what, "No command was sent.", try)
	}
	var sent command.Sent
	var err error
	switch {
	case !v.owns(r.PostFormValue("form")):
		sent.Refusal = no("The form is not one of this session.", "Send it again from this page.")
	case order.Type != command.Disconnect && order.Type != command.Connect:
		sent.Refusal = no("The form says neither cut off nor restore.", "Use the buttons of this page.")
	default:
		sent, err = s.c.Commands.Send(r.Context(), v.by, order)
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case sent.Refused():
		f.Error = sentences(sent.What, "No command was sent.", sent.Try)
		s.meterPage(w, r, v, http.StatusUnprocessableEntity, f)
	default:
		http.Redirect(w, r, "/meters/"+url.PathEscape(sent.Command.Number)+"#"+supplyElement, http.StatusSeeOther)
	}
}
