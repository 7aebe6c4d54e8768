package store

import (
	"cmp"
	"encoding/binary"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/books"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/meters"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/store/sales"
)

// attestedPass is the number of rows whose evidence one pass over the audit log holds in memory, unless a [Trust] sets another number. More
// rows take more passes.
const attestedPass = 1 << 19

// attestedKinds are the tables whose rows have evidence, in the order in which findings name them. Each table lists its columns.
var attestedKinds = append(core.ListKinds(
	&books.TariffKind, &books.VersionKind, &meters.KeyKind, &meters.MeterKind, &meters.BaseKind, &people.AccountKind, &sales.VendorKind,
	&books.DebtKind, &books.ChargeKind, &people.ApprovalKind, &sales.SaleKind, &sales.ReversalKind, &sales.JobKind, &sales.TokenKind,
	&people.KeyKind, &people.IntegrationKind, &people.PersonKind, &people.StandingKind, &people.DeviceKind, &people.OwnKind,
	&sales.ShiftKind, &books.DayKind, &meters.AdoptedKind, &meters.DevicePasswordKind,
	&meters.ConfigKind, &sales.SwapKind,
	&people.TariffChangeKind,
	&sales.ProviderKind, &sales.PaymentKind, &sales.PaymentRequestKind, &sales.VoucherBatchKind, &sales.VoucherIssueKind, &sales.StatementFileKind, &sales.ReconciliationKind, &sales.DifferenceKind,
	&people.WebhookKind, &people.PaperTextKind,
), &meters.EmergencyKind)

// attestedKey names a row of one of these tables.
type attestedKey struct {
	kind int
	row  id.ID
}

// attestedNow is the newest evidence of a row.
type attestedNow struct {
	order int64
	sum   core.EvidenceSum
	chain core.EvidenceSum // XOR of the sums before and after all entries; in an unbroken history all but the newest sum cancel out
	begun int64            // order of the oldest entry
	from  core.EvidenceSum // sum before the oldest entry
	seen  bool
}

// follow takes another entry of the row.
func (n attestedNow) follow(e core.Evidence, first bool) attestedNow {
	for i := range n.chain {
		n.chain[i] ^= e.Sum[i] ^ e.Was[i]
	}
	if first || e.Order >= n.order {
		n.order, n.sum = e.Order, e.Sum
	}
	if first || e.Order < n.begun {
		n.begun, n.from = e.Order, e.Was
	}
	return n
}

// ofKind returns the newest evidence of a row of a kind. The first evidence of an optional kind may begin with any values.
func (n attestedNow) ofKind(k *core.AttestedKind) attestedNow {
	if k.Optional {
		for i := range n.chain {
			n.chain[i] ^= n.from[i]
		}
	}
	return n
}

// verifyAttested compares the rows of attested tables with their newest evidence: no row was changed, inserted or deleted outside the server.
// The parameter pass is the number of rows that one pass remembers.
func (tx *Tx) verifyAttested(pass int64, r *Report) error {
	rows := int64(0)
	for _, k := range tx.Kinds() {
		n, err := tx.Number(`SELECT COUNT(*) FROM `+k.Table()+` r WHERE r.tenant_id = $1`+k.Must, tx.Tenant)
		if err != nil {
			return err
		}
		rows += n
	}
	if pass == 0 {
		pass = attestedPass
	}
	passes := 1 + uint64(rows)/uint64(pass)
	for pass := range passes {
		mine := func(row id.ID) bool { return binary.BigEndian.Uint64(row[8:])%passes == pass }
		known, err := tx.attested(mine)
		if err != nil {
			return err
		}
		for i := range tx.Kinds() {
			if err := tx.compareAttested(r, i, known, mine); err != nil {
				return err
			}
		}
		if err := tx.unseenAttested(r, known); err != nil {
			return err
		}
	}
	return tx.verifyTenantRow(r)
}

// unseenAttested checks the rows that have evidence but are not among the rows that must have it. A sale is not when it has its token, or failed.
// Such sales are read in slices: an issuer that answers later leaves one for each sale.
func (tx *Tx) unseenAttested(r *Report, known map[attestedKey]attestedNow) error {
	slice := make([]attestedKey, 0, core.SliceRows)
	compare := func() error {
		if len(slice) == 0 {
			return nil
		}
		rows := make([]id.ID, len(slice))
		for n, key := range slice {
			rows[n] = key.row
		}
		k := tx.Kinds()[slice[0].kind]
		all, err := tx.RowEvidences(k, rows)
		for _, key := range slice {
			if e, found := all[key.row]; err == nil && found {
				compareRow(r, k, key.row, known[key], e.Sum)
			} else if err == nil {
				gone(r, k, key.row)
			}
		}
		slice = slice[:0]
		return err
	}
	for key, now := range known {
		switch k := tx.Kinds()[key.kind]; {
		case now.seen:
		case k.Name != "sale":
			gone(r, k, key.row)
		default:
			if slice = append(slice, key); len(slice) == core.SliceRows {
				if err := compare(); err != nil {
					return err
				}
			}
		}
	}
	return compare()
}

