package reconcile

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/statement"
)

// Limits of an upload.
const (
	chunk     = 200 // rows that one transaction stores
	maxUnread = 20
)

// UploadResult is the outcome of an upload.
type UploadResult struct {
	refusal.Refusal
	Waits *access.Approval // the approval that the file waits for; no payment was made of it
	File  File
}

// MaySend says why an actor may not send a statement.
func MaySend(by access.Actor) refusal.Refusal { return by.Needs(access.DecidePayments) }

// Upload takes a statement file of a provider (right: payment.decide). Its rows become payments, by the same way as the provider's calls, and
// the days that it covers are reconciled. Of a provider that cannot be asked, the file itself confirms payments, so a second person must
// agree; what a single person uploads confirms no more than the ceilings allow. The same file twice is one file. Without a format, the
// beginning of the file tells it.
func (s *Statements) Upload(ctx context.Context, by access.Actor, provider string, file []byte, format statement.Format) (UploadResult, error) {
	if no := MaySend(by); no.Refused() {
		return UploadResult{Refusal: no}, nil
	}
	if format == "" {
		format = statement.Recognise(file)
	}
	if !format.Known() {
		return UploadResult{Refusal: refuse.StatementOfOtherFormat(refusal.Echo(string(format)))}, nil
	}
	f := File{Format: format, By: by.String()}
	sum := sha256.Sum256(file)
	f.Sum = sum[:]
	o, p, no, err := s.reading(ctx, by.Tenant, provider)
	if err != nil || no.Refused() {
		return UploadResult{Refusal: no}, err
	}
	var read checked
	busy := s.c.Uploads.Read(ctx, func() { read, err = checkFile(f.Format, file, o) })
	if busy.Refused() {
		return UploadResult{Refusal: busy}, nil
	}
	if err != nil || read.Refused() {
		return UploadResult{Refusal: read.Refusal}, err
	}
	f.Provider, f.From, f.To, f.Rows, f.Skipped = p.Name, access.Stored(read.From), access.Stored(read.To), read.Rows, read.Skipped
	// The rows are compared outside the transaction, so that sales do not wait.
	would, no, err := s.effectOf(ctx, by, f, p, file, o)
	if err != nil || no.Refused() {
		return UploadResult{Refusal: no}, err
	}
	out, err := access.Through(ctx, s.c.Door, by.Tenant, func(tx Tx) (UploadResult, error) {
		return s.storeFile(tx, by, f, p, read.packed, would)
	})
	if err != nil || out.Refused() || out.Waits != nil {
		return out, fault.Wrap(err, "store a statement of provider %s", p.Name)
	}
	out.File, err = s.take(ctx, by.Tenant, out.File)
	return out, err
}

// checked is a file that was read whole.
type checked struct {
	refusal.Refusal
	statement.Summary
	packed []byte
}

// checkFile reads a file whole, and packs it.
func checkFile(format statement.Format, file []byte, o statement.Options) (c checked, err error) {
	c.Summary, err = statement.Read(format, bytes.NewReader(file), o, func(statement.Row) error { return nil })
	if wrong := (*statement.Damaged)(nil); errors.As(err, &wrong) {
		return checked{Refusal: refuse.StatementDamaged(format.Title(), refusal.MaskRuns(wrong.Error()))}, nil
	}
	if err != nil {
		return checked{}, fmt.Errorf("read a statement: %w", err)
	}
	c.packed, err = pack(file)
	return c, err
}

// reading finds the provider of a file, and what its rows do not say.
func (s *Statements) reading(ctx context.Context, t access.Tenant, provider string) (o statement.Options, p payment.Provider, no refusal.Refusal, err error) {
	p, err = access.Look(ctx, s.c.Door, t, func(tx Tx) (payment.Provider, error) {
		p, found, err := tx.Paying().Payments().ProviderByName(strings.ToLower(strings.TrimSpace(provider)))
		if i, broken := id.Parse(id.Provider, provider); err == nil && !found && broken == nil {
			p, _, err = tx.Paying().Payments().ProviderByID(i)
		}
		if err == nil {
			o.Zone, err = zone(tx)
		}
		if err == nil {
			o.Currency, _, err = tx.Currency()
		}
		return p, err
	})
	switch {
	case err != nil:
		return o, p, no, fault.Wrap(err, "find provider %s", refusal.Echo(provider))
	case p.ID.IsZero():
		return o, p, refuse.ProviderNotFound(refusal.Echo(provider)), nil
	case p.Disabled():
		return o, p, refuse.StatementOfDisabled(p.Name), nil
	}
	return o, p, no, nil
}

