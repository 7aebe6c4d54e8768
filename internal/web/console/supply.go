package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/words"
)

// supplyForm is the form that cuts or restores supply, with the progress of the newest such command.
type supplyForm struct {
	FormID, Reason, Error string
	May                   bool   // the role may send commands
	Cut                   bool   // the next action is to restore
	Now                   bool   // the meter is connected, so a command reaches it at once
	Empty                 bool   // the wallet has no money, so restoring does not bring the supply back
	Other                 string // reasons for the open relay other than the cut and lack of money, in words
	Last                  *lastCommand
	State                 supplyState // state of a wallet meter's supply
	Night                 emergencyForm
}

// lastCommand is the newest command that cut or restored.
type lastCommand struct {
	What, At, By, Reason string
	State                badge
}

// creditReason is the reason of a supply that is off for lack of money.
const creditReason = "CREDIT"

// supplyElement is the id of the element that shows the supply.
const supplyElement = "supply"

// supply makes the form for a meter; asked is a refused form, or empty. For a role that may not send commands, it returns nil unless a
// command has cut or restored the meter.
func (s *Console) supply(ctx context.Context, v visit, m registry.MeterView, asked supplyForm) (*supplyForm, error) {
	last, err := s.newest(ctx, v, m.Meter.Number)
	if err != nil {
		return nil, err
	}
	f := asked
	stored := m.Meter.Status == registry.Stock || m.Meter.Status.IsGone() // it hangs nowhere, so it supplies nobody
	f.May, f.Now = v.by.May(access.SendCommands) && !stored, m.Connected
	if m.Wallet != nil {
		f.Empty, f.Other = slices.Contains(m.Wallet.Off, creditReason), stillOff(v.site.say, m.Wallet.Off)
	}
	if !f.May && last == nil {
		return nil, nil
	}
	f.Cut = f.Cut || slices.Contains(m.Reasons, remoteReason)
	if m.Wallet != nil {
		if f.State, err = s.supplyState(ctx, v, m.Meter.Number); err != nil {
			return nil, err
		}
	}
	if last != nil {
		f.Last = &lastCommand{What: commandWord(v.site.say, last.Type), At: v.site.clock(last.CreatedAt), By: v.site.actor(last.By), Reason: last.Reason, State: commandBadge(v.site.say, *last)}
		if last.State != command.StateFailed && last.State != command.StateExpired && m.Wallet == nil {
			f.Cut = last.Type == command.Disconnect // the meter's own reading may still be on its way
		}
	}
	if m.Wallet != nil {
		f.Cut = f.State.Remote // another person or the rules may have given the command
	}
	f.FormID, err = s.formID(v)
	return &f, err
}

// stillOff names the reasons that keep a supply off and that neither restoring nor a recharge ends; empty if there are none.
func stillOff(t *words.Texts, reasons []string) string {
	return t.Names("off-reason", slices.DeleteFunc(slices.Clone(reasons), func(r string) bool { return r == creditReason || r == remoteReason }))
}

// newest returns the newest command that cut or restored a meter; nil if there is none among its last commands.
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

// command cuts or restores a supply; the use case checks the right and the reason. A person's cut of a wallet meter is
// separate from a cut-off for lack of money. The page then shows its effect.
func (s *Console) command(w http.ResponseWriter, r *http.Request, v visit) {
	f := supplyForm{Reason: r.PostFormValue("reason")}
	meter, kind := r.PathValue("number"), command.Type(r.PostFormValue("type"))
	var sent command.Switched
	var err error
	switch {
	case !v.owns(r.PostFormValue("form")):
		sent.Refusal = refuse.SwitchFormOfOtherSession()
	case kind == command.Disconnect:
		sent, err = s.c.Commands.Cut(r.Context(), v.by, meter, f.Reason)
	case kind == command.Connect:
		sent, err = s.c.Commands.Restore(r.Context(), v.by, meter, f.Reason)
	default:
		sent.Refusal = refuse.FormSwitchUnknown()
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case sent.Refused():
		f.Error = v.site.say.Refusal(sent.Refusal).Detail()
		s.meterPage(w, r, v, http.StatusUnprocessableEntity, f)
	default:
		http.Redirect(w, r, "/meters/"+url.PathEscape(meter)+"#"+supplyElement, http.StatusSeeOther)
	}
}
