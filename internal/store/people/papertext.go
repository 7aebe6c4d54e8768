package people

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/vendor"
)

// What papers say about the utility, a vendor, a customer or a place is stored once for each change, and not once for each sale. A paper of any
// moment finds its texts by that moment, so a copy says what its original said.
//
// The evidence of a row covers the text together with random bytes, the salt. To erase a text, the server removes it and the salt. The hash that
// stays in the sealed log then tells nothing: nobody can try names until one fits.

// paperText is a text that papers show from a moment on, until the next text of the same owner.
type paperText struct {
	ID       id.ID
	Kind     paperKind
	Owner    id.ID
	Since    int64 // in microseconds since 1970; 0 for the beginning
	Text     string
	Salt     []byte
	ErasedAt time.Time
}

// paperKind says what a text is about.
type paperKind string

// Kinds of texts.
const (
	paperOfUtility  paperKind = "utility" // the letterhead, as JSON
	paperOfVendor   paperKind = "vendor"
	paperOfCustomer paperKind = "customer"
	paperOfPlace    paperKind = "place"
)

// paperSalt is the number of random bytes that are hashed with a text.
const paperSalt = 16

var paperTextColumns = core.Columns[paperText]{Table: "paper_text", Attested: []core.Column[paperText]{
	core.Text("kind", func(p *paperText) *paperKind { return &p.Kind }),
	core.ID("owner", func(p *paperText) *id.ID { return &p.Owner }),
	core.Int("since", func(p *paperText) *int64 { return &p.Since }),
	core.Text("text", func(p *paperText) *string { return &p.Text }),
	core.Bytes("salt", func(p *paperText) *[]byte { return &p.Salt }),
	core.Time("erased_at", func(p *paperText) *time.Time { return &p.ErasedAt }),
}, Unattested: []core.Column[paperText]{
	core.ID("id", func(p *paperText) *id.ID { return &p.ID }),
	{Name: "version", Form: 'i'},
}}

// PaperTextKind describes the evidence of the texts of papers.
var PaperTextKind = core.AttestedKind{Name: "papertext", Noun: "Text of papers", Prefix: id.PaperText, From: "paper_text r", Key: "id",
	Order: "r.version", Proof: paperTextColumns.Proof("r")}

// paperOwner is whom or what a text of papers is about.
type paperOwner struct {
	kind paperKind
	id   id.ID
	// change is the action of the audit log's entries about changes of the owner, and object is their object. The log knows of no change of a
	// place: no use case changes an address.
	change, object string
	// before reads, from such an entry, what papers said before the change. The parameter today is the oldest text that is stored, or what the
	// owner's row says now.
	before func(summary, today string) registry.PaperText
}

// utilityPapers is the owner of the letterhead.
func (tx Rows) utilityPapers(uid id.ID) paperOwner {
	return paperOwner{kind: paperOfUtility, id: uid, change: "settings.change", object: fmt.Sprintf("tenant %d", tx.Tenant), before: letterheadBefore}
}

func vendorPapers(of id.ID) paperOwner {
	return paperOwner{kind: paperOfVendor, id: of, change: "vendor.terms", object: of.Text(id.Vendor), before: vendorNameBefore}
}

func customerPapers(of id.ID) paperOwner {
	return paperOwner{kind: paperOfCustomer, id: of, change: "customer.change", object: of.Text(id.Customer), before: registry.CustomerNameOf}
}

func placePapers(of id.ID) paperOwner { return paperOwner{kind: paperOfPlace, id: of} }

func letterheadBefore(summary, today string) registry.PaperText {
	l, ok := registry.LetterheadOf(summary)
	if !ok {
		return registry.PaperText{Text: today, Today: true}
	}
	text, err := json.Marshal(l)
	if err != nil { // a struct of texts has no such error
		return registry.PaperText{Text: today, Today: true}
	}
	return registry.PaperText{Text: string(text)}
}

func vendorNameBefore(summary, today string) registry.PaperText {
	name, ok := vendor.NameOf(summary)
	if !ok {
		return registry.PaperText{Text: today, Today: true}
	}
	return registry.PaperText{Text: name}
}

