package store

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

// attestedKind is a table of which rows, or the columns of them that decide about money, may not be changed unseen. A
// transaction that writes such a row puts a hash of these columns into an audit row, which is sealed; verification
// compares. Tables whose rows are proven otherwise (journals, sales and their tokens) have no place here.
type attestedKind struct {
	name    string // in evidence
	noun    string // in findings
	prefix  string // of the identity
	from    string // FROM clause; the row's own table has the alias r
	key     string // column that holds the identity
	columns string // attested columns
	forms   string // how each of them is read: t text, i number, b bytes
	order   string // grows with every write that is attested: of several hashes of a row the one with the highest holds
	sort    string // more columns to sort by where an identity has several rows
	must    string // condition of rows that must have evidence, where not all of the table must; others may have some
}

// attestedKinds lists them.
var attestedKinds = [...]attestedKind{
	{name: "tariff", noun: "Tariff", prefix: id.Tariff, from: "tariff r", key: "id", columns: "r.name", forms: "t", order: "0"},
	{name: "version", noun: "Tariff version", prefix: id.Version, from: "tariff_version r", key: "id",
		columns: "r.tariff_id, r.n, r.effective_from, r.body_json, r.published_at, r.published_by", forms: "biitit", order: "0"},
	{name: "key", noun: "Meter key", prefix: id.Key, from: "meter_key r", key: "id", order: "r.version",
		columns: "r.meter, r.sgc, r.krn, r.kt, r.ti, r.ken, r.ea, r.dkga, r.base_date, r.from_at, r.state", forms: "itiititti" + "it"},
	{name: "meter", noun: "Meter", prefix: id.Meter, from: "meter r", key: "id", order: "r.version",
		columns: "r.n, r.number, r.mode, r.status, r.account_id, r.phases, r.imp_per_kwh, r.tt, r.simulated, r.profile, r.mqtt_hash, r.link_key_enc",
		forms:   "itttbiitit" + "bb"},
	{name: "base", noun: "Where the rating began of meter", prefix: id.Meter, from: "meter r JOIN wallet w ON w.tenant_id = r.tenant_id AND w.meter = r.n",
		key: "id", columns: "w.base_wh", forms: "i", order: "w.version", must: " AND EXISTS (SELECT 1 FROM wallet x WHERE x.tenant_id = r.tenant_id AND x.meter = r.n)"},
	{name: "account", noun: "Account", prefix: id.Account, from: "account r", key: "id", order: "r.version",
		columns: "r.customer_id, r.service_point_id, r.mode, r.tariff_id, r.status, r.opened_at, r.closed_at, r.charged_to, r.protected, r.lease_grace_wh",
		forms:   "bbtbtiitii"},
	{name: "vendor", noun: "Vendor", prefix: id.Vendor, from: "vendor r", key: "id", order: "r.version",
		columns: "r.code, r.name, r.billing, r.commission_bps, r.credit_limit, r.status", forms: "tttiit"},
	{name: "debt", noun: "Debt", prefix: id.Debt, from: "debt r", key: "id", order: "0",
		columns: "r.account_id, r.kind, r.principal, r.mode, r.value, r.min, r.max, r.month_cap, r.priority, r.capped, r.against, r.memo, r.created_at",
		forms:   "btitiiiiiitti"},
	{name: "charge", noun: "Charge", prefix: id.Charge, from: "charge_due r", key: "id", order: "r.version",
		columns: "r.account_id, r.kind, r.month, r.amount_gross, r.vat_bps, r.priority, r.capped", forms: "bttiiii"},
	{name: "approval", noun: "Approval", prefix: id.Approval, from: "approval r", key: "id", order: "r.version",
		columns: "r.act, r.need, r.object, r.summary, r.body, r.maker_id, r.maker, r.checker_id, r.checker, r.state, r.reason, r.decided_at",
		forms:   "tttttbtbttti"},
	{name: "sale", noun: "Sale", prefix: id.Vend, key: "id", order: "r.version", // one that waits for its token; see VendReserve
		from: "vend r LEFT JOIN vend_line l ON l.tenant_id = r.tenant_id AND l.vend_id = r.id LEFT JOIN token t ON t.tenant_id = r.tenant_id AND t.vend_id = r.id " +
			"LEFT JOIN vend_seller s ON s.tenant_id = r.tenant_id AND s.vend_id = r.id",
		columns: "r.vendor_key, r.client_ref, r.order_hash, r.meter, r.meter_key_id, r.account_id, r.till, r.mode, r.currency, r.tender, r.carry_in, r.carry_out, " +
			"r.units_wh, r.free_wh, r.month, r.mtd_before_wh, r.tariff_version_id, r.by_actor, r.priced_at, l.kind, l.ref, l.amount, l.vat, l.steps_json, " +
			"t.id, t.tid, t.units_wh, s.account_code, s.hold_id, s.commission, s.commission_vat",
		forms: "ttbibbtttiiiii" + "tibti" + "ttiit" + "bii" + "ibii", sort: ", l.seq, t.tid", must: " AND r.state = 'held'"},
	{name: "reversal", noun: "Reversal", prefix: id.Reversal, key: "id", order: "r.version",
		from:    "reversal r LEFT JOIN reversal_token c ON c.tenant_id = r.tenant_id AND c.reversal_id = r.id",
		columns: "r.vend_id, r.state, r.confirmed, r.failure, r.reason, r.by_actor, r.settled_at, c.token_id, c.command_id, c.taken",
		forms:   "btitttibbt", sort: ", c.token_id"},
	{name: "job", noun: "Job", prefix: id.Job, order: "r.version", key: "id",
		from: "token_job r LEFT JOIN units_transfer u ON u.tenant_id = r.tenant_id AND u.job_id = r.id",
		columns: "r.ref, r.kind, r.meter, r.meter_key_id, r.new_key_id, r.account_id, r.units_wh, r.value, r.reason_code, r.reason, r.replaces, " +
			"r.by_actor, r.approved_by, r.state, u.id, u.meter, u.account_id, u.units_wh, u.reason_code, u.reason, u.by_actor, u.approved_by",
		forms: "ttibbbiittb" + "ttt" + "bibitttt"},
	{name: "token", noun: "Token", prefix: id.Token, from: "token r", key: "id", order: "0",
		// tokens of sales have their evidence in the sale's, and a token without digits is none yet
		must:    " AND r.job_id IS NOT NULL AND r.digits_enc IS NOT NULL",
		columns: "r.job_id, r.meter, r.meter_key_id, r.tid, r.base_date, r.class, r.subclass, r.rnd, r.units_wh, r.digits_enc, r.digits_hash, r.issued_at",
		forms:   "bibiiiiiibbi"},
	{name: "apikey", noun: "API key", prefix: id.Key, from: "api_key r", key: "id", order: "COALESCE(r.revoked_at, 0)",
		columns: "r.hash, r.name, r.role, r.vendor_id, r.answers, r.expires_at, r.revoked_at", forms: "bttbbii"},
	{name: "integration", noun: "Integration login", prefix: id.Login, from: "integration_login r", key: "id", order: "COALESCE(r.revoked_at, 0)",
		columns: "r.hash, r.name, r.customer_id, r.revoked_at", forms: "btbi"},
	{name: "person", noun: "Person", prefix: id.Person, key: "id", order: "r.version",
		from:    "person r LEFT JOIN role_binding b ON b.tenant_id = r.tenant_id AND b.person_id = r.id",
		columns: "r.email, r.pw_hash, r.status, b.role, b.scope", forms: "ttttt", sort: ", b.role, b.scope"},
}