func zone(tx Tx) (*time.Location, error) {
	name, err := tx.TenantZone()
	if err != nil {
		return nil, err
	}
	return localday.LoadZone(name)
}

// storeFile stores a file, and takes its rows once a second person has agreed if one is needed.
func (s *Statements) storeFile(tx Tx, by access.Actor, f File, p payment.Provider, packed []byte, would rehearsal) (UploadResult, error) {
	old, found, err := tx.Reconciling().StatementFileBySum(p.Name, f.Sum)
	switch {
	case err != nil:
		return UploadResult{}, err
	case found && old.State != FileWaiting:
		return UploadResult{File: old}, nil
	case found:
		f = old
	default:
		f.State, f.AddedAt = FileWaiting, tx.Moment()
		if f.ID, err = tx.NewID(); err != nil {
			return UploadResult{}, err
		}
		f.Sealed = s.c.Sealer.Seal(fileContext(f.ID), packed)
		if _, err := tx.Reconciling().AddStatementFile(f); err != nil {
			return UploadResult{}, err
		}
		e := by.Entry("statement.upload", f.Name())
		e.At, e.After = tx.Moment(), f.terms()
		if err := tx.AuditLog(e); err != nil {
			return UploadResult{}, err
		}
	}
	return s.takeAgreed(tx, by, f, p, would)
}

// terms describes a file for the audit log and for the person who must agree.
func (f File) terms() string {
	return fmt.Sprintf("provider=%s format=%s rows=%d from=%s to=%s sha256=%x", f.Provider, f.Format, f.Rows, f.From.Format(time.RFC3339), f.To.Format(time.RFC3339), f.Sum)
}

// uploadRequest is what an approval stores.
type uploadRequest struct {
	File string `json:"file"`
}

// takeAgreed lets the rows of a file be stored. A provider that can be asked confirms its payments itself, so its file needs no second person.
func (s *Statements) takeAgreed(tx Tx, by access.Actor, f File, p payment.Provider, would rehearsal) (UploadResult, error) {
	act, err := s.actOfFile(p)
	if err != nil {
		return UploadResult{}, err
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: act, Object: f.Name(), Summary: fmt.Sprintf("take payments from a statement of provider %s: %d rows", f.Provider, f.Rows),
		Body: uploadRequest{f.Name()}, Content: f.terms(), Effect: func() (access.Effect, error) { return would.effect, nil }}, tx.Moment())
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return UploadResult{Refusal: eyes.Refusal, Waits: eyes.Waits, File: f}, err
	}
	if _, _, err := tx.Paying().Payments().ProviderByID(p.ID); err != nil { // which locks it: one file of a provider at a time
		return UploadResult{}, err
	}
	f.State, f.Proof = FileReading, payment.StatedAlone
	if eyes.Checker != "" {
		f.Proof = payment.Stated
		if f.Agreed, err = s.sealMeters(f, would.meters); err != nil {
			return UploadResult{}, err
		}
		if err := tx.Reconciling().PutAgreedMeters(f); err != nil {
			return UploadResult{}, err
		}
	}
	e := by.Entry("statement.take", f.Name())
	e.At, e.After = tx.Moment(), f.terms()+" proof="+string(f.Proof)
	if err := tx.AuditLog(eyes.Mark(e)); err != nil {
		return UploadResult{}, err
	}
	return UploadResult{File: f}, tx.Reconciling().PutStatementFile(f)
}

// actOfFile returns the act that takes payments from a provider's file.
func (s *Statements) actOfFile(p payment.Provider) (access.Act, error) {
	asks, err := s.c.Payments.CanAsk(p)
	if asks {
		return access.ActAskedStatement, err
	}
	return access.ActStatement, err
}

