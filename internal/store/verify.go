package store

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store/core"
)

// Finding is one fault, notice or remark of a verification.
type Finding struct {
	Rule string // which invariant, in a word or two: "journal", "balance", "log"
	What string // a sentence for a person
}

// Figure is one count in a report, such as the number of checked journals.
type Figure struct {
	Name string
	N    int64
}

// MaxFindings is the largest number of findings that a report lists. It is also the limit for notices and for remarks. More counts the
// rest.
const MaxFindings = 100

// Report is the result of [Verify].
type Report struct {
	Figures  []Figure
	Findings []Finding // the books are wrong or cannot be proven
	Notices  []Finding // the books are whole, but somebody should look: a meter took a token that nobody sold
	Remarks  []Finding // nothing is wrong, but worth knowing: a wallet is overdrawn
	Older    int       // schema of an older database that was checked in an upgraded copy; 0 if the database itself was checked
	Nobodys  []string  // API keys that can move value and belong to nobody
	TwoKeys  []string  // meters whose link key has been being replaced for longer than LongOverlap
	Names    []string  // names that several running servers have
	People   bool      // there are people who sign in
	More     int       // number of findings, notices and remarks that are not listed; see MaxFindings
}

// Sound reports whether the books are whole and proven. A sound report may have notices and remarks.
func (r *Report) Sound() bool { return len(r.Findings) == 0 }

// RuleHeads is the rule of findings about the file that keeps signed heads: the proof of the books is damaged, not the books.
const RuleHeads = "heads.log"

// Stops returns the first finding about the books themselves. With such a finding the server should stop selling.
func (r *Report) Stops() (Finding, bool) {
	for _, f := range r.Findings {
		if f.Rule != RuleHeads {
			return f, true
		}
	}
	return Finding{}, false
}

// Disagrees returns the first finding about the signed log: about a head, or about a row whose hash the log holds. Without such a finding the
// database agrees with the heads, if the report lists all findings.
func (r *Report) Disagrees() (Finding, bool) {
	for _, f := range r.Findings {
		if slices.Contains([]string{"head", "log", "leaf"}, f.Rule) {
			return f, true
		}
	}
	return Finding{}, false
}

// Find adds a finding.
func (r *Report) Find(rule, format string, args ...any) { r.put(&r.Findings, rule, format, args) }

// Notice adds a notice.
func (r *Report) Notice(rule, format string, args ...any) { r.put(&r.Notices, rule, format, args) }

// Remark adds a remark.
func (r *Report) Remark(rule, format string, args ...any) { r.put(&r.Remarks, rule, format, args) }

func (r *Report) put(to *[]Finding, rule, format string, args []any) {
	if len(*to) >= MaxFindings {
		r.More++
		return
	}
	*to = append(*to, Finding{Rule: rule, What: fmt.Sprintf(format, args...)})
}

// Count adds n to a figure, which it creates if needed.
func (r *Report) Count(name string, n int64) {
	for i := range r.Figures {
		if r.Figures[i].Name == name {
			r.Figures[i].N += n
			return
		}
	}
	r.Figures = append(r.Figures, Figure{name, n})
}

// Trust holds the keys and heads against which a database is checked. The database itself does not hold them.
type Trust struct {
	Keys  seal.Chain  // the seal key with the keys before it
	Heads []seal.Head // signed heads of the tenant that were stored elsewhere, already checked against Keys
	// Digits opens the sealed digits of a token and returns their keyed hash; nil without the data key.
	Digits func(token id.ID, sealed []byte) (hash []byte, err error)
	// Newer says that heads may be newer than the database, because it is a backup.
	Newer bool
	// NoHeads says that the file of signed heads beside the database has no head of this tenant.
	NoHeads bool
	// AtOnce says that the engine seals every journal and audit row in the commit that writes the row. If the engine does this, the server
	// did not write the rows that have no seal.
	AtOnce bool
	// Mark returns the mark of a row that waits for its seal, if the engine seals later; nil if the mark cannot be computed.
	Mark func(leaf [32]byte) []byte
	// Markers make the marks of rows that let somebody sign in, one for each data key that may be in use: two while a rotation is under way,
	// none without the data key.
	Markers []core.Marker
	// Pass is the number of rows whose evidence one pass over the audit log holds in memory; 0 for the default, which is small enough for
	// every machine.
	Pass int64
}

// NotCovered lists the facts that a verification cannot prove, for people who rely on a verification.
func NotCovered() []string {
	return []string{
		"the columns that docs/reference/unproven.md lists, each with its reason; this list sums them up",
		"what meters sent: readings, events, answers to commands, and a token report that was removed together with the state it gave the token",
		"when and how often rows were written, where no figure depends on it",
		"names and addresses of customers that an older version wrote and nobody has changed since, " +
			"and what else is stored about people, which must stay erasable",
		"pending deliveries (the server carries out one that an intruder adds), how far commands are, copies of receipts, alarms, reservations",
		"in wallets: whether the supply should be on, leases, warnings, fractions of a minor unit, and which rate of the tariff priced the energy that is not posted yet",
		"whether a recorded restore was genuine: the report says how often the books were restored, but not who restored them",
		"stored answers to refused requests, and answers that are kept for only a week",
		"rows cut from the end of the log, if every signed head that covers them was deleted too, also those kept elsewhere (--head)",
		"books rewritten completely by somebody who has the signing key and can replace every head kept elsewhere",
	}
}

// check is one part of a verification.
type check struct {
	name string
	run  func(*Report) error
}

