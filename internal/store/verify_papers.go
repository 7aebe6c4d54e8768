package store

import "github.com/paywatt/paywatt/internal/id"

// verifyPapers compares what papers show now with the rows of the utility, the vendors, the customers and the places. The rows of these texts have
// evidence of their own, see [people.PaperTextKind]. An owner that an older version wrote has no text until the server next writes it.
func (tx *Tx) verifyPapers(r *Report) error {
	prefixes := map[string]string{"vendor": id.Vendor, "customer": id.Customer, "place": id.Point}
	all, err := tx.UnlikePaperTexts(func(kind string, of id.ID) {
		prefix, named := prefixes[kind]
		if !named {
			r.Find("paper", "The letterhead of the utility is not the one that papers show since its last change. It was changed outside the server.")
			return
		}
		r.Find("paper", "The %s %s is missing, or has another name or address than papers show since its last change. "+
			"It was changed outside the server.",
			kind, of.Text(prefix))
	})
	r.Count("texts of papers", all)
	return err
}