// doUpload takes a file that a second person approved, or one row of a file that is another payment than it seemed.
func (s *Statements) doUpload(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var r uploadRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return access.Done{}, fmt.Errorf("read an approved statement: %w", err)
	}
	if r.File == "" {
		return s.doClose(ctx, maker, body)
	}
	would, no, err := s.rehearsed(ctx, maker, r.File)
	if err != nil || no.Refused() {
		return access.Done{Refusal: no}, err
	}
	out, err := access.Through(ctx, s.c.Door, maker.Tenant, func(tx Tx) (UploadResult, error) {
		i, broken := id.Parse(id.StatementFile, r.File)
		f, found, err := tx.Reconciling().StatementFileByID(i)
		if broken != nil || err != nil || !found || f.State != FileWaiting {
			return UploadResult{Refusal: refuse.StatementNotWaiting(refusal.Echo(r.File))}, err
		}
		p, _, err := tx.Paying().Payments().ProviderByName(f.Provider)
		if err != nil || p.Disabled() {
			return UploadResult{Refusal: refuse.StatementOfDisabled(f.Provider)}, err
		}
		return s.takeAgreed(tx, maker, f, p, would)
	})
	if err == nil && !out.Refused() {
		_, err = s.take(ctx, maker.Tenant, out.File)
	}
	return access.Done{Refusal: out.Refusal, Object: r.File}, err
}

// sealMeters seals the meters that a second person saw for the rows of a file, so that no other can be put in their place.
func (s *Statements) sealMeters(f File, meters []string) ([]byte, error) {
	packed, err := pack([]byte(strings.Join(meters, "\n")))
	return s.c.Sealer.Seal(metersContext(f.ID), packed), err
}

// openMeters returns the meters that a second person saw for the rows of a file, in the order of the rows; none if nobody saw any.
func (s *Statements) openMeters(f File) ([]string, error) {
	if len(f.Agreed) == 0 {
		return nil, nil
	}
	packed, err := s.c.Sealer.Open(metersContext(f.ID), f.Agreed)
	if err != nil {
		return nil, fmt.Errorf("open the meters of statement %s: %w", f.Name(), err)
	}
	meters, err := unpackFile(packed)
	return strings.Split(string(meters), "\n"), fault.Wrap(err, "open the meters of statement %s", f.Name())
}

// rehearsed says what a stored file would do.
func (s *Statements) rehearsed(ctx context.Context, by access.Actor, file string) (rehearsal, refusal.Refusal, error) {
	i, broken := id.Parse(id.StatementFile, file)
	if broken != nil {
		return rehearsal{}, refusal.Refusal{}, nil
	}
	f, plain, err := s.openFile(ctx, by.Tenant, i)
	if err != nil || f.State != FileWaiting {
		return rehearsal{}, refusal.Refusal{}, err
	}
	o, p, no, err := s.reading(ctx, by.Tenant, f.Provider)
	if err != nil || no.Refused() {
		return rehearsal{}, no, err
	}
	return s.effectOf(ctx, by, f, p, plain, o)
}

func fileContext(file id.ID) string { return "statement file " + file.Text(id.StatementFile) }

func metersContext(file id.ID) string {
	return "meters of statement file " + file.Text(id.StatementFile)
}

// pack compresses a file.
func pack(file []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the usual level takes longer than reading the file
	if err != nil {
		return nil, fmt.Errorf("compress a statement: %w", err)
	}
	_, err = z.Write(file)
	if err = errors.Join(err, z.Close()); err != nil {
		return nil, fmt.Errorf("compress a statement: %w", err)
	}
	return b.Bytes(), nil
}

// unpackFile returns what [pack] compressed.
func unpackFile(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	var plain bytes.Buffer
	plain.Grow(unpackedSize(packed) + bytes.MinRead)
	_, err = plain.ReadFrom(io.LimitReader(z, statement.MaxBytes+1))
	return plain.Bytes(), err
}

// Continue stores the rows of files whose upload was interrupted.
func (s *Statements) Continue(ctx context.Context, t access.Tenant) error {
	files, err := access.Look(ctx, s.c.Door, t, func(tx Tx) ([]File, error) { return tx.Reconciling().UnreadFiles(maxUnread) })
	for _, f := range files {
		if _, e := s.take(ctx, t, f); e != nil {
			err = errors.Join(err, fmt.Errorf("store the rows of statement %s: %w", f.Name(), e))
		}
	}
	return err
}

// errTaken means that somebody else stores the rows of the file.
var errTaken = errors.New("the rows of the statement are being stored elsewhere")

