package console

import (
	"net/http"
	"slices"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/words"
)

// officeLink leads from the office page to one of its pages and says what that page is for.
type officeLink struct {
	to, text, about string
	may             bool
}

// office is the page that leads to the work behind the counter.
func (s *Console) office(w http.ResponseWriter, r *http.Request, v visit) {
	t := say(r.Context())
	s.show(w, r, http.StatusOK, officeView(s.page(r, v, t.OfficeTitle()), v.officeLinks(t)))
}

// officeLinks returns the pages behind the office page that the signed-in person may open.
func (v visit) officeLinks(t words.Texts) []officeLink {
	return slices.DeleteFunc([]officeLink{
		{"/approvals", t.MenuApprovals(), t.OfficeApprovals(), v.by.Role != "" && v.by.OfUtility()},
		{"/quarantine", t.MenuQuarantine(), t.OfficeDoubtful(), v.by.May(access.ReadMeters)},
		{"/people", t.PeopleTitle(), t.OfficePeople(), v.by.May(access.ManagePeople) && v.by.OfUtility()},
		{"/keys", t.KeysTitle(), t.OfficeKeys(), v.by.May(access.ManageKeys) && v.by.OfUtility()},
		{"/alarms", t.MenuAlarms(), t.OfficeAlarms(), v.by.May(access.ReadMeters)},
		{"/audit", t.MenuAudit(), t.OfficeAudit(), v.by.May(access.ReadAudit)},
	}, func(l officeLink) bool { return !l.may })
}