// Verify checks everything that can be checked about one tenant, from the rows alone and with separate queries. It shares only the form of
// leaves with the code that wrote the rows. It only reads; findings go into the report. An error means that the database could not be read
// to the end.
func Verify(tx *Tx, t Trust, r *Report) error {
	if err := VerifyBooks(tx, r); err != nil {
		return err
	}
	return tx.verify(r, check{"log", func(r *Report) error { return tx.verifyLog(t, r) }}, check{"sales", tx.verifySales},
		check{"sales and journals", tx.verifySalesBooked}, check{"sales and what was sealed", tx.verifyEvidence}, check{"months", tx.verifyMonths},
		check{"charges", tx.verifyCharges}, check{"debts", tx.verifyDebts}, check{"wallets", tx.verifyWallets},
		check{"what meters sent", tx.verifyReceived}, check{"tokens", tx.verifyTokens}, check{"keys of tokens", tx.verifyTokenKeys},
		check{"restores", tx.noteRestores}, check{"receipts", tx.verifyReceipts}, check{"token reports", tx.verifyReports}, check{"what meters have", tx.verifyLoaded},
		check{"reversals", tx.verifyMirrors}, check{"failed sales", tx.verifyFailed}, check{"limits", tx.verifyLimits}, check{"form", tx.verifyForm},
		check{"payments", tx.verifyPayments}, check{"vouchers", tx.verifyVouchers}, check{"counters", tx.verifyCounters},
		check{"closed days", tx.verifyDays}, check{"what papers say", tx.verifyPapers}, check{"ceilings", tx.verifyCeilings},
		check{"TIDs without tokens", tx.verifyFloors},
		check{"rows with evidence", func(r *Report) error { return tx.verifyAttested(t.Pass, r) }},
		check{"marks", func(r *Report) error { return tx.verifyMarks(t.Markers, r) }}, check{"rows of no tenant", tx.verifyStrays},
		check{"stored answers", tx.verifyOnce}, check{"keys of nobody", tx.noteNobodys}, check{"link keys", tx.noteTwoKeys},
		check{"names of servers", tx.noteNames},
		check{"digits", func(r *Report) error { return tx.verifyDigits(r, t.Digits) }})
}

// VerifyBooks is the part of [Verify] that checks the ledger alone and needs no key. Every journal sums to zero and has the right leaf;
// every stored balance, hold and roll-up follows from the postings.
func VerifyBooks(tx *Tx, r *Report) error {
	return tx.verify(r, check{"journals", tx.verifyJournals}, check{"audit rows", tx.verifyAudit}, check{"balances", tx.verifyBalances},
		check{"holds", tx.verifyHolds}, check{"roll-ups", tx.verifyRollups})
}

// VerifyAll runs [Verify] for every tenant of a database. The function tx returns a tenant's Tx, always of the same snapshot. The function
// trust returns the key and heads against which to check a tenant, given the origin of its log. VerifyAll returns the origins of the logs.
func VerifyAll(tx func(access.Tenant) *Tx, trust func(t access.Tenant, origin string) Trust, r *Report) (origins []string, err error) {
	tenants, err := tx(FirstTenant).Tenants()
	if err != nil {
		return nil, err
	}
	if len(tenants) == 0 {
		r.Find("file", "The database has no tenant.")
	}
	for _, t := range tenants {
		origin, err := tx(t).Origin()
		if err == nil {
			err = Verify(tx(t), trust(t, origin), r)
		}
		if err != nil {
			return nil, err
		}
		origins = append(origins, origin)
	}
	return origins, nil
}

// LongOverlap is how long the replacement of a link key may take before doctor names the meter.
const LongOverlap = 30 * 24 * time.Hour

// WithoutHead says that a backup or a restored database was compared with no head.
const WithoutHead = core.WithoutHead

// noteRestores remarks on each restore, and with what its backup was compared. Older versions recorded nothing, nor does a promotion.
func (tx *Tx) noteRestores(r *Report) error {
	if tx.Tenant != FirstTenant {
		return nil
	}
	compared, err := tx.Compared()
	for _, c := range compared {
		switch c.With {
		case "":
			r.Remark("restore", "Store epoch %d began with a restored copy or a promoted standby, and nothing says with what it was compared. Nothing proves who made it.", c.Epoch)
		case WithoutHead:
			r.Remark("restore", "Store epoch %d began with a backup that was not compared with a head kept elsewhere. Nothing proves who made that backup.", c.Epoch)
		default:
			r.Remark("restore", "Store epoch %d began with a backup that was compared with %s.", c.Epoch, c.With)
		}
	}
	return err
}

// noteTwoKeys notes the meters whose link key has been being replaced for too long.
func (tx *Tx) noteTwoKeys(r *Report) error {
	numbers, err := tx.TwoLinkKeys(tx.Now.Add(-LongOverlap))
	r.TwoKeys = append(r.TwoKeys, numbers...)
	return err
}

// noteNames notes the names that several running servers have.
func (tx *Tx) noteNames(r *Report) (err error) {
	r.Names, err = tx.SharedNames()
	return err
}

// noteNobodys notes the API keys that can move value and belong to nobody.
func (tx *Tx) noteNobodys(r *Report) error {
	people, err := tx.HadPeople()
	if err != nil {
		return err
	}
	r.People = r.People || people
	for after, more := (id.ID{}), true; more; {
		page, err := tx.KeyPage(after, access.MaxKeys)
		if err != nil {
			return err
		}
		for _, k := range page {
			if after = k.ID; k.LacksOwner(tx.Now) {
				r.Nobodys = append(r.Nobodys, strings.TrimSpace(k.ID.Text(id.Key)+" "+k.Name))
			}
		}
		more = len(page) == access.MaxKeys
	}
	return nil
}

func (tx *Tx) verify(r *Report, checks ...check) error {
	for _, c := range checks {
		if err := c.run(r); err != nil {
			return fmt.Errorf("check %s of tenant %d: %w", c.name, tx.Tenant, err)
		}
	}
	return nil
}
