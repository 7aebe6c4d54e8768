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
	if topic.Text == "" { // the page does not exist
		topic = topicOf(t, "help")
	}
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
	case "flats":
		return helpTopic{t.FlatsTitle(), t.HelpFlats(), "flats"}
	case "sell":
		return helpTopic{t.MenuSell(), t.HelpSell(), "vends"}
	case "sales":
		return helpTopic{t.SalesTitle(), t.HelpSales(), "vends"}
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
	case "people":
		return helpTopic{t.PeopleTitle(), t.HelpPeople(), "people"}
	case "search":
		return helpTopic{t.SearchTitle(), t.HelpSearch(), "search"}
	case "help":
		return helpTopic{t.HelpTitle(), t.HelpHelpAbout(), ""}
	case "office":
		return helpTopic{t.OfficeTitle(), t.HelpOffice(), ""}
	}
	return officeTopic(t, section)
}

// officeTopic returns the help for a page behind the office page, or for a person's own account.
func officeTopic(t *words.Texts, section string) helpTopic {
	switch section {
	case "accounts", "debts", "charges":
		return helpTopic{t.OwingDebts(), t.HelpOwing(), "debts"}
	case "payments", "differences":
		return helpTopic{t.PaymentsTitle(), t.HelpPayments(), "payments"}
	case "webhooks":
		return helpTopic{t.WebhooksTitle(), t.HelpWebhooks(), "webhooks"}
	case "vouchers":
		return helpTopic{t.VouchersTitle(), t.HelpVouchers(), "payments"}
	case "alarms":
		return helpTopic{t.MenuAlarms(), t.HelpAlarms(), "meters"}
	case "audit":
		return helpTopic{t.MenuAudit(), t.HelpAudit(), ""}
	case "days":
		return helpTopic{t.DaysTitle(), t.HelpDays(), "days"}
	case "doctor":
		return helpTopic{t.DoctorTitle(), t.HelpDoctor(), "tokens"}
	case "devices":
		return helpTopic{t.DevicesTitle(), t.HelpDevices(), "devices"}
	case "import", "imports":
		return helpTopic{t.ImportTitle(), t.HelpImport(), "imports"}
	case "integrations":
		return helpTopic{t.IntegrationsTitle(), t.HelpIntegrations(), ""}
	case "keys":
		return helpTopic{t.KeysTitle(), t.HelpPrograms(), "keys"}
	case "account":
		return helpTopic{t.AccountTitle(), t.HelpAccount(), "people"}
	case "settings":
		return helpTopic{t.UtilityTitle(), t.HelpSettings(), "system"}
	case "start":
		return helpTopic{t.StartTitle(), t.HelpStart(), ""}
	case "vendors":
		return helpTopic{t.VendorsTitle(), t.HelpVendors(), "vendors"}
	}
	return helpTopic{}
}