// rowSum hashes the attested columns of one row or, where an identity has several, of one after the other.
type rowSum struct{ leaf *seal.Leaf }

func newRowSum(kind string) rowSum { return rowSum{seal.NewLeaf("paywatt row 1 " + kind)} }

// add takes the columns from col on, read as forms says.
func (s rowSum) add(r Row, col int, forms string) {
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

// sum is the hash: half of SHA-256, because nobody can choose what is hashed freely enough to need the other half
// against a second preimage.
func (s rowSum) sum() evidenceSum {
	whole := s.leaf.Sum()
	return evidenceSum(whole[:16])
}

// evidenceSum is the hash of a row as evidence carries it.
type evidenceSum [16]byte

// evidence is one entry of an audit row's evidence.
type evidence struct {
	kind, name string
	order      int64
	sum        evidenceSum
	was        evidenceSum // of the row before it was written; zero where there was none, or where rows are never changed
}

func (e evidence) String() string {
	text := e.kind + " " + e.name + " " + strconv.FormatInt(e.order, 10) + " " + hex.EncodeToString(e.sum[:])
	if e.was != (evidenceSum{}) {
		text += " " + hex.EncodeToString(e.was[:])
	}
	return text
}

// parseEvidence reads what String wrote.
func parseEvidence(line string) (e evidence, ok bool) {
	parts := strings.Split(line, " ")
	if len(parts) == 4 {
		parts = append(parts, strings.Repeat("00", len(e.was)))
	}
	if len(parts) != 5 {
		return evidence{}, false
	}
	order, err := strconv.ParseInt(parts[2], 10, 64)
	sum, broken := hex.DecodeString(parts[3])
	was, torn := hex.DecodeString(parts[4])
	if err != nil || broken != nil || torn != nil || len(sum) != len(e.sum) || len(was) != len(e.was) {
		return evidence{}, false
	}
	return evidence{parts[0], parts[1], order, evidenceSum(sum), evidenceSum(was)}, true
}

// Kinds of evidence without a place in attestedKinds.
const (
	evidenceOnce   = "once"   // a stored answer of a request that moved money
	evidenceTenant = "tenant" // the tenant's settings
)

// attest notes that a row of a kind was written for the first time. Its hash goes into the evidence of an audit row of this
// transaction.
func (tx *Tx) attest(kind string, row id.ID) error {
	k := kindNamed(kind)
	e, found, err := tx.rowEvidence(k, row)
	if err == nil && !found {
		err = fmt.Errorf("%w: the row just written is not there", ErrInvariant)
	}
	if err != nil {
		return fmt.Errorf("attest %s %s: %w", k.name, row.Text(k.prefix), err)
	}
	tx.evidence = append(tx.evidence, e)
	return nil
}

// rewrite runs write, which writes a row of a kind that may be there already, and notes the row as it was and as it is. So
// who changes a row behind the server's back is found even when the server has written it since: no entry left the row
// that the next one begins with. A row that write has left alone is not noted.
func (tx *Tx) rewrite(kind string, row id.ID, write func() error) error {
	k := kindNamed(kind)
	if lock := tx.C.ForUpdate(); lock != "" { // alone: a statement that waits for a lock sees what it joins as it was before
		err := tx.C.Query(`SELECT r.`+k.key+` FROM `+k.table()+` r WHERE r.tenant_id = $1 AND r.`+k.key+` = $2`+lock, func(Row) error { return nil }, tx.Tenant, row)
		if err != nil {
			return fmt.Errorf("lock %s %s: %w", k.name, row.Text(k.prefix), err)
		}
	}
	return tx.rewriteLocked(k, row, write)
}

// rewriteLocked is rewrite of a row that is locked already.
func (tx *Tx) rewriteLocked(k *attestedKind, row id.ID, write func() error) error {
	was, before, err := tx.rowEvidence(k, row)
	if err == nil {
		err = write()
	}
	if err != nil {
		return err
	}
	e, found, err := tx.rowEvidence(k, row)
	switch {
	case err != nil:
		return fmt.Errorf("attest %s %s: %w", k.name, row.Text(k.prefix), err)
	case found && (!before || e.order != was.order || e.sum != was.sum):
		if before {
			e.was = was.sum
		}
		tx.evidence = append(tx.evidence, e)
	}
	return nil
}

// rowEvidence is the evidence of a row as it stands.
func (tx *Tx) rowEvidence(k *attestedKind, row id.ID) (e evidence, found bool, err error) {
	s := newRowSum(k.name)
	e = evidence{kind: k.name, name: row.Text(k.prefix)}
	err = tx.C.Query(`SELECT `+k.order+`, `+k.columns+` FROM `+k.from+` WHERE r.tenant_id = $1 AND r.`+k.key+` = $2 ORDER BY r.`+k.key+k.sort, func(r Row) error {
		e.order, found = r.Int(0), true
		s.add(r, 1, k.forms)
		return nil
	}, tx.Tenant, row)
	e.sum = s.sum()
	return e, found, err
}

func kindNamed(name string) *attestedKind {
	for i := range attestedKinds {
		if attestedKinds[i].name == name {
			return &attestedKinds[i]
		}
	}
	panic("no attested kind " + name)
}

// rewriteTenant is rewrite for the tenant's row. write reports whether it has changed it.
func (tx *Tx) rewriteTenant(write func() (bool, error)) (bool, error) {
	was, err := tx.tenantEvidence(tx.C.ForUpdate())
	if err != nil {
		return false, err
	}
	changed, err := write()
	if err != nil || !changed {
		return false, err
	}
	e, err := tx.tenantEvidence("")
	e.was = was.sum
	tx.evidence = append(tx.evidence, e)
	return true, err
}

func (tx *Tx) tenantEvidence(lock string) (evidence, error) {
	e, s := evidence{kind: evidenceTenant, name: strconv.FormatInt(int64(tx.Tenant), 10)}, newRowSum(evidenceTenant)
	_, err := tx.one(`SELECT version, name, currency, exp, tz, vat_no, settings FROM tenant WHERE id = $1`+lock, func(r Row) error {
		e.order = r.Int(0)
		s.add(r, 1, "ttittt")
		return nil
	}, tx.Tenant)
	e.sum = s.sum()
	if err != nil {
		err = fmt.Errorf("attest tenant %d: %w", tx.Tenant, err)
	}
	return e, err
}

// onceEvidence is the evidence of a stored answer.
func onceEvidence(o access.Once, status int, sealed []byte) evidence {
	l := seal.NewLeaf("paywatt row 1 once").Text(string(o.Hash[:])).Int(int64(status)).Text(string(sealed))
	return evidence{kind: evidenceOnce, name: url.QueryEscape(o.Principal) + "/" + url.QueryEscape(o.Key), sum: rowSum{l}.sum()}
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
