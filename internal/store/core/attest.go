package core

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/seal"
)

// AttestedKind is a table of which rows, or the columns of them that decide about money, may not be changed unseen. A
// transaction that writes such a row puts a hash of these columns into an audit row, which is sealed; verification
// compares. Tables whose rows are proven otherwise (journals, sales and their tokens) have no place here.
type AttestedKind struct {
	Name    string // in evidence
	Noun    string // in findings
	Prefix  string // of the identity
	From    string // FROM clause; the row's own table has the alias r
	Key     string // column that holds the identity
	Columns string // attested columns
	Forms   string // how each of them is read: t text, i number, b bytes
	order   string // grows with every write that is attested: of several hashes of a row the one with the highest holds
	Sort    string // more columns to sort by where an identity has several rows
	Must    string // condition of rows that must have evidence, where not all of the table must; others may have some
}

// AttestedKinds lists them.
var AttestedKinds = [...]AttestedKind{
	{Name: "tariff", Noun: "Tariff", Prefix: id.Tariff, From: "tariff r", Key: "id", Columns: "r.name", Forms: "t", order: "0"},
	{Name: "version", Noun: "Tariff version", Prefix: id.Version, From: "tariff_version r", Key: "id",
		Columns: "r.tariff_id, r.n, r.effective_from, r.body_json, r.published_at, r.published_by", Forms: "biitit", order: "0"},
	{Name: "key", Noun: "Meter key", Prefix: id.Key, From: "meter_key r", Key: "id", order: "r.version",
		Columns: "r.meter, r.sgc, r.krn, r.kt, r.ti, r.ken, r.ea, r.dkga, r.base_date, r.from_at, r.state", Forms: "itiititti" + "it"},
	{Name: "meter", Noun: "Meter", Prefix: id.Meter, From: "meter r", Key: "id", order: "r.version",
		Columns: "r.n, r.number, r.mode, r.status, r.account_id, r.phases, r.imp_per_kwh, r.tt, r.simulated, r.profile, r.mqtt_hash, r.link_key_enc",
		Forms:   "itttbiitit" + "bb"},
	{Name: "base", Noun: "Where the rating began of meter", Prefix: id.Meter, From: "meter r JOIN wallet w ON w.tenant_id = r.tenant_id AND w.meter = r.n",
		Key: "id", Columns: "w.base_wh", Forms: "i", order: "w.version", Must: " AND EXISTS (SELECT 1 FROM wallet x WHERE x.tenant_id = r.tenant_id AND x.meter = r.n)"},
	{Name: "account", Noun: "Account", Prefix: id.Account, From: "account r", Key: "id", order: "r.version",
		Columns: "r.customer_id, r.service_point_id, r.mode, r.tariff_id, r.status, r.opened_at, r.closed_at, r.charged_to, r.protected, r.lease_grace_wh",
		Forms:   "bbtbtiitii"},
	{Name: "vendor", Noun: "Vendor", Prefix: id.Vendor, From: "vendor r", Key: "id", order: "r.version",
		Columns: "r.code, r.name, r.billing, r.commission_bps, r.credit_limit, r.status", Forms: "tttiit"},
	{Name: "debt", Noun: "Debt", Prefix: id.Debt, From: "debt r", Key: "id", order: "0",
		Columns: "r.account_id, r.kind, r.principal, r.mode, r.value, r.min, r.max, r.month_cap, r.priority, r.capped, r.against, r.memo, r.created_at",
		Forms:   "btitiiiiiitti"},
	{Name: "charge", Noun: "Charge", Prefix: id.Charge, From: "charge_due r", Key: "id", order: "r.version",
		Columns: "r.account_id, r.kind, r.month, r.amount_gross, r.vat_bps, r.priority, r.capped", Forms: "bttiiii"},
	{Name: "approval", Noun: "Approval", Prefix: id.Approval, From: "approval r", Key: "id", order: "r.version",
		Columns: "r.act, r.need, r.object, r.summary, r.body, r.maker_id, r.maker, r.checker_id, r.checker, r.state, r.reason, r.decided_at",
		Forms:   "tttttbtbttti"},
	{Name: "sale", Noun: "Sale", Prefix: id.Vend, Key: "id", order: "r.version", // one that waits for its token; see VendReserve
		From: "vend r LEFT JOIN vend_line l ON l.tenant_id = r.tenant_id AND l.vend_id = r.id LEFT JOIN token t ON t.tenant_id = r.tenant_id AND t.vend_id = r.id " +
			"LEFT JOIN vend_seller s ON s.tenant_id = r.tenant_id AND s.vend_id = r.id",
		Columns: "r.vendor_key, r.client_ref, r.order_hash, r.meter, r.meter_key_id, r.account_id, r.till, r.mode, r.currency, r.tender, r.carry_in, r.carry_out, " +
			"r.units_wh, r.free_wh, r.month, r.mtd_before_wh, r.tariff_version_id, r.by_actor, r.priced_at, l.kind, l.ref, l.amount, l.vat, l.steps_json, " +
			"t.id, t.tid, t.units_wh, s.account_code, s.hold_id, s.commission, s.commission_vat",
		Forms: "ttbibbtttiiiii" + "tibti" + "ttiit" + "bii" + "ibii", Sort: ", l.seq, t.tid", Must: " AND r.state = 'held'"},
	{Name: "reversal", Noun: "Reversal", Prefix: id.Reversal, Key: "id", order: "r.version",
		From:    "reversal r LEFT JOIN reversal_token c ON c.tenant_id = r.tenant_id AND c.reversal_id = r.id",
		Columns: "r.vend_id, r.state, r.confirmed, r.failure, r.reason, r.by_actor, r.settled_at, c.token_id, c.command_id, c.taken",
		Forms:   "btitttibbt", Sort: ", c.token_id"},
	{Name: "job", Noun: "Job", Prefix: id.Job, order: "r.version", Key: "id",
		From: "token_job r LEFT JOIN units_transfer u ON u.tenant_id = r.tenant_id AND u.job_id = r.id",
		Columns: "r.ref, r.kind, r.meter, r.meter_key_id, r.new_key_id, r.account_id, r.units_wh, r.value, r.reason_code, r.reason, r.replaces, " +
			"r.by_actor, r.approved_by, r.state, u.id, u.meter, u.account_id, u.units_wh, u.reason_code, u.reason, u.by_actor, u.approved_by",
		Forms: "ttibbbiittb" + "ttt" + "bibitttt"},
	{Name: "token", Noun: "Token", Prefix: id.Token, From: "token r", Key: "id", order: "0",
		// tokens of sales have their evidence in the sale's, and a token without digits is none yet
		Must:    " AND r.job_id IS NOT NULL AND r.digits_enc IS NOT NULL",
		Columns: "r.job_id, r.meter, r.meter_key_id, r.tid, r.base_date, r.class, r.subclass, r.rnd, r.units_wh, r.digits_enc, r.digits_hash, r.issued_at",
		Forms:   "bibiiiiiibbi"},
	{Name: "apikey", Noun: "API key", Prefix: id.Key, From: "api_key r", Key: "id", order: "COALESCE(r.revoked_at, 0)",
		Columns: "r.hash, r.name, r.role, r.vendor_id, r.answers, r.expires_at, r.revoked_at", Forms: "bttbbii"},
	{Name: "integration", Noun: "Integration login", Prefix: id.Login, From: "integration_login r", Key: "id", order: "COALESCE(r.revoked_at, 0)",
		Columns: "r.hash, r.name, r.customer_id, r.revoked_at", Forms: "btbi"},
	{Name: "person", Noun: "Person", Prefix: id.Person, Key: "id", order: "r.version",
		From:    "person r LEFT JOIN role_binding b ON b.tenant_id = r.tenant_id AND b.person_id = r.id",
		Columns: "r.email, r.pw_hash, r.status, b.role, b.scope", Forms: "ttttt", Sort: ", b.role, b.scope"},
}

