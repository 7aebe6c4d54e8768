package console

import (
	"net/http"
	"strings"

	"github.com/paywatt/paywatt/internal/words"
)

// helpTopic is the help for a part of the console.
type helpTopic struct {
	Title, Text string
	API         string // topic of the API that does the same; empty for none
}

// help explains the page from which it was asked for, and lists the keys.
func (s *Console) help(w http.ResponseWriter, r *http.Request, v visit) {
	t := say(r.Context())
	from := local(r.URL.Query().Get("page"))
	topic := topicOf(t, from)
	p := s.page(r, v, t.HelpTitle())
	p.Here = "/help"
	s.show(w, r, http.StatusOK, helpView(p, from, topic))
}

// topicOf returns the help for a page.
func topicOf(t *words.Texts, page string) helpTopic {
	section, _, _ := strings.Cut(strings.TrimPrefix(page, "/"), "/")
	section, _, _ = strings.Cut(section, "?")
	switch section {
	case "overview":
		return helpTopic{t.MenuOverview(), t.HelpOverview(), "overview"}
	case "meters":
		return helpTopic{t.MenuMeters(), t.HelpMeters(), "meters"}
	case "sell", "sales":
		return helpTopic{t.MenuSell(), t.HelpSell(), "vends"}
	case "customers":
		return helpTopic{t.MenuCustomers(), t.HelpCustomers(), "customers"}
	case "messages":
		return helpTopic{t.MenuMessages(), t.HelpMessages(), "messages"}
	case "ledger":
		return helpTopic{t.MenuLedger(), t.HelpLedger(), "ledger"}
	case "tills":
		return helpTopic{t.TillsTitle(), t.HelpTills(), "shifts"}
	case "tariffs":
		return helpTopic{t.MenuTariffs(), t.HelpTariffs(), "tariffs"}
	case "approvals":
		return helpTopic{t.MenuApprovals(), t.HelpApprovals(), "approvals"}
	case "quarantine":
		return helpTopic{t.MenuQuarantine(), t.HelpDoubtful(), "quarantine"}
	case "people", "keys", "account":
		return helpTopic{t.PeopleTitle(), t.HelpPeople(), "people"}
	}
	return helpTopic{t.OfficeTitle(), t.HelpOffice(), ""}
}
