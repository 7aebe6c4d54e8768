package console

import (
	"net/http"
	"slices"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/words"
)

// officeLink leads from the office page to one of its pages and says what that page is for.
type officeLink struct {
	to, text, about string
	may             bool
}

// officeRoutes adds the pages behind the office page, and the person's own account.
func (s *Console) officeRoutes(m *http.ServeMux) {
	m.Handle("GET /ledger/export", s.signedIn(s.exportLedger))
	m.Handle("GET /office", s.signedIn(s.office))
	m.Handle("GET /meters/{number}/timeline", s.signedIn(s.timeline))
	s.serviceRoutes(m)
	s.configRoutes(m)
	if s.c.Tour != nil {
		m.HandleFunc("POST /tour", s.moveTour)
	}
	m.Handle("GET /help", s.signedIn(s.help))
	s.owingRoutes(m)
	s.paymentRoutes(m)
	s.webhookRoutes(m)
	m.Handle("GET /start", s.signedIn(s.start))
	m.Handle("GET "+importPath, s.signedIn(s.importPage))
	m.Handle("POST "+importPath, s.signedIn(s.withFile(imports.MaySend, s.importFile)))
	m.Handle("GET /imports/{import}", s.signedIn(s.imported))
	m.Handle("POST /imports/{import}", s.signedIn(s.undoImport))
	m.Handle("GET "+devicePath, s.signedIn(s.devices))
	m.Handle("POST "+devicePath, s.signedIn(s.changeDevice))
	m.Handle("GET /settings", s.signedIn(s.utility))
	m.Handle("POST /settings", s.signedIn(s.changeUtility))
	m.Handle("POST /settings/printers/{printer}", s.signedIn(s.testPrinter))
	m.Handle("GET /sales/{sale}/receipt.pdf", s.signedIn(s.receiptPDF))
	m.Handle("GET /tills/{shift}/report.pdf", s.signedIn(s.shiftPDF))
	m.Handle("GET /meters/{meter}/statement.pdf", s.signedIn(s.statementPDF))
	m.Handle("GET /quarantine", s.signedIn(s.quarantine))
	m.Handle("GET /quarantine/{id}", s.signedIn(s.held))
	m.Handle("POST /quarantine/{id}", s.signedIn(s.decideHeld))
	m.Handle("GET /approvals", s.signedIn(s.approvals))
	m.Handle("GET /approvals/{id}", s.signedIn(s.approval))
	m.Handle("POST /approvals/{id}", s.signedIn(s.decideApproval))
	m.Handle("GET /people", s.signedIn(s.people))
	m.Handle("POST /people", s.signedIn(s.invite))
	m.Handle("GET /people/{id}", s.signedIn(s.person))
	m.Handle("POST /people/{id}", s.signedIn(s.changePerson))
	m.Handle("GET /keys", s.signedIn(s.keys))
	m.Handle("POST /keys", s.signedIn(s.createKey))
	m.Handle("GET /keys/{id}", s.signedIn(s.key))
	m.Handle("POST /keys/{id}", s.signedIn(s.changeKey))
	m.Handle("GET /account", s.signedIn(s.account))
	m.Handle("POST /account/sessions", s.signedIn(s.endOthers))
	m.Handle("POST /account/devices", s.signedIn(s.registerDevice))
	m.Handle("POST /account/devices/{device}", s.signedIn(s.revokeOwnDevice))
	m.Handle("GET /alarms", s.signedIn(s.alarms))
	m.Handle("GET /audit", s.signedIn(s.audit))
	m.Handle("GET /tills", s.signedIn(s.tills))
	m.Handle("POST /tills", s.signedIn(s.openTill))
	m.Handle("GET /tills/{shift}", s.signedIn(s.shift))
	m.Handle("POST /tills/{shift}", s.signedIn(s.changeShift))
	m.Handle("GET /days", s.signedIn(s.days))
	m.Handle("POST /days", s.signedIn(s.closeDay))
	m.Handle("GET /days/{date}", s.signedIn(s.day))
	m.Handle("GET /days/{date}/day.pdf", s.signedIn(s.dayPDF))
	m.Handle("GET /vendors", s.signedIn(s.vendors))
	m.Handle("POST /vendors", s.signedIn(s.addVendor))
	m.Handle("GET /vendors/{vendor}", s.signedIn(s.vendor))
	m.Handle("GET /vendors/{vendor}/settlement", s.signedIn(s.vendorSettlement))
	m.Handle("POST /vendors/{vendor}", s.signedIn(s.changeVendor))
}