// RowSum hashes the attested columns of one row or, where an identity has several, of one after the other.
type RowSum struct{ leaf *seal.Leaf }

// NewRowSum begins the hash of a row of a kind.
func NewRowSum(kind string) RowSum { return RowSum{seal.NewLeaf("paywatt row 1 " + kind)} }

// Add takes the columns from col on, read as forms says.
func (s RowSum) Add(r Row, col int, forms string) {
	for i, form := range forms {
		if r.IsNull(col + i) {
			s.leaf.Int(0)
			continue
		}
		s.leaf.Int(1)
		switch form {
		case 'i':
			s.leaf.Int(r.Int(col + i))
		case 'b':
			s.leaf.Text(string(r.Bytes(col + i)))
		default:
			s.leaf.Text(r.Text(col + i))
		}
	}
}

// Sum is the hash: half of SHA-256, because nobody can choose what is hashed freely enough to need the other half
// against a second preimage.
func (s RowSum) Sum() EvidenceSum {
	whole := s.leaf.Sum()
	return EvidenceSum(whole[:16])
}

// EvidenceSum is the hash of a row as evidence carries it.
type EvidenceSum [16]byte

// Evidence is one entry of an audit row's evidence.
type Evidence struct {
	Kind, Name string
	Order      int64
	Sum        EvidenceSum
	Was        EvidenceSum // of the row before it was written; zero where there was none, or where rows are never changed
}

