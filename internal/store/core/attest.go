package core

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/seal"
)

// AttestedKind is a table with attested columns: all columns, or those that decide about money. Nobody can change these columns
// undetected. A transaction that writes such a row puts a hash of the columns into an audit row, which is sealed. Verification compares
// the hash with the row. Journals need no such hash, because their own leaves are in the log. Completed sales and their tokens have their
// hashes in their own audit rows.
type AttestedKind struct {
	Name   string // name of the kind in evidence
	Noun   string // noun for the kind in findings
	Prefix string // prefix of the identity
	From   string // FROM clause; the row's own table has the alias r
	Key    string // column that holds the identity
	Proof  Proof  // attested columns
	Order  string // rises with every attested write; of several hashes of a row, the one with the highest order counts
	Sort   string // more columns to sort by where an identity has several rows
	Must   string // extra SQL condition for the rows that must have evidence; empty if all must. Other rows may have evidence too
	Marked bool   // whether the table has a column mark; see [Tx.Genuine]
	// Later lists more evidence of the same rows, for columns that became attested later: one kind for each time, the oldest first. The server
	// writes all of them whenever it writes one of these rows. A row that was sealed before lacks the newest until then, and verifies by those
	// that it has. So the columns of a released kind must not change: more of them need another kind.
	Later []*AttestedKind
	// Optional says that a row may have no evidence. What the columns were before the first evidence is then unknown.
	Optional bool
}

// WithLater returns the kind with one more kind of later evidence, named by one more plus.
func (k AttestedKind) WithLater(columns Proof) AttestedKind { return k.WithLaterOf("", columns) }

// WithLaterOf is WithLater for columns of another table, which join adds to FROM. They count where the other table has a row for this one.
func (k AttestedKind) WithLaterOf(join string, columns Proof) AttestedKind {
	later := k
	later.Name += strings.Repeat("+", len(k.Later)+1)
	later.From += join
	if join != "" {
		columns.Forms = strings.ToUpper(columns.Forms)
	}
	later.Proof, later.Later, later.Optional, later.Marked = columns, nil, true, false
	k.Later = append(slices.Clip(k.Later), &later)
	return k
}

// ListKinds returns kinds, and after them the kinds of their later evidence.
func ListKinds(kinds ...*AttestedKind) []*AttestedKind {
	all := slices.Clone(kinds)
	for _, k := range kinds {
		all = append(all, k.Later...)
	}
	return all
}

// RowSum hashes the attested columns of one row, or of all rows of an identity in order.
type RowSum struct{ leaf *seal.Leaf }

// NewRowSum begins the hash of a row of a kind.
func NewRowSum(kind string) RowSum { return RowSum{seal.NewLeaf("paywatt row 1 " + kind)} }