// composeLetterhead returns the letterhead in the row of the tenant, as the text of papers.
func composeLetterhead(t core.TenantRow) (string, error) {
	more, err := MoreSettings(t)
	if err != nil {
		return "", err
	}
	head, err := ReceiptHead(more)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(registry.Letterhead{Name: t.Name, VATNo: t.VATNo, ReceiptHead: head, TZ: t.TZ})
	return string(text), fault.Wrap(err, "write the letterhead")
}

// addPaperText stores a text that papers show from a moment on.
func (tx Rows) addPaperText(of paperOwner, since int64, text string) error {
	p := paperText{Kind: of.kind, Owner: of.id, Since: since, Text: text, Salt: make([]byte, paperSalt)}
	var err error
	if p.ID, err = tx.NewID(); err == nil {
		_, err = io.ReadFull(tx.Rand, p.Salt)
	}
	if err == nil {
		_, err = tx.C.Exec(`INSERT INTO `+paperTextColumns.Into(), paperTextColumns.Values(tx.Tenant, &p)...)
	}
	if err == nil {
		err = tx.Attest(PaperTextKind.Name, p.ID)
	}
	return fault.Wrap(err, "store what papers say about a %s", of.kind)
}

// addFirstText stores what papers say about a new owner. An empty text has a row too: verification finds a text that somebody puts in its place.
func (tx Rows) addFirstText(of paperOwner, text string) error {
	return tx.addPaperText(of, 0, text)
}

// changePaperText stores that papers show another text from now on. The caller has locked the row of the owner, in which the text was and next is. A
// customer's name that is taken away also goes from the papers before.
func (tx Rows) changePaperText(of paperOwner, was, next string) error {
	newest, found, err := tx.readPaperText(of, `ORDER BY since DESC LIMIT 1`)
	if err != nil {
		return err
	}
	if !found { // an older version wrote the owner's row, which papers have shown since its last change
		if newest.Since, err = tx.findLastChange(of); err != nil {
			return err
		}
		if err := tx.addPaperText(of, newest.Since, was); err != nil {
			return err
		}
		if newest, _, err = tx.readPaperText(of, `ORDER BY since DESC LIMIT 1`); err != nil {
			return err
		}
	}
	erases := of.kind == paperOfCustomer && was != "" && next == ""
	if erases {
		if err := tx.erasePaperTexts(of); err != nil {
			return err
		}
	}
	now := tx.Now.UnixMicro()
	switch {
	case was == next:
		return nil
	case now > newest.Since:
		return tx.addPaperText(of, now, next)
	case now == newest.Since && !erases:
		return tx.replacePaperText(newest.ID, next)
	}
	return tx.addPaperText(of, newest.Since+1, next) // the clock was set back: no paper may find another text than before
}

// replacePaperText replaces a text that no paper shows, because another one follows at the same moment.
func (tx Rows) replacePaperText(row id.ID, text string) error {
	err := tx.Rewrite(PaperTextKind.Name, row, func() error {
		return tx.Must(`UPDATE paper_text SET text = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3`, text, tx.Tenant, row)
	})
	return fault.Wrap(err, "replace what papers say")
}

// erasePaperTexts removes all texts of an owner. Papers then say that the text was erased.
func (tx Rows) erasePaperTexts(of paperOwner) error {
	var rows []id.ID
	err := tx.C.Query(`SELECT id FROM paper_text WHERE tenant_id = $1 AND kind = $2 AND owner = $3 AND erased_at IS NULL
		ORDER BY since`, func(r core.Row) error {
		rows = append(rows, r.ID(0))
		return nil
	}, tx.Tenant, string(of.kind), of.id)
	if err != nil {
		return fault.Wrap(err, "find what papers say about a %s", of.kind)
	}
	for _, row := range rows {
		err := tx.Rewrite(PaperTextKind.Name, row, func() error {
			return tx.Must(`UPDATE paper_text SET text = '', salt = NULL, erased_at = $1, version = version + 1
				WHERE tenant_id = $2 AND id = $3`, tx.Now, tx.Tenant, row)
		})
		if err != nil {
			return fault.Wrap(err, "erase what papers say about a %s", of.kind)
		}
	}
	return nil
}