func (e Evidence) String() string {
	text := e.Kind + " " + e.Name + " " + strconv.FormatInt(e.Order, 10) + " " + hex.EncodeToString(e.Sum[:])
	if e.Was != (EvidenceSum{}) {
		text += " " + hex.EncodeToString(e.Was[:])
	}
	return text
}

// ParseEvidence reads what String wrote.
func ParseEvidence(line string) (e Evidence, ok bool) {
	parts := strings.Split(line, " ")
	if len(parts) == 4 {
		parts = append(parts, strings.Repeat("00", len(e.Was)))
	}
	if len(parts) != 5 {
		return Evidence{}, false
	}
	order, err := strconv.ParseInt(parts[2], 10, 64)
	sum, broken := hex.DecodeString(parts[3])
	was, torn := hex.DecodeString(parts[4])
	if err != nil || broken != nil || torn != nil || len(sum) != len(e.Sum) || len(was) != len(e.Was) {
		return Evidence{}, false
	}
	return Evidence{parts[0], parts[1], order, EvidenceSum(sum), EvidenceSum(was)}, true
}

// Kinds of evidence without a place in attestedKinds.
const (
	EvidenceOnce   = "once"   // a stored answer of a request that moved money
	EvidenceTenant = "tenant" // the tenant's settings
)

// Attest notes that a row of a kind was written for the first time. Its hash goes into the evidence of an audit row of this
// transaction.
func (tx *Tx) Attest(kind string, row id.ID) error {
	k := KindNamed(kind)
	e, found, err := tx.RowEvidence(k, row)
	if err == nil && !found {
		err = fmt.Errorf("%w: the row just written is not there", ErrInvariant)
	}
	if err != nil {
		return fmt.Errorf("attest %s %s: %w", k.Name, row.Text(k.Prefix), err)
	}
	tx.evidence = append(tx.evidence, e)
	return nil
}

// Rewrite runs write, which writes a row of a kind that may be there already, and notes the row as it was and as it is. So
// who changes a row behind the server's back is found even when the server has written it since: no entry left the row
// that the next one begins with. A row that write has left alone is not noted.
func (tx *Tx) Rewrite(kind string, row id.ID, write func() error) error {
	k := KindNamed(kind)
	if lock := tx.C.ForUpdate(); lock != "" { // alone: a statement that waits for a lock sees what it joins as it was before
		err := tx.C.Query(`SELECT r.`+k.Key+` FROM `+k.Table()+` r WHERE r.tenant_id = $1 AND r.`+k.Key+` = $2`+lock, func(Row) error { return nil }, tx.Tenant, row)
		if err != nil {
			return fmt.Errorf("lock %s %s: %w", k.Name, row.Text(k.Prefix), err)
		}
	}
	return tx.RewriteLocked(k, row, write)
}

// RewriteLocked is rewrite of a row that is locked already.
func (tx *Tx) RewriteLocked(k *AttestedKind, row id.ID, write func() error) error {
	was, before, err := tx.RowEvidence(k, row)
	if err == nil {
		err = write()
	}
	if err != nil {
		return err
	}
	e, found, err := tx.RowEvidence(k, row)
	switch {
	case err != nil:
		return fmt.Errorf("attest %s %s: %w", k.Name, row.Text(k.Prefix), err)
	case found && (!before || e.Order != was.Order || e.Sum != was.Sum):
		if before {
			e.Was = was.Sum
		}
		tx.evidence = append(tx.evidence, e)
	}
	return nil
}

