package portal

import (
	"net/http"

	"github.com/paywatt/paywatt/internal/explain"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
)

// receiptPage explains a receipt line by line.
type receiptPage struct {
	frame
	Amount, At string
	Lines      []string
	Agrees     string
}

// receipt explains a receipt. Another account's receipt gets the same answer as a wrong link.
func (p *Portal) receipt(w http.ResponseWriter, r *http.Request, v visit) {
	e, err := p.c.Vending.Explain(r.Context(), v.by.Quiet(), r.PathValue("receipt"))
	if err != nil {
		p.failed(w, r, err)
		return
	}
	if e.Refused() || e.Sale.Account != v.opened.ID || e.Sale.State == sale.Failed {
		p.wrong(w, r)
		return
	}
	d := receiptPage{frame: p.frame(v, v.say.ReceiptTitle(e.Sale.ReceiptNo), "/receipts"), Amount: v.say.Sum(e.Sale.Tender), At: v.clock(e.Sale.PricedAt), Lines: explain.Sale(v.say, e)}
	if e.Agrees() {
		d.Agrees = v.say.ReceiptAgrees()
	}
	p.show(w, r, http.StatusOK, v.say, receiptView(d))
}

// messagesPage lists what was sent to the customer about the meter.
type messagesPage struct {
	frame
	Lines []messageLine
}

type messageLine struct{ At, What, State string }

// messages lists the messages to and from the customer about the meter. It shows their kind, and not their text, which has no digits anyway.
func (p *Portal) messages(w http.ResponseWriter, r *http.Request, v visit) {
	list, err := p.c.Messages.List(r.Context(), v.by, notify.List{Meter: v.number, Page: registry.Page{Limit: shownMessages}})
	if err != nil {
		p.failed(w, r, err)
		return
	}
	d := messagesPage{frame: p.frame(v, v.say.PortalMessages(), "/messages")}
	for _, m := range list.Data {
		if m.Customer != v.opened.Customer || m.Purpose == notify.PurposeMeter {
			continue
		}
		d.Lines = append(d.Lines, messageLine{v.clock(m.CreatedAt), v.say.Name("message", string(m.Purpose)), v.say.Name("message-state", string(m.State))})
	}
	p.show(w, r, http.StatusOK, v.say, messagesView(d))
}