// readPaperText reads one row of an owner. The parameter rest follows the condition and may use parameters from $4 on.
func (tx Rows) readPaperText(of paperOwner, rest string, args ...any) (p paperText, found bool, err error) {
	args = append([]any{tx.Tenant, string(of.kind), of.id}, args...)
	found, err = tx.One(`SELECT `+paperTextColumns.List("")+` FROM paper_text WHERE tenant_id = $1 AND kind = $2 AND owner = $3 `+rest,
		paperTextColumns.To(&p), args...)
	return p, found, fault.Wrap(err, "read what papers say about a %s", of.kind)
}

// findLastChange returns when the audit log last recorded a change of an owner; 0 for never.
func (tx Rows) findLastChange(of paperOwner) (int64, error) {
	if of.change == "" {
		return 0, nil
	}
	at, err := tx.Number(`SELECT at FROM audit WHERE tenant_id = $1 AND action = '`+of.change+`' AND object = $2
		ORDER BY at DESC LIMIT 1`, tx.Tenant, of.object)
	return at, fault.Wrap(err, "find the last change of a %s", of.kind)
}

// findChangeAfter returns what the audit log says about an owner before the first change after a moment; logged is false if there was none.
func (tx Rows) findChangeAfter(of paperOwner, moment int64) (before string, logged bool, err error) {
	if of.change == "" {
		return "", false, nil
	}
	logged, err = tx.One(`SELECT before FROM audit WHERE tenant_id = $1 AND action = '`+of.change+`' AND object = $2 AND at > $3 ORDER BY at LIMIT 1`,
		func(r core.Row) error { before = r.Text(0); return nil }, tx.Tenant, of.object, moment)
	return before, logged, fault.Wrap(err, "find the changes of a %s", of.kind)
}

// readTextAt returns what papers of a moment say about an owner. The parameter today is what the owner's row says now. For a moment before the first
// row, when an older version wrote the papers, the audit log may know the text.
func (tx Rows) readTextAt(of paperOwner, today string, at time.Time) (registry.PaperText, error) {
	moment := at.UnixMicro()
	shown, found, err := tx.readPaperText(of, `AND since <= $4 ORDER BY since DESC LIMIT 1`, moment)
	if err != nil || found {
		return registry.PaperText{Text: shown.Text, Erased: !shown.ErasedAt.IsZero()}, err
	}
	first, found, err := tx.readPaperText(of, `ORDER BY since LIMIT 1`)
	if err != nil {
		return registry.PaperText{}, err
	}
	if !first.ErasedAt.IsZero() { // an erased name is erased on all papers before
		return registry.PaperText{Erased: true}, nil
	}
	before, logged, err := tx.findChangeAfter(of, moment)
	switch {
	case err != nil:
		return registry.PaperText{}, err
	case logged && found: // the oldest text was the name then, while today's may be another person's
		return of.before(before, first.Text), nil
	case logged:
		return of.before(before, today), nil
	case found:
		return registry.PaperText{Text: first.Text}, nil
	}
	return registry.PaperText{Text: today}, nil // the owner has never changed since
}

// LetterheadAt returns the letterhead of the papers of a moment.
func (tx Rows) LetterheadAt(at time.Time) (out registry.PaperHead, err error) {
	t, err := tx.TenantRow()
	if err != nil {
		return out, err
	}
	today, err := composeLetterhead(t)
	if err != nil {
		return out, err
	}
	text, err := tx.readTextAt(tx.utilityPapers(t.UID), today, at)
	if err != nil {
		return out, err
	}
	var present registry.Letterhead
	if err := json.Unmarshal([]byte(today), &present); err != nil {
		return out, fault.Wrap(err, "read the letterhead")
	}
	out.Today = text.Today
	if json.Unmarshal([]byte(text.Text), &out.Letterhead) != nil { // it was changed outside the server, and papers must still be printed
		out = registry.PaperHead{Letterhead: present, Today: true}
	}
	if _, unknown := tx.Zone(out.TZ); unknown != nil { // the database comes from a machine that knew the zone
		out.TZ, out.Today = present.TZ, true
	}
	return out, nil
}