// gone reports that a row with evidence is missing.
func gone(r *Report, k *core.AttestedKind, row id.ID) {
	r.Find("row", "%s %s is missing, but the sealed audit log has a record of it.", k.Noun, row.Text(k.Prefix))
}

// compareRow compares a row as it is with its evidence.
func compareRow(r *Report, k *core.AttestedKind, row id.ID, now attestedNow, sum core.EvidenceSum) {
	switch now := now.ofKind(k); {
	case now.sum != sum:
		r.Find("row", "%s %s was changed outside the server: its row does not match the sealed audit log.", k.Noun, row.Text(k.Prefix))
	case now.chain != sum:
		r.Find("row", "%s %s was changed or added outside the server, and the server wrote it again later. The row now matches the sealed audit log, but its history does not.",
			k.Noun, row.Text(k.Prefix))
	}
}

// verifyStrays checks that no row belongs to a tenant that does not exist. No other check would see such a row.
func (tx *Tx) verifyStrays(r *Report) error {
	if tx.Tenant != FirstTenant { // the check runs once for all tenants
		return nil
	}
	seen := map[string]bool{}
	for _, t := range []string{"journal", "posting", "audit", "vend", "usage_month", "ledger_account", "idempotency"} {
		seen[t] = true
	}
	for _, k := range tx.Kinds() {
		seen[k.Table()] = true
	}
	for _, t := range slices.Sorted(maps.Keys(seen)) {
		n, err := tx.Number(`SELECT COUNT(*) FROM ` + t + ` WHERE tenant_id NOT IN (SELECT id FROM tenant)`)
		if err != nil {
			return err
		}
		if n > 0 {
			r.Find("row", "%d rows of table %s belong to a tenant that does not exist. The tenant was removed, or the rows were added outside the server.", n, t)
		}
	}
	return nil
}

// attested reads the newest evidence of rows.
func (tx *Tx) attested(mine func(id.ID) bool) (map[attestedKey]attestedNow, error) {
	known := make(map[attestedKey]attestedNow)
	return known, tx.eachEvidence(func(_ string, e core.Evidence) error {
		for i, k := range tx.Kinds() {
			if k.Name != e.Kind {
				continue
			}
			row, err := id.Parse(k.Prefix, e.Name)
			if err != nil || !mine(row) {
				return nil // the server writes no such name; if somebody edited it, the leaf of its audit row shows it
			}
			key := attestedKey{i, row}
			was, ok := known[key]
			known[key] = was.follow(e, !ok)
		}
		return nil
	})
}

// eachEvidence calls fn with every entry of evidence and the object of its audit row.
func (tx *Tx) eachEvidence(fn func(object string, e core.Evidence) error) error {
	return tx.C.Query(`SELECT object, evidence FROM audit WHERE tenant_id = $1 AND evidence <> '' ORDER BY id`, func(w core.Row) error {
		object := w.Text(0)
		for line := range strings.SplitSeq(w.Text(1), "\n") {
			if e, ok := core.ParseEvidence(line); ok {
				if err := fn(object, e); err != nil {
					return err
				}
			}
		}
		return nil
	}, tx.Tenant)
}

// compareAttested compares the rows of one kind with their evidence.
func (tx *Tx) compareAttested(r *Report, kind int, known map[attestedKey]attestedNow, mine func(id.ID) bool) error {
	k := tx.Kinds()[kind]
	var row id.ID
	var sum core.RowSum
	rows, begun := int64(0), false
	check := func() {
		if !begun || !mine(row) {
			return
		}
		rows++
		if row.IsZero() { // an invalid ID is read as zero, and an actor with the ID zero would pass for the server itself
			r.Find("row", "%s without an ID was added outside the server. The server writes no such rows.", k.Noun)
			return
		}
		key := attestedKey{kind, row}
		now, ok := known[key]
		if !ok && k.Optional {
			return
		}
		if !ok {
			r.Find("row", "%s %s was added outside the server: the sealed audit log has no record of it.", k.Noun, row.Text(k.Prefix))
			return
		}
		compareRow(r, k, row, now, sum.Sum())
		now.seen = true
		known[key] = now
	}
	err := tx.C.Query(`SELECT r.`+k.Key+`, `+k.Proof.Columns+` FROM `+k.From+` WHERE r.tenant_id = $1`+k.Must+` ORDER BY r.`+k.Key+k.Sort, func(w core.Row) error {
		if i := w.ID(0); i != row || i.IsZero() {
			check()
			row, sum, begun = i, core.NewRowSum(k.Name), true
		}
		sum.Add(w, 1, k.Proof)
		return nil
	}, tx.Tenant)
	check()
	r.Count("rows with evidence", rows)
	return err
}