// Add hashes the columns of p, which begin at col. The form of a column is i for an integer, b for bytes, any other for text. An added
// column has a capital letter: it counts with its name, and only if it is not NULL.
func (s RowSum) Add(r Row, col int, p Proof) {
	for i, form := range p.Forms {
		switch added := form >= 'A' && form <= 'Z'; {
		case added && r.IsNull(col+i):
			continue
		case added:
			s.leaf.Text(p.name(i))
			form += 'a' - 'A'
		case r.IsNull(col + i):
			s.leaf.Int(0)
			continue
		default:
			s.leaf.Int(1)
		}
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

// Sum returns the first half of the SHA-256. Half is enough against a second preimage, because nobody can choose the hashed values freely.
func (s RowSum) Sum() EvidenceSum {
	whole := s.leaf.Sum()
	return EvidenceSum(whole[:16])
}

// EvidenceSum is the hash of a row in evidence.
type EvidenceSum [16]byte

// Evidence is one entry of an audit row's evidence.
type Evidence struct {
	Kind, Name string
	Order      int64
	Sum        EvidenceSum
	Was        EvidenceSum // hash of the row before this write; zero for a new row, or if rows of the kind never change
}

func (e Evidence) String() string {
	text := e.Kind + " " + e.Name + " " + strconv.FormatInt(e.Order, 10) + " " + hex.EncodeToString(e.Sum[:])
	if e.Was != (EvidenceSum{}) {
		text += " " + hex.EncodeToString(e.Was[:])
	}
	return text
}

// ParseEvidence reads the form that String writes.
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

// Kinds of evidence that are not an AttestedKind.
const (
	EvidenceOnce   = "once"   // a stored answer of a request that moved money
	EvidenceTenant = "tenant" // the tenant's settings
)

// Attest notes that a row of a kind was written for the first time. The hash of the row goes into the evidence of an audit row
// of this transaction.
func (tx *Tx) Attest(kind string, row id.ID) error {
	k := tx.Kind(kind)
	e, found, err := tx.RowEvidence(k, row)
	if err == nil && !found {
		err = fmt.Errorf("%w: the row just written is missing", ErrInvariant)
	}
	if err != nil {
		return fmt.Errorf("attest %s %s: %w", k.Name, row.Text(k.Prefix), err)
	}
	tx.evidence = append(tx.evidence, e)
	for _, later := range k.Later {
		e, _, err := tx.RowEvidence(later, row)
		if err != nil {
			return fmt.Errorf("attest %s %s: %w", later.Name, row.Text(k.Prefix), err)
		}
		tx.evidence = append(tx.evidence, e)
	}
	return tx.putMark(k, row, e.Sum)
}

// Rewrite runs the function write, which writes a row that may exist already, and notes the hash of the row before and after. If somebody
// changes the row outside the server, the hash after one entry differs from the hash before the next entry. So the change is found even if
// the server writes the row again. Rewrite notes nothing if write did not change the row.
func (tx *Tx) Rewrite(kind string, row id.ID, write func() error) error {
	k := tx.Kind(kind)
	// Lock the row in a separate statement. A statement that has to wait for a lock reads joined tables as they were before the wait.
	if lock := tx.C.ForUpdate(); lock != "" {
		err := tx.C.Query(`SELECT r.`+k.Key+` FROM `+k.Table()+` r WHERE r.tenant_id = $1 AND r.`+k.Key+` = $2`+lock, func(Row) error { return nil }, tx.Tenant, row)
		if err != nil {
			return fmt.Errorf("lock %s %s: %w", k.Name, row.Text(k.Prefix), err)
		}
	}
	return tx.RewriteLocked(k, row, write)
}

// RewriteLocked does the work of Rewrite for a row that is already locked.
func (tx *Tx) RewriteLocked(k *AttestedKind, row id.ID, write func() error) error {
	for _, later := range k.Later {
		inner := write
		write = func() error { return tx.rewriteOf(later, row, inner) }
	}
	return tx.rewriteOf(k, row, write)
}

// rewriteOf does the work of Rewrite for the evidence of one kind.
func (tx *Tx) rewriteOf(k *AttestedKind, row id.ID, write func() error) error {
	was, before, err := tx.RowEvidence(k, row)
	genuine := true
	if err == nil && before {
		genuine, err = tx.Genuine(k, tx.Tenant, row)
	}
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
		if genuine {
			return tx.putMark(k, row, e.Sum)
		}
	}
	return nil
}

// RowEvidence returns the evidence of a row in its present state.
func (tx *Tx) RowEvidence(k *AttestedKind, row id.ID) (e Evidence, found bool, err error) {
	return tx.rowEvidence(k, tx.Tenant, row)
}

func (tx *Tx) rowEvidence(k *AttestedKind, tenant access.Tenant, row id.ID) (e Evidence, found bool, err error) {
	s := NewRowSum(k.Name)
	e = Evidence{Kind: k.Name, Name: row.Text(k.Prefix)}
	err = tx.C.Query(`SELECT `+k.Order+`, `+k.Proof.Columns+` FROM `+k.From+` WHERE r.tenant_id = $1 AND r.`+k.Key+` = $2 ORDER BY r.`+k.Key+k.Sort, func(r Row) error {
		e.Order, found = r.Int(0), true
		s.Add(r, 1, k.Proof)
		return nil
	}, tenant, row)
	e.Sum = s.Sum()
	return e, found, err
}

// RowEvidences does the work of RowEvidence for several rows. A row that does not exist is missing.
func (tx *Tx) RowEvidences(k *AttestedKind, rows []id.ID) (map[id.ID]Evidence, error) {
	out := make(map[id.ID]Evidence, len(rows))
	var s RowSum
	var e Evidence
	var row id.ID
	end := func() {
		if !row.IsZero() {
			e.Sum = s.Sum()
			out[row] = e
		}
	}
	err := ReadBy(tx, Keyed{Query: `SELECT r.` + k.Key + `, ` + k.Order + `, ` + k.Proof.Columns + ` FROM ` + k.From + ` WHERE r.tenant_id = $1 AND r.` + k.Key + ` `,
		Form: 'b', Order: ` ORDER BY r.` + k.Key + k.Sort}, rows, func(r Row) error {
		if i := r.ID(0); i != row {
			end()
			row, s, e = i, NewRowSum(k.Name), Evidence{Kind: k.Name, Name: i.Text(k.Prefix)}
		}
		e.Order = r.Int(1)
		s.Add(r, 2, k.Proof)
		return nil
	})
	end()
	return out, err
}

// Kinds lists the tables whose rows have evidence, in the order in which findings name them.
func (tx *Tx) Kinds() []*AttestedKind { return tx.kinds }

// Kind returns the attested table with the given name in evidence. It panics for an unknown name.
func (tx *Tx) Kind(name string) *AttestedKind {
	for _, k := range tx.kinds {
		if k.Name == name {
			return k
		}
	}
	panic("no attested kind " + name)
}

// rewriteTenant does the work of Rewrite for the tenant's row. The function write reports whether it changed the row.
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
	proof := TenantProof()
	_, err := tx.One(`SELECT version, `+proof.Columns+` FROM tenant WHERE id = $1`+lock, func(r Row) error {
		e.Order = r.Int(0)
		s.Add(r, 1, proof)
		return nil
	}, tx.Tenant)
	e.Sum = s.Sum()
	if err != nil {
		err = fmt.Errorf("attest tenant %d: %w", tx.Tenant, err)
	}
	return e, err
}