// take stores the rows of a file in transactions of [chunk] rows. It begins where an earlier call ended.
func (s *Statements) take(ctx context.Context, t access.Tenant, f File) (File, error) {
	if f.State != FileReading {
		return f, nil
	}
	f, file, err := s.openFile(ctx, t, f.ID)
	if err != nil || f.State != FileReading {
		return f, err
	}
	o, p, no, err := s.reading(ctx, t, f.Provider)
	if err != nil || no.Refused() {
		return f, err // a disabled provider's file is taken when it is enabled again
	}
	var rows []Row
	var pages []statement.Page
	busy := s.c.Uploads.Read(ctx, func() { rows, pages, err = readRows(f, file, o) })
	if err != nil || busy.Refused() {
		return f, err // while other files are read, this one waits for the next time
	}
	back := givenBack(rows)
	decided, days, err := s.plan(ctx, t, f, rows, pages)
	rows = nil
	if errors.Is(err, errTaken) {
		return f, nil
	}
	if err != nil {
		return f, fault.Wrap(err, "compare the rows of statement %s with older ones", f.Name())
	}
	agreed, err := s.openMeters(f)
	if err != nil {
		return f, err
	}
	n, next := 0, []decidedRow(nil)
	store := func(last bool) error {
		stored, err := access.Through(ctx, s.c.Door, t, func(tx Tx) (stored, error) { return s.store(tx, f, p, next, back, days, last) })
		f, next = stored.File, next[:0]
		return err
	}
	_, err = statement.Read(f.Format, bytes.NewReader(file), o, func(r statement.Row) error {
		d := decidedRow{decision: decided[n], row: r}
		switch {
		case n < len(agreed):
			d.agreed = agreed[n]
		case f.Proof == payment.Stated: // somebody took away what the second person saw, or an older version did not keep it
			d.agreed = payment.NoMeterAgreed
		}
		if n++; n <= f.Taken {
			return nil
		}
		if next = append(next, d); len(next) < chunk {
			return nil
		}
		return store(false)
	})
	if err == nil {
		err = store(true)
	}
	if errors.Is(err, errTaken) {
		return f, nil
	}
	return f, fault.Wrap(err, "store the rows of statement %s", f.Name())
}

// openFile opens a stored file.
func (s *Statements) openFile(ctx context.Context, t access.Tenant, i id.ID) (File, []byte, error) {
	f, err := access.Look(ctx, s.c.Door, t, func(tx Tx) (File, error) {
		f, _, err := tx.Reconciling().StatementFileByID(i)
		return f, err
	})
	if err != nil {
		return f, nil, err
	}
	packed, err := s.c.Sealer.Open(fileContext(f.ID), f.Sealed)
	if err != nil {
		return f, nil, fmt.Errorf("open statement %s: %w", f.Name(), err)
	}
	file, err := unpackFile(packed)
	if err == nil && !sumIs(file, f.Sum) {
		err = errors.New("its SHA-256 is not the stored one")
	}
	return f, file, fault.Wrap(err, "open statement %s", f.Name())
}

// sumIs reports whether a file has a SHA-256.
func sumIs(file, sum []byte) bool {
	real := sha256.Sum256(file)
	return bytes.Equal(real[:], sum)
}

// unpackedSize returns how many bytes a packed file has, as it says itself at its end (RFC 1952). A file without an end has none.
func unpackedSize(packed []byte) int {
	if len(packed) < 4 {
		return 0
	}
	return min(int(binary.LittleEndian.Uint32(packed[len(packed)-4:])), statement.MaxBytes)
}

// reversal is what a file says about a payment that it gives back.
type reversal struct {
	back money.Minor
	paid money.Minor // 0: the payment is not in the file
}

// readRows reads the rows of a file, without the texts that only matter when they are stored.
func readRows(f File, file []byte, o statement.Options) ([]Row, []statement.Page, error) {
	keys := rowKeys{}
	rows := make([]Row, 0, min(f.Rows, statement.MaxRows))
	read, err := statement.Read(f.Format, bytes.NewReader(file), o, func(r statement.Row) error {
		r.Reference, r.Payer = "", "" // they are in its contents
		rows = append(rows, Row{Row: r, Key: string(keys.of(r)), Format: f.Format, Named: true})
		return nil
	})
	return rows, read.Pages, fault.Wrap(err, "read statement %s again", f.Name())
}