// RowEvidence is the evidence of a row as it stands.
func (tx *Tx) RowEvidence(k *AttestedKind, row id.ID) (e Evidence, found bool, err error) {
	s := NewRowSum(k.Name)
	e = Evidence{Kind: k.Name, Name: row.Text(k.Prefix)}
	err = tx.C.Query(`SELECT `+k.order+`, `+k.Columns+` FROM `+k.From+` WHERE r.tenant_id = $1 AND r.`+k.Key+` = $2 ORDER BY r.`+k.Key+k.Sort, func(r Row) error {
		e.Order, found = r.Int(0), true
		s.Add(r, 1, k.Forms)
		return nil
	}, tx.Tenant, row)
	e.Sum = s.Sum()
	return e, found, err
}

// KindNamed returns the attested table with this name in evidence, nil for none.
func KindNamed(name string) *AttestedKind {
	for i := range AttestedKinds {
		if AttestedKinds[i].Name == name {
			return &AttestedKinds[i]
		}
	}
	panic("no attested kind " + name)
}

// rewriteTenant is rewrite for the tenant's row. write reports whether it has changed it.
func (tx *Tx) rewriteTenant(write func() (bool, error)) (bool, error) {
	was, err := tx.TenantEvidence(tx.C.ForUpdate())
	if err != nil {
		return false, err
	}
	changed, err := write()
	if err != nil || !changed {
		return false, err
	}
	e, err := tx.TenantEvidence("")
	e.Was = was.Sum
	tx.evidence = append(tx.evidence, e)
	return true, err
}

// TenantEvidence returns the evidence of the tenant's own row.
func (tx *Tx) TenantEvidence(lock string) (Evidence, error) {
	e, s := Evidence{Kind: EvidenceTenant, Name: strconv.FormatInt(int64(tx.Tenant), 10)}, NewRowSum(EvidenceTenant)
	_, err := tx.One(`SELECT version, name, currency, exp, tz, vat_no, settings FROM tenant WHERE id = $1`+lock, func(r Row) error {
		e.Order = r.Int(0)
		s.Add(r, 1, "ttittt")
		return nil
	}, tx.Tenant)
	e.Sum = s.Sum()
	if err != nil {
		err = fmt.Errorf("attest tenant %d: %w", tx.Tenant, err)
	}
	return e, err
}

// OnceEvidence is the evidence of a stored answer.
func OnceEvidence(o access.Once, status int, sealed []byte) Evidence {
	l := seal.NewLeaf("paywatt row 1 once").Text(string(o.Hash[:])).Int(int64(status)).Text(string(sealed))
	return Evidence{Kind: EvidenceOnce, Name: url.QueryEscape(o.Principal) + "/" + url.QueryEscape(o.Key), Sum: RowSum{l}.Sum()}
}

// Finish ends a closure that succeeded: its audit rows are written, the last of them with the evidence of what the
// closure has changed. Evidence that has no audit row gets one. An engine calls it with what the closure returned.
func (tx *Tx) Finish(refused bool, err error) (bool, error) {
	if err != nil || refused {
		return refused, err
	}
	if len(tx.evidence) > 0 && len(tx.audit) == 0 {
		tx.audit = append(tx.audit, access.Entry{Actor: "paywatt", Action: ActionEvidence, At: tx.Now})
	}
	for n, e := range tx.audit {
		text := ""
		if n == len(tx.audit)-1 {
			text = tx.evidenceText()
		}
		if err := tx.writeAudit(e, text); err != nil {
			return false, err
		}
	}
	tx.audit, tx.evidence = nil, nil
	return false, nil
}

// ActionEvidence is the action of audit rows that only carry evidence of a change which is nobody's act of its own, as
// when a meter confirms its new key.
const ActionEvidence = "evidence"

func (tx *Tx) evidenceText() string {
	var b strings.Builder
	for n, e := range tx.evidence {
		if n > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.String())
	}
	return b.String()
}

// Table is the table of a kind without what is joined to it.
func (k *AttestedKind) Table() string {
	name, _, _ := strings.Cut(k.From, " ")
	return name
}