// OnceEvidence returns the evidence of a stored answer.
func OnceEvidence(o access.Once, status int, sealed []byte) Evidence {
	l := seal.NewLeaf("paywatt row 1 once").Text(string(o.Hash[:])).Int(int64(status)).Text(string(sealed))
	return Evidence{Kind: EvidenceOnce, Name: url.QueryEscape(o.Principal) + "/" + url.QueryEscape(o.Key), Sum: RowSum{l}.Sum()}
}

// Finish ends a closure that succeeded. It writes the audit rows. The last audit row gets the evidence of all changed rows. If there is
// evidence but no audit row, Finish adds an audit row. An engine calls it with the results of the closure.
func (tx *Tx) Finish(refused bool, err error) (bool, error) {
	if err != nil || refused {
		return refused, err
	}
	if len(tx.evidence) > 0 && len(tx.audit) == 0 {
		tx.audit = append(tx.audit, access.Entry{Actor: "paywatt", Action: ActionEvidence, At: tx.Now})
	}
	for n := range tx.audit {
		text := ""
		if n == len(tx.audit)-1 {
			text = tx.evidenceText()
		}
		if err := tx.writeAudit(&tx.audit[n], text); err != nil {
			return false, err
		}
	}
	tx.audit, tx.evidence = nil, nil
	return false, nil
}

// ActionEvidence is the action of audit rows that only carry evidence. They belong to changes that no person made, such as a meter's
// confirmation of its new key.
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

// Table returns the name of the kind's own table, without the joined tables.
func (k *AttestedKind) Table() string {
	name, _, _ := strings.Cut(k.From, " ")
	return name
}