// givenBack finds the payments that a file gives back. A payment that its own file gives back whole is never credited.
func givenBack(rows []Row) map[string]reversal {
	out := map[string]reversal{}
	for _, r := range rows {
		if r.Kind == statement.Reversal && r.Of != "" {
			x := out[r.Of]
			x.back -= r.Amount
			out[r.Of] = x
		}
	}
	for _, r := range rows {
		if x, known := out[r.Txn]; known && r.Kind == statement.Payment {
			x.paid = r.Amount
			out[r.Txn] = x
		}
	}
	return out
}

// rowKeys makes the keys of rows: their contents with the name of the first versions, and how many equal rows of the file came before. So a file
// that an earlier version read has the same keys again, and a row that stands in one file twice is stored twice.
type rowKeys map[[sha256.Size]byte]int

func (k rowKeys) of(r statement.Row) []byte {
	text := fmt.Sprintf("%s\x00%s\x00%s\x00%d\x00%s\x00%d", r.Kind, r.Legacy, r.Of, r.Amount, r.Currency, r.At.Unix())
	sum := sha256.Sum256([]byte(text))
	k[sum]++
	if k[sum] > 1 {
		sum = sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", text, k[sum]))
	}
	return sum[:16]
}

// stored is the outcome of storing rows.
type stored struct{ File }

// Refused is always false: rows of a file that was taken are never refused.
func (stored) Refused() bool { return false }

// store stores rows of a file, and passes what is new to the payments.
func (s *Statements) store(tx Tx, f File, p payment.Provider, rows []decidedRow, back map[string]reversal, days []PageDay, last bool) (stored, error) {
	now, found, err := tx.Reconciling().StatementFileByID(f.ID)
	if err != nil {
		return stored{f}, err
	}
	if !found || now.State != FileReading || now.Taken != f.Taken {
		return stored{now}, errTaken
	}
	if _, _, err := tx.Paying().Payments().ProviderByID(p.ID); err != nil { // which locks it: one file of a provider at a time
		return stored{f}, err
	}
	if err := mayTake(tx, f); err != nil {
		return stored{f}, err
	}
	names, err := s.c.Payments.NamesOf(p)
	if err != nil {
		return stored{f}, err
	}
	var notices []payment.Notice
	hear := func(all bool) error {
		if len(notices) == 0 || len(notices) < payment.MaxNotices && !all {
			return nil
		}
		err := s.c.Payments.HearStatement(tx.Paying(), p, notices, f.Proof)
		notices = nil
		return err
	}
	for _, r := range rows {
		f.Taken++
		if r.fate == isKnown {
			continue
		}
		row := r.toStore(f)
		said := row.Row
		row.Txn = names.Fold(row.Txn) // the key keeps the spelling of the file, the row has that of payments
		row.Of = names.Fold(row.Of)
		added, err := tx.Reconciling().AddStatementRow(p.Name, row)
		switch {
		case err != nil:
			return stored{f}, err
		case !added:
			continue
		case r.fate == isPerhapsSame:
			f.Doubtful++
			continue
		}
		f.New++
		if n, says := notice(said, back); says {
			n.Agreed = r.agreed
			notices = append(notices, n)
		}
		if err := hear(false); err != nil {
			return stored{f}, err
		}
	}
	if err := hear(true); err != nil {
		return stored{f}, err
	}
	if last {
		f.State, f.ReadAt = FileRead, tx.Moment()
		if err := tx.Reconciling().AddPageDays(p.Name, days); err != nil {
			return stored{f}, err
		}
	}
	f.Version++
	return stored{f}, tx.Reconciling().PutStatementFile(f)
}

// notice says what a row means for the payments. A payment that the same file gives back whole is only remembered as given back. A row that
// gives a part of a payment back is a difference for a person.
func notice(r statement.Row, back map[string]reversal) (payment.Notice, bool) {
	n := payment.Notice{Kind: payment.Paid, Txn: r.Txn, Amount: money.Amount{Minor: r.Amount, Currency: r.Currency}, Reference: r.Reference, Payer: r.Payer, PaidAt: r.At}
	switch {
	case r.Kind == statement.Payment:
		if back[r.Txn].back >= r.Amount {
			n.Kind = payment.Undone
		}
		return n, true
	case r.Kind == statement.Reversal && r.Of != "" && back[r.Of].paid == 0:
		n.Kind, n.Txn, n.Amount.Minor, n.Whole = payment.Undone, r.Of, -r.Amount, true
		return n, true
	}
	return n, false
}