// VendorTextAt returns the name of a vendor on the papers of a moment. It is empty for the utility itself, which has the zero identity.
func (tx Rows) VendorTextAt(of id.ID, at time.Time) (registry.PaperText, error) {
	var today string
	_, err := tx.One(`SELECT name FROM vendor WHERE tenant_id = $1 AND id = $2`,
		func(r core.Row) error { today = r.Text(0); return nil }, tx.Tenant, of)
	if err != nil || of.IsZero() {
		return registry.PaperText{}, fault.Wrap(err, "read the name of a vendor")
	}
	return tx.readTextAt(vendorPapers(of), today, at)
}

// ChangeVendorText stores that papers show another name of a vendor from now on. The caller has locked the vendor.
func (tx Rows) ChangeVendorText(of id.ID, was, next string) error {
	return tx.changePaperText(vendorPapers(of), was, next)
}

// AccountTextsAt returns what the papers of a moment say about an account.
func (tx Rows) AccountTextsAt(account id.ID, at time.Time) (out registry.AccountTexts, err error) {
	var customer, place id.ID
	var name, address string
	found, err := tx.One(`SELECT c.id, c.name, p.id, p.address FROM account a
		JOIN customer c ON c.tenant_id = a.tenant_id AND c.id = a.customer_id
		JOIN service_point p ON p.tenant_id = a.tenant_id AND p.id = a.service_point_id
		WHERE a.tenant_id = $1 AND a.id = $2`, func(r core.Row) error {
		customer, name, place, address = r.ID(0), r.Text(1), r.ID(2), r.Text(3)
		return nil
	}, tx.Tenant, account)
	if err != nil || !found {
		return out, fault.Wrap(err, "read the customer of account %s", account.Text(id.Account))
	}
	if out.Customer, err = tx.readTextAt(customerPapers(customer), name, at); err == nil {
		out.Place, err = tx.readTextAt(placePapers(place), address, at)
	}
	return out, err
}

// comparedTexts are the columns that the newest texts of papers must equal, each with its table.
var comparedTexts = [...]struct {
	kind          paperKind
	table, column string
}{{paperOfVendor, "vendor", "name"}, {paperOfCustomer, "customer", "name"}, {paperOfPlace, "service_point", "address"}}

// UnlikePaperTexts calls do with the kind and the identity of every owner whose row is missing or has another text than papers show now. It returns
// how many texts of papers there are.
func (tx Rows) UnlikePaperTexts(do func(kind string, of id.ID)) (int64, error) {
	for _, c := range comparedTexts {
		err := tx.C.Query(`SELECT p.owner FROM paper_text p LEFT JOIN `+c.table+` r ON r.tenant_id = p.tenant_id AND r.id = p.owner
			WHERE p.tenant_id = $1 AND p.kind = $2 AND (r.id IS NULL OR r.`+c.column+` <> p.text)
			AND NOT EXISTS (SELECT 1 FROM paper_text x WHERE x.tenant_id = p.tenant_id AND x.kind = p.kind
				AND x.owner = p.owner AND x.since > p.since)
			ORDER BY p.owner`, func(r core.Row) error {
			do(string(c.kind), r.ID(0))
			return nil
		}, tx.Tenant, string(c.kind))
		if err != nil {
			return 0, fault.Wrap(err, "compare what papers say about each %s", c.kind)
		}
	}
	t, err := tx.TenantRow()
	if err != nil {
		return 0, err
	}
	says, err := composeLetterhead(t)
	if err != nil {
		return 0, err
	}
	newest, found, err := tx.readPaperText(tx.utilityPapers(t.UID), `ORDER BY since DESC LIMIT 1`)
	if err != nil {
		return 0, err
	}
	if found && !equalsLetterhead(newest.Text, says) {
		do(string(paperOfUtility), t.UID)
	}
	n, err := tx.Number(`SELECT COUNT(*) FROM paper_text WHERE tenant_id = $1`, tx.Tenant)
	return n, fault.Wrap(err, "count what papers say")
}

// equalsLetterhead compares two letterheads as this version reads them. A letterhead that an older version stored may lack a field, which is then
// empty.
func equalsLetterhead(stored, today string) bool {
	var a, b registry.Letterhead
	return json.Unmarshal([]byte(stored), &a) == nil && json.Unmarshal([]byte(today), &b) == nil && a == b
}