// verifyTenantRow compares the tenant's own row with its newest evidence. Without evidence the row must be as it was created.
func (tx *Tx) verifyTenantRow(r *Report) error {
	var all []core.Evidence
	err := tx.eachEvidence(func(_ string, e core.Evidence) error {
		if e.Kind == core.EvidenceTenant {
			all = append(all, e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b core.Evidence) int { return cmp.Compare(a.Order, b.Order) })
	var newest core.Evidence
	for n, e := range all {
		if n > 0 && e.Was != newest.Sum {
			r.Find("row", "The settings of tenant %d were changed outside the server between their recorded changes %d and %d.", tx.Tenant, n, n+1)
		}
		newest = e
	}
	now, err := tx.TenantEvidence("")
	switch {
	case err != nil:
		return err
	case newest.Kind == "" && now.Order > 1, newest.Kind != "" && newest.Sum != now.Sum:
		r.Find("row", "The settings of tenant %d were changed outside the server: they do not match the sealed audit log.", tx.Tenant)
	case newest.Kind == "":
		fresh, err := tx.Number(`SELECT COUNT(*) FROM tenant WHERE id = $1 AND currency IS NULL AND settings = '{}' AND vat_no = ''`, tx.Tenant)
		if err == nil && fresh != 1 {
			r.Find("row", "The settings of tenant %d were changed outside the server: the audit log records no change.", tx.Tenant)
		}
		return err
	}
	return nil
}

// onceRows is how many stored answers are compared together. They are read by their principals, so a slice is large.
const onceRows = 5000

// attestedOnce is the evidence of a stored answer.
type attestedOnce struct {
	once   access.Once // without its hash
	object string      // of the audit row
	e      core.Evidence
}

// verifyOnce compares the stored answers of requests that moved money with their evidence. If an answer is gone, a repeat of its request
// would move the money again.
func (tx *Tx) verifyOnce(r *Report) error {
	attested, slice := int64(0), []attestedOnce(nil)
	err := tx.eachEvidence(func(object string, e core.Evidence) error {
		if e.Kind != core.EvidenceOnce {
			return nil
		}
		attested++
		principal, key, _ := strings.Cut(e.Name, "/")
		principal, _ = url.QueryUnescape(principal)
		key, _ = url.QueryUnescape(key)
		if slice = append(slice, attestedOnce{access.Once{Principal: principal, Key: key}, object, e}); len(slice) < onceRows {
			return nil
		}
		err := tx.compareOnce(r, slice)
		slice = slice[:0]
		return err
	})
	if err == nil {
		err = tx.compareOnce(r, slice)
	}
	if err != nil {
		return err
	}
	kept, err := tx.Number(`SELECT COUNT(*) FROM idempotency WHERE tenant_id = $1 AND expires_at IS NULL AND status < $2`, tx.Tenant, core.FirstRefusal)
	if err == nil && kept > attested {
		r.Find("answer", "%d answers to requests that moved money are stored, but the sealed audit log records %d. Some were added outside the server.", kept, attested)
	}
	r.Count("stored answers", kept)
	return err
}

// compareOnce compares some stored answers with their evidence.
func (tx *Tx) compareOnce(r *Report, slice []attestedOnce) error {
	keys := map[string][]string{} // by principal
	for _, a := range slice {
		keys[a.once.Principal] = append(keys[a.once.Principal], a.once.Key)
	}
	stored := make(map[access.Once]core.Evidence, len(slice))
	for principal, keys := range keys {
		err := core.ReadBy(tx.Tx, core.Keyed{Query: `SELECT key, ` + core.OnceColumns.List("") + ` FROM idempotency
			WHERE tenant_id = $1 AND principal = $2 AND state = 'done' AND expires_at IS NULL AND key `, Args: []any{principal}, Form: 't'}, keys, func(w core.Row) error {
			var a core.Answer
			_, err := core.OnceColumns.Scan(w, 1, &a)
			o := access.Once{Principal: principal, Key: w.Text(0)}
			stored[o] = core.OnceEvidence(access.Once{Principal: o.Principal, Key: o.Key, Hash: a.Hash}, a.Status, a.Body)
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, a := range slice {
		switch now, found := stored[a.once]; {
		case !found:
			r.Find("answer", "The stored answer to request %q of %s (%s) is missing. If the request is repeated, it moves money again.", a.once.Key, a.once.Principal, a.object)
		case now != a.e:
			r.Find("answer", "The stored answer to request %q of %s (%s) was changed.", a.once.Key, a.once.Principal, a.object)
		}
	}
	return nil
}