// office is the page that leads to the work behind the counter.
func (s *Console) office(w http.ResponseWriter, r *http.Request, v visit) {
	t := say(r.Context())
	s.show(w, r, http.StatusOK, officeView(s.page(r, v, t.OfficeTitle()), v.officeLinks(t)))
}

// officeLinks returns the pages behind the office page that the signed-in person may open.
func (v visit) officeLinks(t *words.Texts) []officeLink {
	return slices.DeleteFunc([]officeLink{
		{flatsPath, t.FlatsTitle(), t.FlatsAbout(), v.by.May(access.ReadMeters)},
		{"/sales", t.SalesTitle(), t.OfficeSales(), v.by.May(access.ReadVends)},
		{"/payments", t.PaymentsTitle(), t.OfficePayments(), v.by.OfUtility() && v.by.May(access.ReadPayments)},
		{vouchersPath, t.VouchersTitle(), t.VouchersAbout(), v.by.OfUtility() && v.by.May(access.ReadPayments)},
		{"/tills", t.TillsTitle(), t.OfficeTills(), v.by.OfUtility() && v.by.May(access.ReadTills)},
		{"/days", t.DaysTitle(), t.DaysAbout(), v.by.OfUtility() && v.by.May(access.ReadLedger)},
		{"/doctor", t.DoctorTitle(), t.DoctorAbout(), v.by.May(access.ReadVends)},
		{"/tariffs", t.MenuTariffs(), t.OfficeTariffs(), v.by.May(access.ReadTariffs)},
		{"/approvals", t.MenuApprovals(), t.OfficeApprovals(), v.by.Role != "" && v.by.OfUtility()},
		{"/quarantine", t.MenuQuarantine(), t.OfficeDoubtful(), v.by.May(access.ReadMeters)},
		{"/people", t.PeopleTitle(), t.OfficePeople(), v.by.May(access.ManagePeople) && v.by.OfUtility()},
		{"/debts", t.OwingDebts(), t.OwingAbout(), v.by.OfUtility() && v.by.May(access.ReadCustomers)},
		{"/integrations", t.IntegrationsTitle(), t.IntegrationsAbout(), v.by.May(access.ManageKeys) && v.by.OfUtility()},
		{webhooksPath, t.WebhooksTitle(), t.WebhooksAbout(), v.by.OfUtility() && v.by.May(access.ReadSettings)},
		{"/keys", t.KeysTitle(), t.OfficeKeys(), v.by.May(access.ManageKeys) && v.by.OfUtility()},
		{"/alarms", t.MenuAlarms(), t.OfficeAlarms(), v.by.May(access.ReadMeters)},
		{"/vendors", t.VendorsTitle(), t.OfficeVendors(), v.by.OfUtility() && v.by.May(access.ReadVendors)},
		{"/start", t.StartTitle(), t.OfficeStart(), v.by.OfUtility() && v.by.May(access.WriteSettings)},
		{devicePath, t.DevicesTitle(), t.OfficeDevices(), v.by.OfUtility() && v.by.May(access.ReadMeters)},
		{importPath, t.ImportTitle(), t.OfficeImport(), v.by.OfUtility() && len(imports.KindsOf(v.by)) > 0},
		{"/settings", t.UtilityTitle(), t.OfficeUtility(), v.by.OfUtility() && v.by.May(access.ReadSettings)},
		{"/audit", t.MenuAudit(), t.OfficeAudit(), v.by.May(access.ReadAudit)},
	}, func(l officeLink) bool { return !l.may })
}
