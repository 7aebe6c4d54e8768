package console

import (
	"net/http"
	"strings"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/refuse"
)

// testMessage sends a short text by a route to a number of the visitor's choosing, and leads to the page that shows how far it is. It is a
// message like any other: it needs the same right, counts under the same ceiling and is in the audit log.
func (s *Console) testMessage(w http.ResponseWriter, r *http.Request, v visit) {
	phone, route := strings.TrimSpace(r.PostFormValue("phone")), r.PostFormValue("route")
	var sent notify.QueuedMessages
	var err error
	switch {
	case !v.owns(r.PostFormValue("form")):
		sent.Refusal = refuse.MessageFormOfOtherSession()
	case phone == "":
		sent.Refusal = refuse.MessageWithoutPhone()
	default:
		sent, err = s.c.Messages.Send(r.Context(), v.by, notify.MessageRequest{Phone: phone, Route: route, Text: v.site.say.SmsTestText(v.site.name), Test: true, Once: v.requestOf(r).Once})
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case sent.Refused():
		s.showMessages(w, r, v, max(sent.Code.Status(), http.StatusBadRequest), v.site.say.Refusal(sent.Refusal).Detail())
	default:
		http.Redirect(w, r, "/messages/"+sent.Messages[0].ID.Text(id.Message), http.StatusSeeOther)
	}
}

// routeExample describes a route in the settings file.
const routeExample = `[[sms_route]]
name = "modem1"
kind = "modem"
port = "/dev/ttyUSB0"
number = "+254700000000"`
